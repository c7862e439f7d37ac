"""``serd analyze``: recognizes the emotions in sound files."""

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from serd.audio.paths import printable, sound_files
from serd.cli.analyze.output import CsvWriter, JsonWriter, ResultWriter, TableWriter
from serd.cli.analyze.result_file import LINE_FORMS, LineFile, ResultFile, files_after
from serd.cli.analyze.work import FileResult, analyze_one
from serd.cli.options import add_config_option, add_model_option, settings_from
from serd.cli.progress import ProgressBar
from serd.daemon.worker_pool import map_in_order
from serd.errors import InputError
from serd.model.card import ModelCard
from serd.model.rejection import advice
from serd.model.runtime import load_model
from serd.settings.loader import Settings


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "analyze",
        help="recognize the emotions in sound files",
        description="Analyzes sound files, and all sound files below folders, on all cores.",
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE|FOLDER")
    add_config_option(parser)
    add_model_option(parser)
    spread = parser.add_mutually_exclusive_group()
    spread.add_argument(
        "--jobs", type=int, default=0, metavar="N", help="number of processes; by default one a core"
    )
    spread.add_argument(
        "--dask",
        default="",
        metavar="ADDRESS",
        help="analyze on the workers of this Dask scheduler, such as tcp://host:8786; each has the same"
        " serd, and the files at the same paths",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one event a line")
    form.add_argument("--csv", action="store_true", help="one row a file")
    form.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="write one line or row a file to FILE (.jsonl, .csv or .parquet), and continue after those"
        " that are in it",
    )
    parser.set_defaults(command=analyze_command)


def analyze_command(args: argparse.Namespace) -> int:
    """Analyze every file; a file that cannot be read is reported, and the others follow."""
    settings = settings_from(args)
    card = load_model(settings.model).card
    if args.out is not None:
        return _analyze_to(open_results(args.out, card), args, settings, card)
    files, problems = find_files(args.paths)
    for line in problems:
        print(f"serd: error: {line}", file=sys.stderr)
    writer_class = JsonWriter if args.json else CsvWriter if args.csv else TableWriter
    writer: ResultWriter = writer_class(card.labels)
    n_bad = len(problems)
    n_rejected = 0
    with ProgressBar(len(files)) as progress:
        for result in _analyzed(files, args, settings, card, n_files=len(files)):
            for line in result.warnings:
                progress.print_line(line)
            if result.error:
                n_bad += 1
                progress.print_line(f"error: {result.error}")
            else:
                writer.add(result)
                n_rejected += result.all_rejected
            progress.advance()
    writer.finish()
    if n_rejected:
        print(
            f"serd: in {n_rejected} of {len(files)} files the model rejected everything as no speech;"
            f" {advice(card)}",
            file=sys.stderr,
        )
    return InputError.exit_code if n_bad else 0


def open_results(path: Path, card: ModelCard) -> ResultFile:
    """Open or create the result file of ``--out``.

    Args:
        path: the file; its suffix names the form.
        card: of the model.

    Raises:
        InputError: another suffix, or a file that cannot be continued.
        LibraryError: the form needs a library that is not installed.
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        from serd.cli.analyze.parquet_file import ParquetFile  # noqa: PLC0415 - pyarrow is optional

        return ParquetFile(path, card)
    if suffix not in LINE_FORMS:
        forms = ", ".join(LINE_FORMS)
        raise InputError(f"--out {printable(path)}: expected a name that ends in {forms} or .parquet")
    return LineFile(path, card)


def _analyze_to(
    results: ResultFile, args: argparse.Namespace, settings: Settings, card: ModelCard
) -> int:
    """Analyze files as they are found, so that memory does not grow with their number."""
    n_bad = 0

    def report(line: str) -> None:
        nonlocal n_bad
        n_bad += 1
        print(f"serd: error: {line}", file=sys.stderr)

    with contextlib.closing(results):
        files = files_after(results.last_name, _found(args.paths, report), args.out)
        for result in _analyzed(files, args, settings, card):
            for line in result.warnings:
                print(f"serd: {line}", file=sys.stderr)
            if result.error:
                report(result.error)
            else:
                results.add(result)
        results.finish()
    return InputError.exit_code if n_bad else 0


def _found(paths: Sequence[Path], report: Callable[[str], None]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sound_files(path, report)
        else:
            yield path


def find_files(paths: Iterable[Path]) -> tuple[list[Path], list[str]]:
    """The sound files at or below the paths, and a line for each folder that is empty or locked."""
    files: list[Path] = []
    problems: list[str] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        n_before, n_problems = len(files), len(problems)
        files += sound_files(path, problems.append)
        if len(files) == n_before and len(problems) == n_problems:
            problems.append(f"{printable(path)}: no sound file in this folder")
    return files, problems


def _analyzed(
    files: Iterable[Path],
    args: argparse.Namespace,
    settings: Settings,
    card: ModelCard,
    *,
    n_files: int = sys.maxsize,
) -> Iterator[FileResult]:
    """Yield the result of each file, in order, from Dask workers or from processes of this machine."""
    if args.dask:
        from serd.cli.analyze.cluster import analyze_on_cluster  # noqa: PLC0415 - Dask is optional

        return analyze_on_cluster(
            files,
            settings,
            args.dask,
            network_sha256=card.network_sha256,
            file_events_only=not args.json,
        )
    n_workers = min(args.jobs or os.cpu_count() or 1, n_files)
    work = partial(analyze_one, settings, file_events_only=not args.json)
    return map_in_order(work, files, n_workers=n_workers)

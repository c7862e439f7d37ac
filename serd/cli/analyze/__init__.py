"""``serd analyze``: recognizes the emotions in sound files."""

import argparse
import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from serd.audio.paths import printable, sound_files
from serd.cli.analyze.failures import FailureList
from serd.cli.analyze.output import CsvWriter, JsonWriter, TableWriter
from serd.cli.analyze.report import Report
from serd.cli.analyze.result_file import LINE_FORMS, LineFile, Printed, ResultFile, files_after
from serd.cli.analyze.work import FileResult, analyze_one
from serd.cli.options import add_config_option, add_model_option, settings_from
from serd.cli.progress import ProgressBar
from serd.daemon.worker_pool import map_in_order
from serd.errors import InputError
from serd.model.card import ModelCard
from serd.model.runtime import load_model
from serd.settings.loader import Settings

_PLAIN_EVERY_S: Final = 60.0
"""Time between two lines of progress where no bar can be drawn, in seconds."""


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
    """Analyze every file; a file that cannot be read is reported, and the others follow.

    Files are analyzed as they are found, so that memory does not grow with their number.
    """
    settings = settings_from(args)
    card = load_model(settings.model).card
    start_s = time.monotonic()
    n_files = sum(1 for _ in found_files(args.paths))
    with (
        contextlib.closing(_results(args, card)) as results,
        ProgressBar(n_files, plain_every_s=_PLAIN_EVERY_S if args.out else float("inf")) as progress,
    ):
        failures = FailureList(failure_path(args.out), results.last_name) if args.out else None
        report = Report(progress, failures)
        found = found_files(args.paths, report.problem)
        files = files_after(results.last_name, found, args.out, progress.skip) if args.out else found
        try:
            for result in _analyzed(files, args, settings, card, n_files=n_files):
                report.add(result)
                if not result.error:
                    results.add(result)
                progress.advance()
        except KeyboardInterrupt:
            if args.out:
                done = f"{progress.pace.n_done:,} of {n_files:,} files"
                progress.print_line(f"stopped after {done}; the same command continues")
            raise
        results.finish()
        n_skipped = progress.pace.n_skipped
        report.sum_up(card, args.out, time.monotonic() - start_s, n_skipped)
    return report.exit_code


def _results(args: argparse.Namespace, card: ModelCard) -> ResultFile:
    if args.out is not None:
        return open_results(args.out, card)
    writer_class = JsonWriter if args.json else CsvWriter if args.csv else TableWriter
    return Printed(writer_class(card.labels))


def failure_path(out: Path) -> Path:
    """The list of files that could not be read, beside the result file."""
    return out.with_name(f"{out.name}.failed.csv")


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


def found_files(
    paths: Iterable[Path], on_problem: Callable[[str], None] = lambda _line: None
) -> Iterator[Path]:
    """Yield the sound files at or below the paths.

    Args:
        paths: files and folders.
        on_problem: is called with a line for each folder that is empty or cannot be entered.
    """
    for path in paths:
        if path.is_dir():
            yield from _found_below(path, on_problem)
        else:
            yield path


def _found_below(folder: Path, on_problem: Callable[[str], None]) -> Iterator[Path]:
    is_explained = False

    def explain(line: str) -> None:
        nonlocal is_explained
        is_explained = True
        on_problem(line)

    for file in sound_files(folder, explain):
        is_explained = True
        yield file
    if not is_explained:
        on_problem(f"{printable(folder)}: no sound file in this folder")


def _analyzed(
    files: Iterable[Path],
    args: argparse.Namespace,
    settings: Settings,
    card: ModelCard,
    *,
    n_files: int,
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

"""``serd analyze``: recognizes the emotions in sound files."""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from serd.audio.paths import printable, sound_files
from serd.cli.analyze_file import ResultFile
from serd.cli.analyze_output import (
    CsvWriter,
    FileResult,
    JsonWriter,
    ProgressBar,
    ResultWriter,
    TableWriter,
)
from serd.cli.options import add_config_option, add_model_option, settings_from
from serd.daemon.process import keep_freed_memory
from serd.daemon.worker_pool import map_in_order
from serd.errors import InputError, SoundFileError
from serd.model.rejection import RejectionCounter, advice
from serd.model.runtime import ModelSettings, TfliteModel, load_model
from serd.recognizer import file_events
from serd.settings.loader import Settings

if TYPE_CHECKING:
    from serd.events.event import Event


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
    parser.add_argument(
        "--jobs", type=int, default=0, metavar="N", help="number of processes; by default one a core"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one event a line")
    form.add_argument("--csv", action="store_true", help="one row a file")
    form.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="append one line a file to FILE (.jsonl or .csv), and continue after those that are in it",
    )
    parser.set_defaults(command=analyze_command)


def analyze_command(args: argparse.Namespace) -> int:
    """Analyze every file; a file that cannot be read is reported, and the others follow."""
    settings = settings_from(args)
    card = load_model(settings.model).card
    if args.out is not None:
        return _analyze_to(ResultFile(args.out, card.labels), args.paths, settings, args.jobs)
    files, problems = find_files(args.paths)
    for line in problems:
        print(f"serd: error: {line}", file=sys.stderr)
    n_workers = min(args.jobs or os.cpu_count() or 1, len(files))
    writer_class = JsonWriter if args.json else CsvWriter if args.csv else TableWriter
    writer: ResultWriter = writer_class(card.labels)
    n_bad = len(problems)
    n_rejected = 0
    with ProgressBar(len(files)) as progress:
        for result in analyze_all(files, settings, n_workers=n_workers, file_events_only=not args.json):
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


def _analyze_to(results: ResultFile, paths: Sequence[Path], settings: Settings, n_jobs: int) -> int:
    """Analyze files as they are found, so that memory does not grow with their number."""
    n_bad = 0

    def report(line: str) -> None:
        nonlocal n_bad
        n_bad += 1
        print(f"serd: error: {line}", file=sys.stderr)

    found = (file for path in paths for file in (sound_files(path, report) if path.is_dir() else [path]))
    with contextlib.closing(results):
        n_workers = n_jobs or os.cpu_count() or 1
        files = results.remaining(found)
        for result in analyze_all(files, settings, n_workers=n_workers, file_events_only=True):
            for line in result.warnings:
                print(f"serd: {line}", file=sys.stderr)
            if result.error:
                report(result.error)
            else:
                results.add(result)
    return InputError.exit_code if n_bad else 0


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


def analyze_all(
    files: Iterable[Path], settings: Settings, *, n_workers: int, file_events_only: bool = False
) -> Iterator[FileResult]:
    """Yield the result of each file, in order, from ``n_workers`` processes; 1 or less for this one."""
    keep_freed_memory()
    yield from map_in_order(
        partial(analyze_one, settings, file_events_only=file_events_only), files, n_workers=n_workers
    )


def analyze_one(settings: Settings, path: Path, *, file_events_only: bool = False) -> FileResult:
    """Analyze one file with the settings' model, which each process loads once.

    Args:
        settings: all settings.
        path: the file.
        file_events_only: whether to drop the events of windows and utterances.
    """
    model = _loaded(settings.model)
    rejections = RejectionCounter(model.card)
    warnings: list[str] = []
    events: list[Event] = []
    n_utterances = 0
    all_events = file_events(
        path,
        model,
        settings.pipeline,
        node=settings.node.resolved_name,
        channel=settings.sources[0].channel,
        rejections=rejections,
        warnings=warnings,
    )
    try:
        for event in all_events:
            n_utterances += event.kind == "utterance"
            if event.kind == "file" or not file_events_only:
                events.append(event)
    except SoundFileError as exc:
        return FileResult(path=path, error=str(exc))
    return FileResult(
        path=path,
        events=events,
        n_utterances=n_utterances,
        warnings=warnings,
        all_rejected=rejections.all_rejected,
    )


@lru_cache(maxsize=1)
def _loaded(settings: ModelSettings) -> TfliteModel:
    return load_model(settings)

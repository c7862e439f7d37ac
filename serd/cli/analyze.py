"""``serd analyze``: the emotions in sound files."""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from serd.audio.opening import SOUND_SUFFIXES
from serd.cli.analyze_output import CsvReport, FileResult, JsonReport, Progress, TableReport
from serd.cli.options import add_config_option, add_model_option, settings_from
from serd.daemon.process import keep_freed_memory, map_in_order
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
        help="name the emotions in sound files",
        description="Analyses sound files, and folders with all that is below them, on all cores.",
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE|FOLDER")
    add_config_option(parser)
    add_model_option(parser)
    parser.add_argument(
        "--jobs", type=int, default=0, metavar="N", help="processes; by default one a core"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one event a line")
    form.add_argument("--csv", action="store_true", help="one row a file")
    parser.set_defaults(command=analyze_command)


def analyze_command(args: argparse.Namespace) -> int:
    """Analyse every file; a bad one is reported and the rest goes on."""
    settings = settings_from(args)
    card = load_model(settings.model).card
    files, problems = find_files(args.paths)
    for line in problems:
        print(f"serd: error: {line}", file=sys.stderr)
    jobs = min(args.jobs or os.cpu_count() or 1, len(files))
    report = (JsonReport if args.json else CsvReport if args.csv else TableReport)(card.labels)
    n_bad = len(problems)
    n_rejected = 0
    with Progress(len(files)) as progress:
        for result in analyze_all(files, settings, jobs=jobs, keeps_all=args.json):
            for line in result.warnings:
                progress.say(line)
            if result.error:
                n_bad += 1
                progress.say(f"error: {result.error}")
            else:
                report.add(result)
                n_rejected += result.all_rejected
            progress.advance()
    report.finish()
    if n_rejected:
        print(
            f"serd: in {n_rejected} of {len(files)} files the model rejected everything as no speech;"
            f" {advice(card)}",
            file=sys.stderr,
        )
    return InputError.exit_code if n_bad else 0


def find_files(paths: Iterable[Path]) -> tuple[list[Path], list[str]]:
    """The sound files that the paths mean, and a line for each path that means none."""
    files: list[Path] = []
    problems = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        found = sorted(
            item for item in path.rglob("*") if item.suffix.lower() in SOUND_SUFFIXES and item.is_file()
        )
        files += found
        if not found:
            problems.append(f"{path}: no sound file in this folder")
    return files, problems


def analyze_all(
    files: Sequence[Path], settings: Settings, *, jobs: int, keeps_all: bool = True
) -> Iterator[FileResult]:
    """Analyse files in their order, in ``jobs`` processes; in this one if that is 1 or less."""
    analyze = partial(analyze_one, settings, keeps_all=keeps_all)
    if jobs <= 1:
        keep_freed_memory()
        yield from map(analyze, files)
        return
    yield from map_in_order(analyze, files, jobs=jobs)


def analyze_one(settings: Settings, path: Path, *, keeps_all: bool = True) -> FileResult:
    """Analyse one file with the settings' model, which each process loads once.

    Args:
        settings: of everything.
        path: the file.
        keeps_all: whether every event is wanted, and not only that of the whole file.
    """
    model = _loaded(settings.model)
    rejections = RejectionCounter(model.card)
    warnings: list[str] = []
    events: list[Event] = []
    n_utterances = 0
    found = file_events(
        path,
        model,
        settings.pipeline,
        node=settings.node.resolved_name,
        channel=settings.sources[0].channel,
        rejections=rejections,
        warnings=warnings,
    )
    try:
        for event in found:
            n_utterances += event.kind == "utterance"
            if keeps_all or event.kind == "file":
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

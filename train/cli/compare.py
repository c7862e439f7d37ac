"""``python -m train compare``: runs in one table, and two models on the same clips."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from serd.errors import InputError
from serd.model.card import ModelCard
from serd.model.file import BUNDLED_MODELS, bundled_model_path, read_model
from train.article.run_folder import RunFolder, finished_runs
from train.cli.options import (
    add_reading_options,
    check_writable,
    every_clip,
    name_of,
    natural,
    unused_path,
)
from train.data.clips import Actors, CorpusError, format_actors, parse_actors
from train.evaluation.compare import PREDICTIONS, Comparison, compare, read_decisions
from train.evaluation.model_evaluation import evaluate_model, plan_evaluation
from train.evaluation.schemes import SCHEMES
from train.evaluation.selection import Request, trained_actors
from train.report.evaluation_files import write_evaluation
from train.report.experiments_page import comparison
from train.report.tables import Table, print_table

_COMPARISONS = Path("runs/compare")
_WITH_CLIPS = ("table", "labels", "actors", "scheme", "out")
"""Options of the evaluation of models."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "compare",
        help="compare runs in one table, or two models clip by clip",
        description="Print UAR, accuracy, macro F1, parameters, size, seconds and epochs of runs. Given"
        " two folders with predictions.csv, of evaluate or of runs, print the differences of the second"
        " model from the first on the clips of both, with 95 % intervals by bootstrap over speakers,"
        " and McNemar's test. Given two models and --clips, evaluate both on the clips of the speakers"
        " that neither was trained on, and compare them.",
    )
    add = parser.add_argument
    add(
        "runs",
        type=Path,
        nargs="+",
        metavar="RUN",
        help="a run's folder, a folder of runs, or a folder of evaluate; with --clips, a .tflite file,"
        f" or the name of a model that comes with serd: {' or '.join(BUNDLED_MODELS)}",
    )
    add("--clips", type=Path, metavar="ROOT", help="evaluate two models on the clips below this folder")
    add_reading_options(parser)
    add(
        "--actors",
        default="",
        metavar="21-24",
        help="compare on these (default: those new to both)",
    )
    add("--scheme", choices=SCHEMES, help="classes, as for evaluate (default: the models' own)")
    add("--out", type=Path, metavar="FOLDER", help="for the two evaluations (default: in runs/compare)")
    add("--seed", type=natural, default=0, help="seed of the resamples (default: 0)")
    parser.set_defaults(command=compare_command)


def compare_command(options: argparse.Namespace) -> int:
    """Print the table of runs, or the comparison of two models, or both."""
    if options.clips is not None:
        first, second = map(read_decisions, _evaluations(options))
        _print(first.name, second.name, compare(first, second, seed=options.seed))
        return 0
    _check_without_clips(options)
    folders: list[Path] = options.runs
    is_pair = len(folders) == 2 and all((path / PREDICTIONS).is_file() for path in folders)
    runs = [run for path in folders for run in _runs(path)]
    if not is_pair or all(run.is_finished and "test" in run.content() for run in runs):
        figures = [run.metrics() for run in runs]
        print_table(comparison([run.name for run in runs], figures))
    if is_pair:
        first, second = map(read_decisions, folders)
        _print(first.name, second.name, compare(first, second, seed=options.seed))
    elif len(folders) == 2 and any((path / PREDICTIONS).is_file() for path in folders):
        lacking = next(path for path in folders if not (path / PREDICTIONS).is_file())
        raise InputError(f"{lacking}: no {PREDICTIONS} in it, so it is not compared clip by clip")
    return 0


def _check_without_clips(options: argparse.Namespace) -> None:
    """Refuse models, and options of their evaluation.

    Raises:
        InputError: the line says which.
    """
    for name in _WITH_CLIPS:
        if getattr(options, name):
            raise InputError(f"--{name} needs --clips ROOT, the folder of the clips")
    for path in options.runs:
        if path.is_file() or (str(path) in BUNDLED_MODELS and not path.exists()):
            raise InputError(f"{path}: a model, which needs --clips ROOT with clips to compare it on")


def _evaluations(options: argparse.Namespace) -> list[Path]:
    """Evaluate two models on the same clips; returns the folders.

    Raises:
        InputError: not two models.
        CorpusError: no speaker is new to both, or no clip can be used.
    """
    if len(options.runs) != 2:
        raise InputError(f"{len(options.runs)} models with --clips, expected two")
    models = [_model(path) for path in options.runs]
    cards = [read_model(path)[1] for path in models]
    corpus = every_clip(options.clips, options)
    actors = parse_actors(options.actors) or _new_to_all(corpus.actors, models, cards)
    names = [path.stem for path in models]
    names = [names[0], names[1] if names[1] != names[0] else f"{names[1]}-2"]
    out = options.out or unused_path(_COMPARISONS / f"{'-'.join(names)}-{name_of(options.clips)}")
    check_writable(out.absolute())
    folders = [out / name for name in names]
    plans = [
        plan_evaluation(path, options.clips, corpus, Request(actors=actors), options.scheme)
        for path in models
    ]
    for plan, folder in zip(plans, folders, strict=True):
        command = f"python -m train compare MODEL MODEL --clips ROOT --seed {options.seed}"
        write_evaluation(evaluate_model(plan, seed=options.seed, command=command), folder)
        print(f"evaluated {plan.model_path.name}: {folder}", flush=True)
    return folders


def _model(path: Path) -> Path:
    """The file of a model, or of one that comes with serd.

    Raises:
        InputError: it is neither.
    """
    if path.is_file():
        return path
    if str(path) in BUNDLED_MODELS:
        return bundled_model_path(str(path))
    names = " or ".join(BUNDLED_MODELS)
    raise InputError(f"{path}: no model, expected a .tflite file or {names} with --clips")


def _new_to_all(present: Actors, models: Sequence[Path], cards: Sequence[ModelCard]) -> Actors:
    """The speakers that no model was trained on; says whom one was.

    Raises:
        CorpusError: there are none.
    """
    new = present
    for path, card in zip(models, cards, strict=True):
        if seen := present & (trained_actors(card) or frozenset()):
            print(f"note: {path.name} was trained on actors {format_actors(seen)}, who are left out")
            new -= seen
    if not new:
        raise CorpusError(
            f"each of the actors {format_actors(present)} has been trained on by one of the models; hold"
            " some out with fit --test-actors, or name other clips"
        )
    return new


def _runs(path: Path) -> list[RunFolder]:
    run = RunFolder(path=path.absolute())
    return [run] if run.is_finished else list(finished_runs(path.absolute())) or [run]


def _print(first: str, second: str, found: Comparison) -> None:
    rows = []
    for title, name in (("UAR", "uar"), ("accuracy", "accuracy"), ("macro F1", "macro_f1")):
        bounds = found.intervals.get(name)
        rows.append(
            (
                title,
                f"{getattr(found.first, name):.4f}",
                f"{getattr(found.second, name):.4f}",
                f"{found.differences[name]:+.4f}",
                f"{bounds.low:+.4f} to {bounds.high:+.4f}" if bounds else "-",
            )
        )
    columns = ("", first, second, "difference", "95 % interval over speakers")
    plural = "s" if found.n_actors > 1 else ""
    print(f"\n{found.first.n_clips} clips of {found.n_actors} speaker{plural}")
    if found.n_unpaired:
        print(f"{found.n_unpaired} clips of one model alone are not compared")
    print_table(Table(columns=columns, rows=tuple(rows)))
    print(
        f"right by {first} alone: {found.n_first_alone} clips, by {second} alone:"
        f" {found.n_second_alone}; McNemar's exact test p = {found.p_value:.4f}"
    )

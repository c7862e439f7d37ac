"""``python -m train compare``: runs in one table, and two models on the same clips."""

import argparse
from pathlib import Path

from serd.errors import InputError
from train.article.run_folder import RunFolder, finished_runs
from train.cli.options import natural
from train.evaluation.compare import PREDICTIONS, Comparison, compare, read_decisions
from train.report.experiments_page import comparison
from train.report.tables import Table, print_table


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "compare",
        help="compare runs in one table, or two models clip by clip",
        description="Print UAR, accuracy, macro F1, parameters, size, seconds and epochs of runs. Given"
        " two folders with predictions.csv, of evaluate or of runs, print the differences of the second"
        " model from the first on the clips of both, with 95 % intervals by bootstrap over speakers,"
        " and McNemar's test.",
    )
    parser.add_argument(
        "runs",
        type=Path,
        nargs="+",
        metavar="RUN",
        help="a run's folder, a folder of runs, or a folder of evaluate",
    )
    parser.add_argument("--seed", type=natural, default=0, help="seed of the resamples (default: 0)")
    parser.set_defaults(command=compare_command)


def compare_command(options: argparse.Namespace) -> int:
    """Print the table of runs, or the comparison of two models, or both."""
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
    print(f"\n{found.first.n_clips} clips of {found.n_actors} speakers")
    if found.n_unpaired:
        print(f"{found.n_unpaired} clips of one model alone are not compared")
    print_table(Table(columns=columns, rows=tuple(rows)))
    print(
        f"right by {first} alone: {found.n_first_alone} clips, by {second} alone:"
        f" {found.n_second_alone}; McNemar's exact test p = {found.p_value:.4f}"
    )

"""``python -m train experiments``: list and run the article's experiments."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable

from serd.errors import InputError
from train.article.data import Data, load_data, parts
from train.article.experiment import Experiment, RunOptions
from train.article.loading import all_experiments, experiment_names, load_experiment
from train.article.progress import duration, reporter
from train.article.run_folder import RunFolder
from train.article.runs import Cell, keep_result, make_cell, run_cell
from train.cli.options import check_writable, natural, positive
from train.data.clips import parse_actors
from train.model.jobs import run_jobs
from train.model.tensorflow_import import keep_freed_memory
from train.report.experiments_page import comparison
from train.report.tables import print_table

_ALL = "all"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "experiments",
        help="list and run the article's experiments",
        description="List the article's experiments, or run some of them on a folder of RAVDESS. An"
        " interrupted run goes on with the same command; a finished one is not run again.",
    )
    add = parser.add_argument
    add("root", type=Path, nargs="?", metavar="ROOT", help="folder that holds RAVDESS")
    add("--run", nargs="+", metavar="NAME", help='experiments, TOML files, or "all"; then ROOT')
    add("--quick", action="store_true", help="a smoke run: a few clips, an epoch")
    add("--epochs", type=positive, default=0, help="epochs at most (default: the experiment's)")
    add("--holdout", default="", metavar="17-20", help="actors tested in place of 21-24")
    add("--seed", type=natural, default=0, help="seeds all that is drawn (default: 0)")
    add("--jobs", type=positive, default=1, help="experiments at a time (default: 1)")
    add("--out", type=Path, help="folder for runs (default: runs/experiments, or runs/quick)")
    add("--again", action="store_true", help="begin runs anew that are there with other settings")
    parser.set_defaults(command=experiments_command)


def experiments_command(options: argparse.Namespace) -> int:
    """List, or run."""
    if options.run is None:
        _list()
        return 0
    names, root = _names_and_root(options.run, options.root)
    experiments = [load_experiment(name) for name in names]
    out = options.out or Path("runs/quick" if options.quick else "runs/experiments")
    check_writable(out.absolute())
    data = load_data(root, holdout=parse_actors(options.holdout), is_quick=options.quick)
    for line in data.left_out:
        print(f"left out: {line}", flush=True)
    run_options = RunOptions(
        seed=options.seed,
        is_quick=options.quick,
        epochs=options.epochs,
        features=(out.parent / "features").absolute(),
    )
    cells = _cells(experiments, root, data, run_options, out, is_anew=options.again or options.quick)
    keep_freed_memory()
    _run(cells, options.jobs)
    runs = [RunFolder(path=cell.folder) for cell in cells]
    print_table(comparison([run.name for run in runs], [run.metrics() for run in runs]))
    print(f"{len(runs)} runs in {out}")
    return 0


def _list() -> None:
    table = RichTable("name", "what", "the article", box=None, pad_edge=False)
    for experiment in all_experiments():
        claim = experiment.claim
        figure = f"{100 * claim.accuracy:.4g} % {claim.of} accuracy" if claim.accuracy else ""
        table.add_row(experiment.name, experiment.what, figure)
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    console.print(table)
    print("\nRun them: python -m train experiments --run NAME... ROOT   (or --run all)")


def _names_and_root(words: Sequence[str], root: Path | None) -> tuple[list[str], Path]:
    """Experiments, and ROOT, which stands before or behind them."""
    known = {*experiment_names(), _ALL}
    names = [name for word in words for name in word.split(",") if name]
    if root is None and names and names[-1] not in known and not names[-1].endswith(".toml"):
        root = Path(words[-1])
        names = names[: len(names) - len([each for each in words[-1].split(",") if each])]
    if root is None:
        raise InputError("ROOT is missing: the folder that holds RAVDESS")
    if _ALL in names:
        names = experiment_names()
    if not names:
        raise InputError("--run: no experiment named; `python -m train experiments` lists them")
    return list(dict.fromkeys(names)), root


def _cells(
    experiments: Sequence[Experiment],
    root: Path,
    data: Data,
    options: RunOptions,
    out: Path,
    *,
    is_anew: bool,
) -> list[Cell]:
    """What is to be run, checked before anything slow begins."""
    cells = []
    for experiment in experiments:
        parts(experiment, data, seed=options.seed)
        name = experiment.name if options.seed == 0 else f"{experiment.name}-seed{options.seed}"
        folder = RunFolder(path=out / name)
        cell = make_cell(experiment, root, data, options, folder.path)
        folder.make_room(cell.digest, is_anew=is_anew)
        cells.append(cell)
    return cells


def _run(cells: Sequence[Cell], n_processes: int) -> None:
    left = [cell for cell in cells if not RunFolder(path=cell.folder).is_finished]
    if len(left) < len(cells):
        print(f"{len(cells) - len(left)} of {len(cells)} runs were finished before", flush=True)
    if n_processes == 1:
        for number, cell in enumerate(left, start=1):
            with reporter(cell.folder.name) as shown:
                metrics = run_cell(cell, shown).metrics
            _say(number, len(left), cell, metrics)
        return
    results = run_jobs(run_cell, left, n_processes=n_processes)
    for number, (cell, result) in enumerate(results, start=1):
        keep_result(cell, result)
        _say(number, len(left), cell, result.metrics)


def _say(number: int, n_all: int, cell: Cell, metrics: dict[str, object]) -> None:
    test = metrics["test"]
    assert isinstance(test, dict)  # noqa: S101
    print(
        f"{number}/{n_all} {cell.folder.name}: UAR {test['uar']:.3f},"
        f" accuracy {test['accuracy']:.3f}, {metrics['epochs']} epochs in"
        f" {duration(float(str(metrics['seconds'])))}; {metrics['stopped']}",
        flush=True,
    )

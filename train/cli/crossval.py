"""``python -m train crossval``: every fold of a protocol with several seeds."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from serd.errors import InputError
from train.article.experiment import RunOptions
from train.article.loading import load_experiment
from train.article.run_folder import RunFolder
from train.article.runs import SUMMARY, CrossvalSettings, cell_data, crossval, crossval_cells
from train.cli.options import add_also_option, check_writable, positive
from train.data.clips import parse_actors
from train.data.protocols import PROTOCOLS
from train.model.tensorflow_import import keep_freed_memory
from train.report.tables import Table, print_table


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "crossval",
        help="train and score every fold of a protocol",
        description="Train an experiment on every fold of a protocol with several seeds; print the mean,"
        " the standard deviation and the pooled confusion. The same command takes up what is left. With"
        " --dask, folds go to the workers of a Dask scheduler, each of which has serd with its train and"
        " dask extras, and ROOT and FOLDER at the same paths: `dask scheduler` on one machine,"
        " `dask worker tcp://SCHEDULER:8786 --nthreads 1` on each, begun in serd's folder.",
    )
    add = parser.add_argument
    add("settings", metavar="SETTINGS", help="an experiment's name, or a TOML file")
    add("root", type=Path, metavar="ROOT", help="folder that holds RAVDESS")
    add("--protocol", choices=PROTOCOLS, default="dev5", help="whose folds (default: dev5)")
    add("--holdout", default="", metavar="17-20", help="article: actors tested in place of 21-24")
    add_also_option(parser)
    add("--seeds", type=positive, default=1, help="seeds of each fold (default: 1)")
    add("--jobs", type=positive, default=1, help="folds at a time on this machine (default: 1)")
    add("--dask", default="", metavar="ADDRESS", help="scheduler whose workers take the folds")
    add("--epochs", type=positive, default=0, help="epochs at most (default: the experiment's)")
    add("--quick", action="store_true", help="a smoke run: one epoch, a small network")
    add("--out", type=Path, default=Path("runs/crossval"), help="folder (default: runs/crossval)")
    add("--again", action="store_true", help="begin runs anew that are there with other settings")
    parser.set_defaults(command=crossval_command)


def crossval_command(options: argparse.Namespace) -> int:
    """Train, score and sum up."""
    experiment = load_experiment(options.settings)
    experiment = replace(experiment, data=replace(experiment.data, protocol=options.protocol))
    holdout = parse_actors(options.holdout)
    if holdout and options.protocol != "article":
        raise InputError(
            f"--holdout is for --protocol article; {options.protocol} has its own test actors"
        )
    if options.also and experiment.data.set != "eight":
        raise InputError(
            f"--also: {experiment.name} learns the article's {experiment.data.set} classes, which take"
            " RAVDESS alone"
        )
    folder = options.out / f"{experiment.name}-{options.protocol}{'-quick' if options.quick else ''}"
    check_writable(folder.absolute())
    also = tuple(each.absolute() for each in options.also)
    data = cell_data(
        options.root.absolute(), holdout, also=also, is_quick=options.quick, protocol=options.protocol
    )
    features = (options.out.parent / "features").absolute()
    settings = CrossvalSettings(
        experiment=experiment,
        root=options.root,
        also=also,
        n_seeds=options.seeds,
        options=RunOptions(is_quick=options.quick, epochs=options.epochs, features=features),
        folder=folder,
        n_processes=options.jobs,
        dask=options.dask,
    )
    cells = crossval_cells(settings, data)
    for cell in cells:
        is_anew = options.again or options.quick
        RunFolder(path=cell.folder).make_room(cell.digest, is_anew=is_anew)
    keep_freed_memory()
    summary = crossval(settings, cells, lambda line: print(line, flush=True))
    _print(summary)
    print(f"written: {folder / SUMMARY} and a folder for each fold and seed beside it")
    return 0


def _print(summary: dict[str, Any]) -> None:
    columns = ("fold", "seed", "test actors", "UAR", "accuracy", "macro F1", "epochs", "seconds")
    rows = [
        (
            run["fold"],
            str(run["seed"]),
            run["test_actors"],
            *(f"{run[name]:.4f}" for name in ("uar", "accuracy", "macro_f1")),
            str(run["epochs"]),
            f"{run['seconds']:.0f}",
        )
        for run in summary["runs"]
    ]
    for what in ("mean", "std"):
        figures = (f"{summary[name][what]:.4f}" for name in ("uar", "accuracy", "macro_f1"))
        rows.append((what, "", "", *figures, "", ""))
    print_table(Table(columns=columns, rows=tuple(rows)))
    pooled = summary["pooled"]
    labels = pooled["labels"]
    print(f"\nall folds and seeds together: UAR {pooled['uar']:.4f}, {pooled['n_clips']} decisions")
    matrix = [
        (label, *map(str, counts)) for label, counts in zip(labels, pooled["confusion"], strict=True)
    ]
    print_table(Table(columns=("truth", *labels, "not heard"), rows=tuple(matrix)))
    for line in summary["shortened"]:
        print(f"shortened: {line}")

"""``python -m train experiments``: list, run and cross-validate the article's experiments."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from serd.errors import InputError, SerdError
from train.article.data import Data, load_data, parts
from train.article.experiment import Experiment, RunOptions
from train.article.loading import all_experiments, experiment_names, load_experiment
from train.article.progress import duration, reporter
from train.article.run_folder import RunFolder
from train.article.runs import (
    SUMMARY,
    CrossValidation,
    Run,
    RunResult,
    cross_validate,
    cross_validation_runs,
    execute_run,
    make_run,
    run_data,
    store_result,
)
from train.cli.options import (
    add_also_option,
    add_reading_options,
    check_writable,
    natural,
    positive,
    read_settings,
)
from train.data.clips import Actors, parse_actors
from train.data.protocols import SPLIT_PROTOCOLS
from train.model.jobs import run_jobs
from train.model.tensorflow_import import keep_freed_memory
from train.report.experiments_page import comparison
from train.report.tables import Table, print_table

_ALL = "all"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "experiments",
        help="list, run and cross-validate the article's experiments",
        description="List the article's experiments, or run some of them on a folder of RAVDESS. With"
        " --protocol, train and score every fold of a protocol with several seeds, and print mean,"
        " standard deviation and the pooled confusion. An interrupted command resumes when it is given"
        " again; finished runs are kept. With --dask, folds go to the workers of a Dask scheduler, each"
        " of which has serd with its train and dask extras, and ROOT and FOLDER at the same paths:"
        " `dask scheduler` on one machine, `dask worker tcp://SCHEDULER:8786 --nthreads 1` on each,"
        " started in serd's folder.",
    )
    add = parser.add_argument
    add(
        "root",
        type=Path,
        nargs="?",
        metavar="ROOT",
        help="folder that holds RAVDESS, or what --protocol tests",
    )
    add("--run", nargs="+", metavar="NAME", help='experiments, TOML files, or "all"; then ROOT')
    add("--protocol", choices=SPLIT_PROTOCOLS, help="cross-validate on the folds of this protocol")
    add("--seeds", type=positive, help="seeds of each fold, with --protocol (default: 1)")
    add("--seed", type=natural, help="seed of all random draws, without --protocol (default: 0)")
    add("--holdout", default="", metavar="17-20", help="article: actors tested in place of 21-24")
    add_also_option(parser)
    add_reading_options(parser, trains=True)
    add("--jobs", type=positive, default=1, help="runs at a time on this machine (default: 1)")
    add("--dask", default="", metavar="ADDRESS", help="scheduler whose workers take the folds")
    add("--epochs", type=positive, default=0, help="epochs at most (default: the experiment's)")
    add("--quick", action="store_true", help="a smoke run: a few clips, an epoch")
    add("--out", type=Path, help="folder for runs (default: runs/experiments, quick or crossval)")
    add("--again", action="store_true", help="replace runs that have other settings")
    parser.set_defaults(command=experiments_command)


def experiments_command(options: argparse.Namespace) -> int:
    """List, run or cross-validate."""
    if options.run is None:
        _list()
        return 0
    _check_options(options)
    names, root = _names_and_root(options.run, options.root)
    experiments = [load_experiment(name) for name in names]
    holdout = parse_actors(options.holdout)
    failures = _Failures()
    if options.protocol:
        for experiment in experiments:
            with failures.of(experiment.name):
                _cross_validate(experiment, root, holdout, options)
    else:
        _run_experiments(experiments, root, holdout, options, failures)
    return failures.report(len(experiments))


class _Failures:
    """The experiments that could not run; the others go on."""

    def __init__(self) -> None:
        self._errors: dict[str, SerdError] = {}

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Keep an error of an experiment."""
        try:
            yield
        except SerdError as exc:
            self.add(name, exc)

    def add(self, name: str, error: SerdError) -> None:
        """Keep an error of an experiment."""
        self._errors[name] = error

    def report(self, n_experiments: int) -> int:
        """List the errors on standard error; returns the exit code of the command.

        Raises:
            SerdError: no experiment could run; the error of the first.
        """
        if self._errors and len(self._errors) == n_experiments:
            raise next(iter(self._errors.values()))
        for name, error in self._errors.items():
            print(f"train: {name} could not run: {error}", file=sys.stderr)
        return 1 if self._errors else 0


def _check_options(options: argparse.Namespace) -> None:
    """Refuse options that do not go together.

    Raises:
        InputError: the line says which.
    """
    if options.protocol and options.seed is not None:
        raise InputError("--seed is for single runs; --protocol takes --seeds, counted from 0")
    if not options.protocol:
        for name in ("seeds", "also", "dask"):
            if getattr(options, name):
                raise InputError(f"--{name} needs --protocol, one of {', '.join(SPLIT_PROTOCOLS)}")
    elif options.holdout and options.protocol != "article":
        raise InputError(
            f"--holdout is for --protocol article; {options.protocol} has its own test actors"
        )


def _list() -> None:
    rows = []
    for experiment in all_experiments():
        claim = experiment.claim
        accuracy = f"{100 * claim.accuracy:.4g} % {claim.of} accuracy" if claim.accuracy else ""
        rows.append((experiment.name, experiment.what, accuracy))
    print_table(Table(columns=("name", "what", "the article"), rows=tuple(rows)))
    print("\nRun them: python -m train experiments --run NAME... ROOT   (or --run all)")


def _names_and_root(words: Sequence[str], root: Path | None) -> tuple[list[str], Path]:
    """Experiments, and ROOT, which may be before or behind them."""
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


def _run_experiments(
    experiments: Sequence[Experiment],
    root: Path,
    holdout: Actors,
    options: argparse.Namespace,
    failures: _Failures,
) -> None:
    """Run each experiment that can run on its own protocol with one seed."""
    out = options.out or Path("runs/quick" if options.quick else "runs/experiments")
    check_writable(out.absolute())
    settings = read_settings(options, out.parent)
    data = load_data(root, holdout=holdout, is_quick=options.quick, settings=settings)
    _print_left_out(data)
    run_options = _run_options(options, out, seed=options.seed or 0)
    runs = []
    suffix = f"-seed{run_options.seed}" if run_options.seed else ""
    for experiment in experiments:
        with failures.of(experiment.name):
            parts(experiment, data, seed=run_options.seed)
            folder = out / f"{experiment.name}{suffix}"
            run = make_run(experiment, root, data, run_options, folder, settings=settings)
            _make_room([run], options)
            runs.append(run)
    keep_freed_memory()
    _execute(runs, options.jobs, failures)
    folders = [folder for run in runs if (folder := RunFolder(path=run.folder)).is_finished]
    if not folders:
        return
    print_table(comparison([each.name for each in folders], [each.metrics() for each in folders]))
    print(f"{len(folders)} runs in {out}")


def _execute(runs: Sequence[Run], n_processes: int, failures: _Failures) -> None:
    left = [run for run in runs if not RunFolder(path=run.folder).is_finished]
    if len(left) < len(runs):
        print(f"{len(runs) - len(left)} of {len(runs)} runs were finished before", flush=True)
    if n_processes == 1:
        for number, run in enumerate(left, start=1):
            with failures.of(run.experiment.name):
                with reporter(run.folder.name) as shown:
                    metrics = execute_run(run, shown).metrics
                _print_run(number, len(left), run, metrics)
        return
    results = run_jobs(_attempt, left, n_processes=n_processes)
    for number, (run, result) in enumerate(results, start=1):
        if isinstance(result, SerdError):
            failures.add(run.experiment.name, result)
        else:
            store_result(run, result)
            _print_run(number, len(left), run, result.metrics)


def _attempt(run: Run) -> RunResult | SerdError:
    """Execute a run in a process of its own; an error of it does not end the others."""
    try:
        return execute_run(run)
    except SerdError as exc:
        return exc


def _print_run(number: int, n_runs: int, run: Run, metrics: dict[str, Any]) -> None:
    test = metrics["test"]
    print(
        f"{number}/{n_runs} {run.folder.name}: UAR {test['uar']:.3f},"
        f" accuracy {test['accuracy']:.3f}, {metrics['epochs']} epochs in"
        f" {duration(metrics['seconds'])}; {metrics['stopped']}",
        flush=True,
    )


def _cross_validate(
    experiment: Experiment, root: Path, holdout: Actors, options: argparse.Namespace
) -> None:
    """Train every fold of the protocol with every seed.

    Raises:
        InputError: other corpora are given to an experiment that learns the article's classes.
    """
    if options.also and experiment.data.set != "eight":
        raise InputError(
            f"--also: {experiment.name} learns the article's {experiment.data.set} classes, which take"
            " RAVDESS alone"
        )
    experiment = replace(experiment, data=replace(experiment.data, protocol=options.protocol))
    out = options.out or Path("runs/crossval")
    folder = out / f"{experiment.name}-{options.protocol}{'-quick' if options.quick else ''}"
    check_writable(folder.absolute())
    also = tuple(each.absolute() for each in options.also)
    data = run_data(
        root.absolute(),
        holdout,
        also=also,
        is_quick=options.quick,
        protocol=options.protocol,
        settings=read_settings(options, out.parent),
    )
    _print_left_out(data)
    settings = CrossValidation(
        experiment=experiment,
        root=root,
        also=also,
        settings=read_settings(options, out.parent),
        n_seeds=options.seeds or 1,
        options=_run_options(options, out),
        folder=folder,
        n_processes=options.jobs,
        dask=options.dask,
    )
    runs = cross_validation_runs(settings, data)
    _make_room(runs, options)
    keep_freed_memory()
    summary = cross_validate(settings, runs, lambda line: print(line, flush=True))
    _print_summary(summary)
    print(f"written: {folder / SUMMARY} and a folder for each fold and seed beside it")


def _print_summary(summary: dict[str, Any]) -> None:
    columns = ("fold", "seed", "test actors", "UAR", "accuracy", "macro F1", "epochs", "seconds")
    names = ("uar", "accuracy", "macro_f1")
    rows = [
        (
            run["fold"],
            str(run["seed"]),
            run["test_actors"],
            *(f"{run[name]:.4f}" for name in names),
            str(run["epochs"]),
            f"{run['seconds']:.0f}",
        )
        for run in summary["runs"]
    ]
    rows += [
        (what, "", "", *(f"{summary[name][what]:.4f}" for name in names), "", "")
        for what in ("mean", "std")
    ]
    print_table(Table(columns=columns, rows=tuple(rows)))
    pooled = summary["pooled"]
    labels = pooled["labels"]
    print(f"\nall folds and seeds together: UAR {pooled['uar']:.4f}, {pooled['n_clips']} decisions")
    matrix = [
        (label, *map(str, counts)) for label, counts in zip(labels, pooled["confusion"], strict=True)
    ]
    print_table(Table(columns=("truth", *labels, "missed"), rows=tuple(matrix)))
    for line in summary["shortened"]:
        print(f"shortened: {line}")


def _print_left_out(data: Data) -> None:
    for line in data.left_out:
        print(f"left out: {line}", flush=True)


def _run_options(options: argparse.Namespace, out: Path, *, seed: int = 0) -> RunOptions:
    features = (out.parent / "features").absolute()
    return RunOptions(seed=seed, is_quick=options.quick, epochs=options.epochs, features=features)


def _make_room(runs: Sequence[Run], options: argparse.Namespace) -> None:
    """Check that no folder holds a run with other settings.

    Raises:
        InputError: one does, and --again is not given.
    """
    for run in runs:
        RunFolder(path=run.folder).make_room(run.digest, replaces_others=options.again or options.quick)

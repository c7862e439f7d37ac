"""Runs as any process or machine can execute them, and cross-validation over folds and seeds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from serd.errors import OperationError
from train.article import run_folder as files
from train.article.data import Data, load_data, parts
from train.article.experiment import Experiment, RunOptions
from train.article.progress import PlainReporter
from train.article.run import Reporter, run_fold, run_settings
from train.article.run_folder import CONFUSION, RunFolder
from train.data.clips import Actors
from train.data.corpora import ReadSettings
from train.data.files import write_json, write_whole
from train.data.protocols import LEAKY
from train.evaluation.compare import PREDICTIONS
from train.evaluation.metrics import Scores, measures
from train.model.jobs import run_jobs
from train.report.run_pictures import confusion

SUMMARY: Final = "crossval.json"
_FIGURES: Final = ("uar", "accuracy", "macro_f1")
_FILES: Final = (
    files.SETTINGS,
    files.HISTORY,
    PREDICTIONS,
    files.CURVES,
    files.CONFUSION,
    files.MODEL,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One fold of an experiment with one seed."""

    experiment: Experiment
    """The experiment."""
    root: Path
    """Folder of the clips; the same on each machine."""
    also: tuple[Path, ...]
    """Folders of other corpora; the same on each machine."""
    settings: ReadSettings
    """Table, labels and duplicates; the table is at the same place on each machine."""
    holdout: Actors
    """Actors tested in place of the article's."""
    options: RunOptions
    """Seed, fold and limits."""
    folder: Path
    """Folder of the run."""
    digest: str
    """Digest of its settings and clips, by which another machine checks that it has the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult:
    """Metrics and files of a finished run."""

    metrics: dict[str, Any]
    """Content of ``metrics.json``."""
    files: Mapping[str, bytes]
    """The other files of the run's folder, which may be on another machine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CrossValidation:
    """Every fold of an experiment's protocol with several seeds."""

    experiment: Experiment
    """The experiment, with the protocol."""
    root: Path
    """Folder of the clips."""
    n_seeds: int
    """Seeds of each fold, counted from 0."""
    options: RunOptions
    """Limits, and the folder of features."""
    folder: Path
    """Folder for the runs and the summary."""
    n_processes: int = 1
    """Processes on this machine."""
    also: tuple[Path, ...] = ()
    """Folders of other corpora."""
    settings: ReadSettings = field(default_factory=ReadSettings)
    """Table, labels and duplicates."""
    dask: str = ""
    """Address of a Dask scheduler; empty for this machine's processes."""


def make_run(
    experiment: Experiment,
    root: Path,
    data: Data,
    options: RunOptions,
    folder: Path,
    *,
    also: Sequence[Path] = (),
    settings: ReadSettings | None = None,
) -> Run:
    """A run on clips that this process has read."""
    return Run(
        experiment=experiment,
        root=root.absolute(),
        also=tuple(each.absolute() for each in also),
        settings=settings or ReadSettings(),
        holdout=data.holdout,
        options=options,
        folder=folder.absolute(),
        digest=str(run_settings(experiment, data, options)["digest"]),
    )


def execute_run(run: Run, reporter: Reporter | None = None) -> RunResult:
    """Train and score a run in this process.

    Raises:
        OperationError: this machine has other clips than the one that made the run.
    """
    data = run_data(
        run.root,
        run.holdout,
        also=run.also,
        is_quick=run.options.is_quick,
        protocol=run.experiment.data.protocol,
        settings=run.settings,
    )
    if run_settings(run.experiment, data, run.options)["digest"] != run.digest:
        raise OperationError(f"{run.root}: not the same clips here as where the work comes from")
    folder = RunFolder(path=run.folder)
    name = f"{folder.path.parent.name}/{folder.name}"
    metrics = run_fold(run.experiment, data, folder, run.options, reporter or PlainReporter(name))
    return RunResult(metrics=metrics, files={name: (folder.path / name).read_bytes() for name in _FILES})


def store_result(run: Run, result: RunResult) -> None:
    """Write a run's folder on this machine, unless it is here already."""
    folder = RunFolder(path=run.folder)
    if not folder.is_finished:
        for name, content in result.files.items():
            write_whole(folder.path / name, content)
        folder.finish(result.metrics)


def run_data(
    root: Path,
    holdout: Actors,
    *,
    also: tuple[Path, ...] = (),
    is_quick: bool,
    protocol: str,
    settings: ReadSettings | None = None,
) -> Data:
    """The clips for a protocol; a smoke run of a protocol that tests every actor keeps all of them."""
    has_all_actors = is_quick and protocol not in {"article", LEAKY}
    return _data(
        root,
        holdout,
        also,
        settings or ReadSettings(),
        protocol,
        is_quick=is_quick,
        has_all_actors=has_all_actors,
    )


@lru_cache(maxsize=1)
def _data(
    root: Path,
    holdout: Actors,
    also: tuple[Path, ...],
    settings: ReadSettings,
    protocol: str,
    *,
    is_quick: bool,
    has_all_actors: bool,
) -> Data:
    """The clips, read once a process."""
    return load_data(
        root,
        also=also,
        holdout=holdout,
        is_quick=is_quick,
        has_all_actors=has_all_actors,
        protocol=protocol,
        settings=settings,
    )


def cross_validation_runs(settings: CrossValidation, data: Data) -> list[Run]:
    """A run for each fold and seed, checked before anything slow begins.

    Raises:
        CorpusError: a fold cannot be trained.
    """
    runs = []
    for seed in range(settings.n_seeds):
        n_folds = len(parts(settings.experiment, data, seed=seed))
        for fold in range(n_folds):
            options = replace(settings.options, seed=seed, fold=fold)
            path = settings.folder / f"fold{fold + 1}-seed{seed}"
            run = make_run(
                settings.experiment,
                settings.root,
                data,
                options,
                path,
                also=settings.also,
                settings=settings.settings,
            )
            runs.append(run)
    return runs


def cross_validate(
    settings: CrossValidation, runs: Sequence[Run], log: Callable[[str], None]
) -> dict[str, Any]:
    """Execute the runs that are not finished, and summarize all of them.

    Returns:
        Content of ``crossval.json``.
    """
    done: dict[Run, dict[str, Any]] = {}
    for run in runs:
        folder = RunFolder(path=run.folder)
        if folder.is_finished:
            done[run] = folder.metrics()
            log(f"{folder.name}: {_line(done[run])}, finished by an earlier run")
    left = [run for run in runs if run not in done]
    results = run_jobs(execute_run, left, n_processes=settings.n_processes, dask=settings.dask)
    for run, result in results:
        store_result(run, result)
        done[run] = result.metrics
        log(f"{run.folder.name}: {_line(result.metrics)}")
    summary = _summary(settings, [done[run] for run in runs])
    write_json(settings.folder / SUMMARY, summary)
    title = f"{settings.experiment.name}, {settings.experiment.data.protocol}, pooled"
    write_whole(settings.folder / CONFUSION, confusion(summary["pooled"], title))
    return summary


def _summary(settings: CrossValidation, runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation over all folds and seeds, and all decisions together."""
    total = np.sum([run["test"]["confusion"] for run in runs], axis=0)
    pooled = Scores(labels=tuple(runs[0]["test"]["labels"]), confusion=total)
    statistics = {
        name: {
            "mean": round(float(np.mean(values)), 4),
            "std": round(float(np.std(values, ddof=1)) if len(values) > 1 else 0.0, 4),
        }
        for name in _FIGURES
        for values in [[run["test"][name] for run in runs]]
    }
    return {
        "name": settings.experiment.name,
        "protocol": settings.experiment.data.protocol,
        "seeds": settings.n_seeds,
        "runs": [
            {
                "fold": run["split"]["protocol"],
                "seed": run["seed"],
                "test_actors": run["split"]["test_actors"],
                **{name: run["test"][name] for name in _FIGURES},
                "epochs": run["epochs"],
                "seconds": run["seconds"],
            }
            for run in runs
        ],
        **statistics,
        "pooled": measures(pooled),
        "shortened": sorted({each for run in runs for each in run["shortened"]}),
    }


def _line(metrics: dict[str, Any]) -> str:
    return f"actors {metrics['split']['test_actors']}: UAR {metrics['test']['uar']:.4f}"

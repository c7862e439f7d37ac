"""Runs as any process or machine can execute them, and cross-validation over folds and seeds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from serd.errors import OperationError
from train.article import run_folder as files
from train.article.data import Data, load_data, parts
from train.article.experiment import Experiment, RunOptions
from train.article.progress import PlainReporter
from train.article.run import Reporter, run, run_settings
from train.article.run_folder import CONFUSION, RunFolder
from train.data.clips import Actors
from train.data.files import write_json, write_whole
from train.data.protocols import LEAKY
from train.evaluation.metrics import Scores, measures
from train.model.jobs import run_jobs
from train.report.run_pictures import confusion

_FILES = (
    files.SETTINGS,
    files.HISTORY,
    files.PREDICTIONS,
    files.CURVES,
    files.CONFUSION,
    files.MODEL,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """What one process is given."""

    experiment: Experiment
    """The experiment."""
    root: Path
    """Folder of the clips; the same on each machine."""
    also: tuple[Path, ...]
    """Folders of other corpora, likewise."""
    holdout: Actors
    """Actors tested in place of the article's."""
    options: RunOptions
    """Seed, fold and what is shortened."""
    folder: Path
    """Folder of the run."""
    digest: str
    """What the run has to depend on: that other machines have the same clips."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CellResult:
    """What comes back."""

    metrics: dict[str, Any]
    """What ``metrics.json`` holds."""
    files: Mapping[str, bytes]
    """The other files of the run's folder, which may lie on another machine."""


def make_cell(
    experiment: Experiment,
    root: Path,
    data: Data,
    options: RunOptions,
    folder: Path,
    *,
    also: Sequence[Path] = (),
) -> Cell:
    """A cell for clips that this process has read."""
    return Cell(
        experiment=experiment,
        root=root.absolute(),
        also=tuple(each.absolute() for each in also),
        holdout=data.holdout,
        options=options,
        folder=folder.absolute(),
        digest=str(run_settings(experiment, data, options)["digest"]),
    )


def run_cell(cell: Cell, reporter: Reporter | None = None) -> CellResult:
    """Run a cell in this process.

    Raises:
        OperationError: this machine has other clips than the one that gave the work.
    """
    data = cell_data(
        cell.root,
        cell.holdout,
        also=cell.also,
        is_quick=cell.options.is_quick,
        protocol=cell.experiment.data.protocol,
    )
    if run_settings(cell.experiment, data, cell.options)["digest"] != cell.digest:
        raise OperationError(f"{cell.root}: not the same clips here as where the work comes from")
    folder = RunFolder(path=cell.folder)
    name = f"{folder.path.parent.name}/{folder.name}"
    metrics = run(cell.experiment, data, folder, cell.options, reporter or PlainReporter(name))
    return CellResult(
        metrics=metrics, files={name: (folder.path / name).read_bytes() for name in _FILES}
    )


def keep_result(cell: Cell, result: CellResult) -> None:
    """Write a run's folder here, where another machine wrote it to its own disk."""
    folder = RunFolder(path=cell.folder)
    if not folder.is_finished:
        for name, content in result.files.items():
            write_whole(folder.path / name, content)
        folder.finish(result.metrics)


def cell_data(
    root: Path, holdout: Actors, *, also: tuple[Path, ...] = (), is_quick: bool, protocol: str
) -> Data:
    """The clips for a protocol; a smoke run of one that tests every actor keeps all of them."""
    has_all_actors = is_quick and protocol not in {"article", LEAKY}
    return _data(root, holdout, also, is_quick=is_quick, has_all_actors=has_all_actors)


@lru_cache(maxsize=1)
def _data(
    root: Path, holdout: Actors, also: tuple[Path, ...], *, is_quick: bool, has_all_actors: bool
) -> Data:
    """The clips, read once a process."""
    return load_data(root, also=also, holdout=holdout, is_quick=is_quick, has_all_actors=has_all_actors)


SUMMARY: Final = "crossval.json"
_FIGURES: Final = ("uar", "accuracy", "macro_f1")


@dataclass(frozen=True, kw_only=True, slots=True)
class CrossvalSettings:
    """What is trained, and how it is spread."""

    experiment: Experiment
    """The experiment, with the protocol whose folds are trained."""
    root: Path
    """Folder of the clips."""
    n_seeds: int
    """Seeds of each fold, counted from 0."""
    options: RunOptions
    """What is shortened, and where features lie."""
    folder: Path
    """Folder for the runs and the summary."""
    n_processes: int = 1
    """Processes on this machine."""
    also: tuple[Path, ...] = ()
    """Folders of other corpora."""
    dask: str = ""
    """Address of a Dask scheduler; empty for this machine's processes."""


def crossval_cells(settings: CrossvalSettings, data: Data) -> list[Cell]:
    """A cell for each fold and seed, checked before anything slow begins.

    Raises:
        CorpusError: a fold cannot be trained.
        InputError: a folder holds a run with other settings.
    """
    cells = []
    for seed in range(settings.n_seeds):
        n_folds = len(parts(settings.experiment, data, seed=seed))
        for fold in range(n_folds):
            options = replace(settings.options, seed=seed, fold=fold)
            path = settings.folder / f"fold{fold + 1}-seed{seed}"
            cell = make_cell(settings.experiment, settings.root, data, options, path, also=settings.also)
            cells.append(cell)
    return cells


def crossval(
    settings: CrossvalSettings, cells: Sequence[Cell], report: Callable[[str], None]
) -> dict[str, Any]:
    """Train and score the cells that no earlier run has finished, and sum up.

    Returns:
        What ``crossval.json`` holds.
    """
    done: dict[Cell, dict[str, Any]] = {}
    for cell in cells:
        folder = RunFolder(path=cell.folder)
        if folder.is_finished:
            done[cell] = folder.metrics()
            report(f"{folder.name}: {_line(done[cell])}, finished by an earlier run")
    left = [cell for cell in cells if cell not in done]
    for cell, result in run_jobs(run_cell, left, n_processes=settings.n_processes, dask=settings.dask):
        keep_result(cell, result)
        done[cell] = result.metrics
        report(f"{cell.folder.name}: {_line(result.metrics)}")
    summary = summarise(settings, [done[cell] for cell in cells])
    write_json(settings.folder / SUMMARY, summary)
    title = f"{settings.experiment.name}, {settings.experiment.data.protocol}, pooled"
    write_whole(settings.folder / CONFUSION, confusion(summary["pooled"], title))
    return summary


def summarise(settings: CrossvalSettings, runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation over all folds and seeds, and all decisions taken together."""
    total = np.sum([run["test"]["confusion"] for run in runs], axis=0)
    pooled = Scores(labels=tuple(runs[0]["test"]["labels"]), confusion=total)
    figures = {
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
        **figures,
        "pooled": measures(pooled),
        "shortened": sorted({each for run in runs for each in run["shortened"]}),
    }


def _line(metrics: dict[str, Any]) -> str:
    return f"actors {metrics['split']['test_actors']}: UAR {metrics['test']['uar']:.4f}"

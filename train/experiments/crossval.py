"""Every fold of a protocol with several seeds: mean, standard deviation and the pooled confusion."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from train.experiments.cells import Cell, keep_result, make_cell, run_cell
from train.experiments.data import Data, parts
from train.experiments.folder import CONFUSION, RunFolder
from train.experiments.measures import measures
from train.experiments.options import RunOptions
from train.experiments.pictures import confusion
from train.experiments.settings import Experiment
from train.files import write_json, write_whole
from train.scores import Scores
from train.spread import spread

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
    for cell, result in spread(run_cell, left, n_processes=settings.n_processes, dask=settings.dask):
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

"""One fold of an experiment with one seed, as any process or machine can run it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from serd.errors import OperationError
from train.actors import Actors
from train.experiments import folder as files
from train.experiments.data import Data, load_data
from train.experiments.folder import RunFolder
from train.experiments.options import RunOptions
from train.experiments.progress import PlainReporter
from train.experiments.running import Reporter, run, run_settings
from train.experiments.settings import Experiment
from train.files import write_whole
from train.protocols import LEAKY

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

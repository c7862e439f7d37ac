"""The picture of the experiments: what a network learns, and what of it holds for others."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from train.report.drawing import COLORS, INK, new_figure, plain, save_figure
from train.report.run_record import RunRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHOWN: Final = {
    "baseline-holdout": "inherited network, 10 classes",
    "aug-noise": "men, 5 classes, clips doubled with noise",
    "aug-noise-leaky": "the same, doubled before the split",
}
"""Experiments of the picture, and their titles."""
_LINES: Final = (
    ("accuracy", "training clips", "unknown"),
    ("val_accuracy", "validation, same actors", "male"),
)


def shown_experiments(records: Mapping[str, RunRecord]) -> list[str]:
    """Names of the runs that the picture has."""
    return [name for name in _SHOWN if name in records and "val_accuracy" in records[name].curves]


def learning_curves(records: Mapping[str, RunRecord], path: Path) -> Path:
    """Accuracy of training and validation by epoch, and of unseen actors at the end.

    Args:
        records: runs by name, with one or more of ``shown_experiments``.
        path: output file.

    Raises:
        LibraryError: matplotlib is not installed.
        OperationError: it cannot be written.
    """
    names = shown_experiments(records)
    figure = new_figure(0.4 + 3.2 * len(names), 3.2)
    panels = np.atleast_1d(figure.subplots(1, len(names), sharey=True))
    for axes, name in zip(panels, names, strict=True):
        _draw(axes, records[name])
        axes.set_title(_SHOWN[name], color=INK, fontsize=10)
    panels[0].set(ylabel="accuracy", ylim=(0, 1))
    panels[0].legend(frameon=False, fontsize=8, loc="upper left")
    return save_figure(figure, path)


def _draw(axes: "Axes", record: RunRecord) -> None:
    epochs = np.array(record.curves["epoch"], float)
    for key, label, color in _LINES:
        values = np.array(record.curves[key], float)
        axes.plot(epochs, values, color=COLORS[color], label=label, linewidth=1.3)
    ends = [0.0, epochs[-1]]
    test = [record.metrics["test"]["accuracy"]] * 2
    axes.plot(ends, test, color=COLORS["female"], linewidth=1.6, linestyle="--", label="actors held out")
    chance = [1.0 / record.metrics["n_labels"]] * 2
    axes.plot(ends, chance, color="#bbbbbb", linewidth=1.0, linestyle=":", label="chance")
    axes.set(xlabel="epoch", xlim=ends)
    axes.locator_params(axis="x", integer=True)
    plain(axes, grid="y")

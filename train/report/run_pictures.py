"""Pictures of a run: its curves by epoch, and its confusion matrix."""

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from train.report.drawing import COLORS, INK, new_figure, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TRAIN, _VALIDATION = COLORS["male"], COLORS["female"]
_DPI: Final = 110


def curves(history: Sequence[Mapping[str, float]], title: str) -> bytes:
    """Loss, accuracy and UAR of training and validation by epoch, as PNG.

    Args:
        history: a row an epoch, with ``loss``, ``val_loss`` and so on; what is missing is not drawn.
        title: title of the picture.
    """
    figure = new_figure(11.0, 3.6)
    figure.set_layout_engine(None)  # a computed layout takes longer than all the rest
    figure.subplots_adjust(left=0.05, right=0.985, top=0.82, bottom=0.14, wspace=0.16)
    figure.suptitle(title, fontsize=11)
    epochs = [row["epoch"] for row in history]
    marker = "o" if len(epochs) == 1 else ""
    names = (("loss", "loss"), ("accuracy", "accuracy"), ("uar", "UAR"))
    for axes, (key, name) in zip(figure.subplots(1, 3), names, strict=True):
        for prefix, label, color in (("", "training", _TRAIN), ("val_", "validation", _VALIDATION)):
            values = [row.get(prefix + key, np.nan) for row in history]
            axes.plot(epochs, values, color=color, label=label, marker=marker, linewidth=1.4)
        axes.set_title(name, color=INK, fontsize=10)
        axes.set_xlabel("epoch")
        axes.locator_params(axis="x", integer=True)
        plain(axes, grid="y")
        if key != "loss":
            axes.set_ylim(0.0, 1.0)
    figure.axes[0].legend(frameon=False)
    return _png(figure)


def confusion(test: Mapping[str, Any], title: str) -> bytes:
    """The confusion matrix of ``measures``, shares of each true class in color, as PNG."""
    labels = list(test["labels"])
    counts = np.array(test["confusion"])
    if not counts[:, -1].any():
        counts = counts[:, :-1]
    columns = [*labels, "not heard"][: counts.shape[1]]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = 2.6 + 0.62 * len(labels)
    figure = new_figure(size + 0.4, size)
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    axes.set_xticks(range(len(columns)), columns, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("decision")
    axes.set_ylabel("truth")
    axes.set_title(f"{title}\nUAR {test['uar']:.3f}, {test['n_clips']} clips", fontsize=10)
    _write_numbers(axes, counts, shares)
    return _png(figure)


def _write_numbers(axes: "Axes", counts: Any, shares: Any) -> None:  # noqa: ANN401
    for (row, column), count in np.ndenumerate(counts):
        if count:
            color = "white" if shares[row, column] > 0.55 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=color, fontsize=9)


def _png(figure: "Figure") -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=_DPI)
    return picture.getvalue()

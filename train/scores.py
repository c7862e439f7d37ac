"""How good decisions are: recalls, their unweighted mean (UAR), accuracy, confusion."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNHEARD = -1
"""In place of a label where no speech was heard; always an error."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """Decisions counted against the truth."""

    labels: tuple[str, ...]
    """Name of each class."""
    confusion: NDArray[np.int64]
    """int64, shape (n_labels, n_labels + 1): truth by decision, the last column for not heard."""

    @property
    def n_clips(self) -> int:
        """Number of decisions."""
        return int(self.confusion.sum())

    @property
    def n_unheard(self) -> int:
        """Number of clips in which no speech was heard."""
        return int(self.confusion[:, -1].sum())

    @property
    def accuracy(self) -> float:
        """Share of right decisions."""
        return float(np.trace(self.confusion) / self.n_clips)

    @property
    def recalls(self) -> dict[str, float]:
        """Share of right decisions of each class that occurs."""
        totals = self.confusion.sum(axis=1)
        return {
            label: float(self.confusion[index, index] / totals[index])
            for index, label in enumerate(self.labels)
            if totals[index]
        }

    @property
    def uar(self) -> float:
        """Unweighted average recall: the mean of ``recalls``."""
        return float(np.mean(list(self.recalls.values())))

    def to_json(self) -> dict[str, object]:
        """Figures for a report, rounded to four digits."""
        return {
            "uar": round(self.uar, 4),
            "accuracy": round(self.accuracy, 4),
            "recalls": {label: round(recall, 4) for label, recall in self.recalls.items()},
            "n_clips": self.n_clips,
            "n_unheard": self.n_unheard,
            "confusion": self.confusion.tolist(),
        }


def score(truth: Iterable[int], decisions: Iterable[int], labels: Sequence[str]) -> Scores:
    """Count decisions.

    Args:
        truth: index of the right label of each clip.
        decisions: index of the label decided for, or ``UNHEARD``.
        labels: name of each class.

    Raises:
        ValueError: no clip at all, or not as many decisions as truths.
    """
    confusion = np.zeros((len(labels), len(labels) + 1), np.int64)
    for right, decision in zip(truth, decisions, strict=True):
        confusion[right, decision] += 1
    if not confusion.any():
        raise ValueError("Bad number of clips 0, expected 1 or more")
    return Scores(labels=tuple(labels), confusion=confusion)


def summary(scores: Scores) -> str:
    """One line for a person."""
    recalls = ", ".join(f"{label} {recall:.2f}" for label, recall in scores.recalls.items())
    unheard = f", {scores.n_unheard} not heard" if scores.n_unheard else ""
    return (
        f"UAR {scores.uar:.4f}, accuracy {scores.accuracy:.4f} on {scores.n_clips} clips{unheard};"
        f" recall: {recalls}"
    )

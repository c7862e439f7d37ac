"""Metrics of decisions: recall, precision and F1 by class, UAR, macro F1, accuracy, confusion.

The functions take one confusion matrix or many at once, as resampling needs. UAR is the unweighted
average recall of B. Schuller et al., "The INTERSPEECH 2009 Emotion Challenge"; macro F1 is the mean of
the classes' F1, not the F1 of mean precision and recall. Both are over the classes that occur.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MISSED = -1
"""Decision for a clip without detected speech; always an error."""

Counts = NDArray[np.int64]
Shares = NDArray[np.float64]


def recalls(confusion: Counts) -> Shares:
    """Share of correct decisions among each class's clips.

    Args:
        confusion: int64, shape (..., n_labels, n_labels + 1), as in ``Scores``.

    Returns:
        float64, shape (..., n_labels), 0 to 1; NaN for a class that does not occur.
    """
    return _ratio(_right(confusion), confusion.sum(axis=-1))


def precisions(confusion: Counts) -> Shares:
    """Share of correct ones among the decisions for each class.

    Args:
        confusion: int64, shape (..., n_labels, n_labels + 1), as in ``Scores``.

    Returns:
        float64, shape (..., n_labels), 0 to 1; NaN for a class without decisions.
    """
    return _ratio(_right(confusion), confusion[..., :-1].sum(axis=-2))


def f1s(confusion: Counts) -> Shares:
    """Harmonic mean of each class's precision and recall; 0 for a class without decisions.

    Args:
        confusion: int64, shape (..., n_labels, n_labels + 1), as in ``Scores``.

    Returns:
        float64, shape (..., n_labels), 0 to 1; NaN for a class that does not occur.
    """
    occurs = confusion.sum(axis=-1)
    both = occurs + confusion[..., :-1].sum(axis=-2)
    return _ratio(2 * _right(confusion), np.where(occurs > 0, both, 0))


def uar(confusion: Counts) -> Shares:
    """Unweighted average recall over the classes that occur: float64, shape (...)."""
    return _mean_over_classes(recalls(confusion))


def macro_f1(confusion: Counts) -> Shares:
    """Mean F1 over the classes that occur: float64, shape (...)."""
    return _mean_over_classes(f1s(confusion))


def accuracy(confusion: Counts) -> Shares:
    """Share of correct decisions: float64, shape (...)."""
    return _ratio(_right(confusion).sum(axis=-1), confusion.sum(axis=(-2, -1)))


def _right(confusion: Counts) -> Counts:
    return np.diagonal(confusion, axis1=-2, axis2=-1)


def _ratio(part: Counts, whole: Counts) -> Shares:
    share: Shares = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=share, where=np.asarray(whole) > 0)
    return share


def _mean_over_classes(shares: Shares) -> Shares:
    occurs = ~np.isnan(shares)
    total = np.where(occurs, shares, 0.0).sum(axis=-1)
    return np.asarray(total / occurs.sum(axis=-1))


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """Confusion matrix of decisions, with its metrics."""

    labels: tuple[str, ...]
    """Name of each class."""
    confusion: NDArray[np.int64]
    """int64, shape (n_labels, n_labels + 1): truth by decision, the last column for missed clips."""

    @property
    def n_clips(self) -> int:
        """Number of decisions."""
        return int(self.confusion.sum())

    @property
    def n_missed(self) -> int:
        """Number of missed clips: those without detected speech."""
        return int(self.confusion[:, -1].sum())

    @property
    def accuracy(self) -> float:
        """Share of correct decisions."""
        return float(accuracy(self.confusion))

    @property
    def recalls(self) -> dict[str, float]:
        """Recall of each class that occurs."""
        return self._by_label(recalls(self.confusion))

    @property
    def precisions(self) -> dict[str, float]:
        """Precision of each class with decisions."""
        return self._by_label(precisions(self.confusion))

    @property
    def f1s(self) -> dict[str, float]:
        """F1 of each class that occurs."""
        return self._by_label(f1s(self.confusion))

    @property
    def counts(self) -> dict[str, int]:
        """Number of clips of each class."""
        return dict(zip(self.labels, self.confusion.sum(axis=1).tolist(), strict=True))

    @property
    def uar(self) -> float:
        """Unweighted average recall: the mean of ``recalls``."""
        return float(uar(self.confusion))

    @property
    def chance(self) -> float:
        """UAR of guessing evenly among all classes."""
        return 1.0 / len(self.labels)

    @property
    def macro_f1(self) -> float:
        """The mean of ``f1s``."""
        return float(macro_f1(self.confusion))

    def _by_label(self, shares: Shares) -> dict[str, float]:
        by_label = zip(self.labels, shares.tolist(), strict=True)
        return {label: share for label, share in by_label if not math.isnan(share)}

    def to_json(self) -> dict[str, object]:
        """Metrics for a report, rounded to four digits."""
        return {
            "uar": round(self.uar, 4),
            "accuracy": round(self.accuracy, 4),
            "recalls": {label: round(recall, 4) for label, recall in self.recalls.items()},
            "n_clips": self.n_clips,
            "n_unheard": self.n_missed,
            "confusion": self.confusion.tolist(),
        }


def score(truth: Iterable[int], decisions: Iterable[int], labels: Sequence[str]) -> Scores:
    """Count decisions.

    Args:
        truth: index of the true label of each clip.
        decisions: index of the decided label, or ``MISSED``.
        labels: name of each class.

    Raises:
        ValueError: there is no clip, or another number of decisions than of truths.
    """
    confusion = np.zeros((len(labels), len(labels) + 1), np.int64)
    for right, decision in zip(truth, decisions, strict=True):
        confusion[right, decision] += 1
    if not confusion.any():
        raise ValueError("Bad number of clips 0, expected 1 or more")
    return Scores(labels=tuple(labels), confusion=confusion)


def summary(scores: Scores) -> str:
    """Metrics in one line."""
    recalls = ", ".join(f"{label} {recall:.2f}" for label, recall in scores.recalls.items())
    missed = f", {scores.n_missed} missed" if scores.n_missed else ""
    return (
        f"UAR {scores.uar:.4f}, accuracy {scores.accuracy:.4f} on {scores.n_clips} clips{missed};"
        f" recall: {recalls}"
    )


def class_measures(scores: Scores) -> dict[str, dict[str, float]]:
    """Precision, recall, F1 and number of clips of each class; 0 where undefined."""
    return {
        label: {
            "precision": scores.precisions.get(label, 0.0),
            "recall": scores.recalls.get(label, 0.0),
            "f1": scores.f1s.get(label, 0.0),
            "n_clips": n_clips,
        }
        for label, n_clips in scores.counts.items()
    }


def measures(scores: Scores) -> dict[str, Any]:
    """All metrics as a JSON object, rounded to four digits."""
    return {
        "uar": round(scores.uar, 4),
        "accuracy": round(scores.accuracy, 4),
        "macro_f1": round(scores.macro_f1, 4),
        "n_clips": scores.n_clips,
        "n_unheard": scores.n_missed,
        "per_class": {
            label: {key: round(value, 4) for key, value in each.items()}
            for label, each in class_measures(scores).items()
        },
        "labels": list(scores.labels),
        "confusion": scores.confusion.tolist(),
    }


def mean_window_probabilities(
    clips: Sequence[int], owners: NDArray[np.int64], probabilities: NDArray[np.float64]
) -> dict[int, NDArray[np.float64] | None]:
    """Mean probabilities over the windows of each clip; None without a window.

    Args:
        clips: indices of the clips.
        owners: int64, shape (n,): the clip of each window.
        probabilities: float64, shape (n, n_labels), of each window.
    """
    return {
        clip: probabilities[owners == clip].mean(axis=0) if (owners == clip).any() else None
        for clip in clips
    }


def clip_scores(
    truth: Sequence[int], probabilities: Sequence[NDArray[np.float64] | None], labels: Sequence[str]
) -> Scores:
    """Scores of the most probable classes."""
    decisions = [MISSED if each is None else int(each.argmax()) for each in probabilities]
    return score(truth, decisions, labels)

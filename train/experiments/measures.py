"""What a run is judged by: UAR, accuracy, macro F1, and precision, recall and F1 of each class."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.scores import UNHEARD, Scores, score


def class_measures(scores: Scores) -> dict[str, dict[str, float]]:
    """Precision, recall, F1 and number of clips of each class, 0 where they have no meaning."""
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
    """All figures as JSON takes them, rounded to four digits."""
    return {
        "uar": round(scores.uar, 4),
        "accuracy": round(scores.accuracy, 4),
        "macro_f1": round(scores.macro_f1, 4),
        "n_clips": scores.n_clips,
        "n_unheard": scores.n_unheard,
        "per_class": {
            label: {key: round(value, 4) for key, value in each.items()}
            for label, each in class_measures(scores).items()
        },
        "labels": list(scores.labels),
        "confusion": scores.confusion.tolist(),
    }


def clip_probabilities(
    clips: Sequence[int], owners: NDArray[np.int64], probabilities: NDArray[np.float64]
) -> dict[int, NDArray[np.float64] | None]:
    """What a network says of each clip: the mean over its windows, None where it has no window.

    Args:
        clips: indices of the clips.
        owners: int64, shape (n,): the clip that each window is of.
        probabilities: float64, shape (n, n_labels), of each window.
    """
    return {
        clip: probabilities[owners == clip].mean(axis=0) if (owners == clip).any() else None
        for clip in clips
    }


def clip_scores(
    truth: Sequence[int], said: Sequence[NDArray[np.float64] | None], labels: Sequence[str]
) -> Scores:
    """Decisions for the most probable class, counted against the truth."""
    decisions = [UNHEARD if each is None else int(each.argmax()) for each in said]
    return score(truth, decisions, labels)

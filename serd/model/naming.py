"""When an emotion is named, and when it is "uncertain".

The likeliest label is named if its probability reaches the label's threshold and, where the model's card
has a ``NamingScore``, if the score does so as well. The score sees the probabilities of all labels:
anger of 60 % beside disgust is further from ordinary speech than anger of 60 % beside neutral.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

DEFAULT_THRESHOLD: Final = 0.35
"""Least probability of a label for which the card has no threshold."""
NOT_NAMED: Final = -1
"""In place of a label's index: none is named."""
_LEAST_PROBABILITY: Final = 1e-4
"""Least probability in a logarithm."""
_MAX_LOGIT: Final = 13.0
"""Largest logit that is told from larger ones; no score reaches a threshold of 1."""
_MAX_WEIGHT: Final = 100.0
"""Largest weight or offset."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NamingScore:
    """A logistic regression that tells a recognized emotion from ordinary speech.

    Its inputs are the logarithms of the labels' probabilities, and which label is the likeliest.
    """

    weights: Mapping[str, float]
    """Weight of the logarithm of each label's probability; 0 for a label that is not in it."""
    offsets: Mapping[str, float]
    """Constant term where a label is the likeliest; the score decides on the labels in it."""
    thresholds: Mapping[str, float]
    """Score of each of these labels below which the emotion is "uncertain", 0 to 1."""

    def problems(self, labels: Sequence[str]) -> Iterator[str]:
        """Yield what is wrong with it in a card of some labels."""
        for name in ("weights", "offsets", "thresholds"):
            if unknown := sorted(getattr(self, name).keys() - set(labels)):
                yield f"naming has {name} for {unknown}, expected labels of the model"
        if self.offsets.keys() != self.thresholds.keys():
            yield "naming has offsets and thresholds for different labels"
        if any(abs(value) > _MAX_WEIGHT for value in (*self.weights.values(), *self.offsets.values())):
            yield f"naming has a weight or an offset beyond {_MAX_WEIGHT:g}"
        if any(not 0.0 <= value <= 1.0 for value in self.thresholds.values()):
            yield "naming has a threshold that is not within 0 to 1"


class NamingRule:
    """Decides which label is named.

    Args:
        labels: the labels, in the order of the probabilities.
        thresholds: least probability of each label; ``DEFAULT_THRESHOLD`` for a label not in it.
        score: the score; None for none.
    """

    def __init__(
        self, labels: Sequence[str], thresholds: Mapping[str, float], score: NamingScore | None = None
    ) -> None:
        self._thresholds = _by_label(labels, thresholds, DEFAULT_THRESHOLD)
        self._score_thresholds = _by_label(labels, score.thresholds if score else {}, 0.0)
        self._weights = _by_label(labels, score.weights if score else {}, 0.0)
        self._offsets = _by_label(labels, score.offsets if score else {}, 0.0)

    def scores(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """The score of each decision.

        Args:
            probabilities: float64, shape (n, n_labels).

        Returns:
            float64, shape (n,), above 0 and below 1.
        """
        logs = log_probabilities(probabilities)
        logits = logs @ self._weights + self._offsets[probabilities.argmax(axis=1)]
        scores: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-logits.clip(-_MAX_LOGIT, _MAX_LOGIT)))
        return scores

    def named(self, probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
        """The label that each decision names.

        Args:
            probabilities: float64, shape (n, n_labels).

        Returns:
            int64, shape (n,): index of the label, or ``NOT_NAMED`` for "uncertain".
        """
        best = probabilities.argmax(axis=1)
        is_likely = probabilities.max(axis=1) >= self._thresholds[best]
        is_clear = self.scores(probabilities) >= self._score_thresholds[best]
        return np.where(is_likely & is_clear, best, NOT_NAMED)


def log_probabilities(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """The logarithms that the score is made of, finite also for 0: float64, of the same shape."""
    logs: NDArray[np.float64] = np.log(np.maximum(probabilities, _LEAST_PROBABILITY))
    return logs


def _by_label(labels: Sequence[str], values: Mapping[str, float], default: float) -> NDArray[np.float64]:
    return np.array([values.get(label, default) for label in labels], np.float64)

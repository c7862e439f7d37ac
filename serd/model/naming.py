"""When an emotion is named, and when it is "uncertain".

The likeliest label is named if its probability reaches the label's threshold and, where the model's
card has a ``NamingScore`` for the label, if the score reaches its own threshold. The score sees the
probabilities of all labels: anger of 60 % beside disgust is further from ordinary speech than anger of
60 % beside neutral.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

DEFAULT_THRESHOLD: Final = 0.35
"""Least probability of a label for which the card has no threshold."""
NOT_NAMED: Final = -1
"""Replaces the index of a label where none is named."""
_LEAST_PROBABILITY: Final = 1e-4
"""Least probability in a logarithm."""
_MAX_LOGIT: Final = 13.0
"""Largest logit; larger ones count as this one, so no score reaches a threshold of 1."""
_MAX_WEIGHT: Final = 100.0
"""Largest weight or offset."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NamingScore:
    """A logistic regression that tells one emotion, where it is the likeliest, from ordinary speech.

    Its inputs are the logarithms of the labels' probabilities.
    """

    weights: Mapping[str, float]
    """Weight of the logarithm of each label's probability; 0 for a label that is not in it."""
    offset: float
    """Constant term."""
    threshold: float
    """Score below which the emotion is "uncertain", 0 to 1."""

    def problems(self, labels: Sequence[str]) -> Iterator[str]:
        """Yield what is wrong with it in a card of some labels."""
        if unknown := sorted(self.weights.keys() - set(labels)):
            yield f"weights for {unknown}, expected labels of the model"
        if any(abs(value) > _MAX_WEIGHT for value in (*self.weights.values(), self.offset)):
            yield f"a weight or an offset beyond {_MAX_WEIGHT:g}"
        if not 0.0 <= self.threshold <= 1.0:
            yield f"a threshold of {self.threshold}, expected 0 to 1"


_NO_SCORE: Final = NamingScore(weights={}, offset=0.0, threshold=0.0)
"""Score of a label without one of its own: its threshold is always reached."""


class NamingRule:
    """Decides which label is named.

    Args:
        labels: the labels, in the order of the probabilities.
        thresholds: least probability of each label; ``DEFAULT_THRESHOLD`` for a label not in it.
        naming: the score of each label that needs one.
    """

    def __init__(
        self,
        labels: Sequence[str],
        thresholds: Mapping[str, float],
        naming: Mapping[str, NamingScore] | None = None,
    ) -> None:
        scores = [(naming or {}).get(label, _NO_SCORE) for label in labels]
        self._thresholds = _by_label(labels, thresholds, DEFAULT_THRESHOLD)
        self._score_thresholds = np.array([score.threshold for score in scores], np.float64)
        self._weights = np.array([_by_label(labels, score.weights, 0.0) for score in scores])
        self._offsets = np.array([score.offset for score in scores], np.float64)

    def scores(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """The score of each decision.

        Args:
            probabilities: float64, shape (n, n_labels).

        Returns:
            float64, shape (n,), above 0 and below 1.
        """
        best = probabilities.argmax(axis=1)
        products = log_probabilities(probabilities) * self._weights[best]
        logits = products.sum(axis=1) + self._offsets[best]
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

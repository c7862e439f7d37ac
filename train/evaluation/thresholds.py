"""The lowest thresholds of the emotions at which ordinary speech is seldom given one.

While ordinary speech is named too often, the threshold is raised that costs the fewest correct names of
acted speech for each false name that it avoids.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serd.model.labels import EMOTIONS

ORDINARY: Final = ("neutral", "calm")
"""Labels that are no emotion in the sense of a false name."""
EMOTIONAL: Final = tuple(number for number, name in enumerate(EMOTIONS) if name not in ORDINARY)
"""Index of each other label."""
_ANGRY: Final = EMOTIONS.index("angry")
_STEPS: Final = (1, 2, 4, 8)
"""Numbers of false names that a step avoids; a larger one may cost less than several small ones."""
_MARGIN: Final = 2e-6
"""Added to the score of a false name for the threshold above it, which six digits hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoredNames:
    """Decisions that name an emotion, with their scores."""

    labels: NDArray[np.int64]
    """Index of the emotion, shape (n,)."""
    scores: NDArray[np.float64]
    """Its score, shape (n,), 0 to 1."""

    def of(self, label: int) -> NDArray[np.float64]:
        """The scores of one emotion, in rising order: float64, shape (m,)."""
        return np.sort(self.scores[self.labels == label])


@dataclass(frozen=True, kw_only=True, slots=True)
class _Step:
    """A higher threshold of one emotion."""

    label: int
    threshold: float
    cost: float
    """Correct names lost for each false name avoided."""


def fit_thresholds(
    false: ScoredNames, right: ScoredNames, *, max_named: float, max_angry: float
) -> dict[str, float]:
    """The score of each emotion below which it is not named.

    Args:
        false: decisions on ordinary speech.
        right: correct decisions on acted speech.
        max_named: most decisions on ordinary speech that may name an emotion.
        max_angry: most of them that may name anger.

    Returns:
        0 to 1 by emotion; neutral and calm have none.
    """
    thresholds = dict.fromkeys(EMOTIONAL, 0.0)
    false_scores = {label: false.of(label) for label in EMOTIONAL}
    right_scores = {label: right.of(label) for label in EMOTIONAL}

    def n_false(label: int) -> int:
        return len(_from(false_scores[label], thresholds[label]))

    for labels, most in (((_ANGRY,), max_angry), (EMOTIONAL, max_named)):
        while (n_too_many := sum(map(n_false, labels)) - most) > 0:
            steps = (
                step
                for label in labels
                for step in _steps(
                    label, thresholds[label], false_scores[label], right_scores[label], n_too_many
                )
            )
            best = min(steps, key=lambda each: each.cost)
            thresholds[best.label] = best.threshold
    return {EMOTIONS[label]: round(min(1.0, each), 6) for label, each in thresholds.items()}


def _steps(
    label: int,
    threshold: float,
    false: NDArray[np.float64],
    right: NDArray[np.float64],
    n_too_many: float,
) -> Iterator[_Step]:
    """Yield the thresholds above some of the false names that a threshold leaves, if too many."""
    left_false, left_right = _from(false, threshold), _from(right, threshold)
    for n_avoided in (each for each in _STEPS if each <= min(len(left_false), max(1.0, n_too_many))):
        raised = float(left_false[n_avoided - 1]) + _MARGIN
        n_lost = len(left_right) - len(_from(left_right, raised))
        n_gone = len(left_false) - len(_from(left_false, raised))
        yield _Step(label=label, threshold=raised, cost=n_lost / n_gone)


def _from(rising: NDArray[np.float64], threshold: float) -> NDArray[np.float64]:
    """The values that reach a threshold, of values in rising order."""
    return rising[np.searchsorted(rising, threshold) :]

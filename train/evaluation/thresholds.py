"""Thresholds of the emotions, such that ordinary speech is seldom given one.

The thresholds start at the card's default. While ordinary speech is named too often, the threshold is
raised that costs the fewest correct names of acted speech for each false name that it avoids. All
probabilities come from networks that were trained on none of the clips.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serd.model.card import DEFAULT_THRESHOLD
from serd.model.labels import EMOTIONS
from train.evaluation.held_out import HeardRecording, Probabilities
from train.model.naming import NamingLimits

ORDINARY: Final = ("neutral", "calm")
"""Labels that are no emotion in the sense of a false name."""
EMOTIONAL: Final = tuple(number for number, name in enumerate(EMOTIONS) if name not in ORDINARY)
"""Index of each other label."""
_ANGRY: Final = EMOTIONS.index("angry")
_STEPS: Final = (1, 2, 4, 8)
"""Numbers of false names that a step avoids; a larger one may cost less than several small ones."""
_MARGIN: Final = 1e-4
"""Added to the probability of a false name for the threshold above it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldOutDecisions:
    """Decisions of models on speech that they were not trained on."""

    ordinary: NDArray[np.float64]
    """Probabilities of the windows and utterances of ordinary speech: float64, shape (n, n_labels)."""
    ordinary_hours: float
    """Length of the ordinary speech, in hours."""
    acted: NDArray[np.float64]
    """Probabilities of utterances of acted speech: float64, shape (m, n_labels)."""
    acted_labels: NDArray[np.int64]
    """Index of the emotion of each, shape (m,)."""


def joined(parts: Sequence[HeldOutDecisions]) -> HeldOutDecisions:
    """The decisions of several models together."""
    return HeldOutDecisions(
        ordinary=np.concatenate([part.ordinary for part in parts]),
        ordinary_hours=sum(part.ordinary_hours for part in parts),
        acted=np.concatenate([part.acted for part in parts]),
        acted_labels=np.concatenate([part.acted_labels for part in parts]),
    )


def held_out_decisions(
    ordinary: Sequence[HeardRecording], acted: Sequence[HeardRecording], labels: Sequence[int]
) -> HeldOutDecisions:
    """The decisions of a model on recordings.

    Args:
        ordinary: recordings of ordinary speech.
        acted: clips of acted speech.
        labels: index of the emotion of each clip.
    """
    return HeldOutDecisions(
        ordinary=_stacked([each.events for each in ordinary]),
        ordinary_hours=sum(each.length_s for each in ordinary) / 3600.0,
        acted=_stacked([each.utterances for each in acted]),
        acted_labels=np.repeat(
            np.array(labels, np.int64), np.array([len(each.utterances) for each in acted], np.int64)
        ),
    )


def _stacked(rows: Sequence[Probabilities]) -> Probabilities:
    return np.concatenate([np.empty((0, len(EMOTIONS))), *rows])


def fit_thresholds(heard: HeldOutDecisions, limits: NamingLimits) -> dict[str, float]:
    """The threshold of each of ``EMOTIONS``, 0 to 1."""
    thresholds = np.full(len(EMOTIONS), DEFAULT_THRESHOLD)
    while may_rise := _too_often(heard, thresholds, limits):
        before = _counts(heard, thresholds)
        options = [each for label in may_rise for each in _raised(heard.ordinary, thresholds, label)]
        thresholds = min(options, key=lambda each: _cost(before, _counts(heard, each)))
    return {
        name: round(min(1.0, float(value)), 4) for name, value in zip(EMOTIONS, thresholds, strict=True)
    }


def named(probabilities: NDArray[np.float64], thresholds: NDArray[np.float64]) -> NDArray[np.int64]:
    """The label that each decision names, or -1 where it is uncertain: int64, shape (n,)."""
    best = probabilities.argmax(axis=1)
    is_sure = probabilities[np.arange(len(best)), best] >= thresholds[best]
    return np.where(is_sure, best, -1)


def _too_often(
    heard: HeldOutDecisions, thresholds: NDArray[np.float64], limits: NamingLimits
) -> tuple[int, ...]:
    """The labels of which one must be raised; none once the limits hold."""
    labels = named(heard.ordinary, thresholds)
    if np.count_nonzero(labels == _ANGRY) > limits.max_angry_per_hour * heard.ordinary_hours:
        return (_ANGRY,)
    n_named = np.count_nonzero(np.isin(labels, EMOTIONAL))
    return EMOTIONAL if n_named > limits.max_share * len(labels) else ()


def _raised(
    ordinary: NDArray[np.float64], thresholds: NDArray[np.float64], label: int
) -> list[NDArray[np.float64]]:
    """The thresholds with that of one label above some of its false names."""
    false = np.sort(ordinary[named(ordinary, thresholds) == label, label])
    options = []
    for n_avoided in (each for each in _STEPS if each <= len(false)):
        raised = thresholds.copy()
        raised[label] = false[n_avoided - 1] + _MARGIN
        options.append(raised)
    return options


def _counts(heard: HeldOutDecisions, thresholds: NDArray[np.float64]) -> tuple[int, int]:
    """Correct names of acted speech, and names of ordinary speech."""
    is_right = named(heard.acted, thresholds) == heard.acted_labels
    n_right = int(np.count_nonzero(is_right & np.isin(heard.acted_labels, EMOTIONAL)))
    n_false = int(np.count_nonzero(np.isin(named(heard.ordinary, thresholds), EMOTIONAL)))
    return n_right, n_false


def _cost(before: tuple[int, int], after: tuple[int, int]) -> float:
    """Correct names lost for each false name avoided."""
    return (before[0] - after[0]) / max(1, before[1] - after[1])

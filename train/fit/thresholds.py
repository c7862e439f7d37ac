"""Thresholds of the emotions, such that ordinary speech is seldom given one.

The thresholds start at the card's default. While ordinary speech is named too often, the threshold is
raised that costs the fewest correct names of acted speech for each false name that it avoids. All
probabilities come from networks that were trained on none of the clips.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serd.model.card import DEFAULT_THRESHOLD

ORDINARY: Final = ("neutral", "calm")
"""Labels that are no emotion in the sense of a false name."""
_STEPS: Final = (1, 2, 4, 8)
"""Numbers of false names that a step avoids; a larger one may cost less than several small ones."""
_MARGIN: Final = 1e-4
"""Added to the probability of a false name for the threshold above it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NamingLimits:
    """How often ordinary speech may be named."""

    max_named: float = 0.04
    """Share of the decisions on ordinary speech that name an emotion."""
    max_named_per_hour: Mapping[str, float]
    """Decisions an hour of ordinary speech that name this emotion."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decisions:
    """Probabilities of decisions, on windows and utterances."""

    probabilities: NDArray[np.float64]
    """float64, shape (n, n_labels)."""
    labels: NDArray[np.int64]
    """Index of the acted emotion, shape (n,); any number for ordinary speech."""


def fit_thresholds(
    ordinary: Decisions, hours: float, acted: Decisions, names: Sequence[str], limits: NamingLimits
) -> dict[str, float]:
    """The threshold of each label.

    Args:
        ordinary: decisions on ordinary speech.
        hours: length of the ordinary speech, in hours; above 0.
        acted: decisions on acted speech.
        names: the labels.
        limits: how often ordinary speech may be named.
    """
    thresholds = np.full(len(names), DEFAULT_THRESHOLD)
    emotions = [number for number, name in enumerate(names) if name not in ORDINARY]
    while excess := _excess(ordinary.probabilities, thresholds, names, hours, limits):
        open_to = emotions if excess == "all" else [names.index(excess)]
        options = [
            raised for label in open_to for raised in _raised(ordinary.probabilities, thresholds, label)
        ]
        n_right, n_false = _counts(ordinary, acted, thresholds, emotions)
        thresholds = min(
            options, key=lambda each: _cost(_counts(ordinary, acted, each, emotions), n_right, n_false)
        )
    return {name: round(float(value), 4) for name, value in zip(names, thresholds, strict=True)}


def named(probabilities: NDArray[np.float64], thresholds: NDArray[np.float64]) -> NDArray[np.int64]:
    """The label that each decision names, or -1 where it is uncertain: int64, shape (n,)."""
    best = probabilities.argmax(axis=1)
    is_sure = probabilities[np.arange(len(best)), best] >= thresholds[best]
    return np.where(is_sure, best, -1)


def _excess(
    ordinary: NDArray[np.float64],
    thresholds: NDArray[np.float64],
    names: Sequence[str],
    hours: float,
    limits: NamingLimits,
) -> str:
    """The emotion that is named too often, "all" if only their sum is too high, or an empty text."""
    labels = named(ordinary, thresholds)
    for name, per_hour in limits.max_named_per_hour.items():
        if np.count_nonzero(labels == names.index(name)) > per_hour * hours:
            return name
    is_emotion = [number for number, name in enumerate(names) if name not in ORDINARY]
    return "all" if np.isin(labels, is_emotion).mean() > limits.max_named else ""


def _raised(
    ordinary: NDArray[np.float64], thresholds: NDArray[np.float64], label: int
) -> list[NDArray[np.float64]]:
    """The thresholds with that of one label above some of its false names."""
    false = np.sort(ordinary[named(ordinary, thresholds) == label, label])
    options = []
    for n_avoided in (each for each in _STEPS if each <= len(false)):
        raised = thresholds.copy()
        raised[label] = min(1.0, false[n_avoided - 1] + _MARGIN)
        options.append(raised)
    return options


def _counts(
    ordinary: Decisions, acted: Decisions, thresholds: NDArray[np.float64], emotions: Sequence[int]
) -> tuple[int, int]:
    """Correct names of acted speech, and names of ordinary speech."""
    is_right = named(acted.probabilities, thresholds) == acted.labels
    n_right = int(np.count_nonzero(is_right & np.isin(acted.labels, emotions)))
    n_false = int(np.count_nonzero(np.isin(named(ordinary.probabilities, thresholds), emotions)))
    return n_right, n_false


def _cost(counts: tuple[int, int], n_right: int, n_false: int) -> float:
    """Correct names lost for each false name avoided."""
    return (n_right - counts[0]) / max(1, n_false - counts[1])

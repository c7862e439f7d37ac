"""The score by which emotions are named, fitted so that ordinary speech is seldom given one.

A logistic regression on the logarithms of the labels' probabilities tells emotions that are rightly
recognized from ordinary speech. Ordinary speech is what people say without acting and, with a third of
its weight, the neutral and calm clips of actors, so that not one microphone alone decides. N. Brümmer
and J. du Preez, "Application-independent evaluation of speaker detection", Computer Speech & Language
20(2-3), 2006, calibrate scores in this way. All probabilities come from networks that were trained on
none of the recordings.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serd.model.labels import EMOTIONS
from serd.model.naming import NamingRule, NamingScore, log_probabilities
from train.evaluation.held_out import HeardRecording, Probabilities
from train.evaluation.thresholds import EMOTIONAL, ScoredNames, fit_thresholds
from train.model.naming import NamingLimits

_PENALTY: Final = 0.1
"""Inverse strength of the squared penalty on weights and offsets."""
_UNACTED: Final = 1.5
"""Weight of all speech without acting, where the right emotions together weigh 1."""
_NEUTRAL: Final = 0.5
"""Weight of all neutral and calm clips of actors."""
_MAX_STEPS: Final = 5000
"""Most steps of the solver."""


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


def fit_naming(heard: HeldOutDecisions, limits: NamingLimits) -> NamingScore | None:
    """The score and its thresholds.

    Args:
        heard: what models make of ordinary and of acted speech.
        limits: how often ordinary speech may be given an emotion.

    Returns:
        The score of the labels that are emotions; None if no ordinary speech was taken for an emotion,
        or no emotion was recognized.
    """
    is_emotional = np.isin(heard.acted_labels, EMOTIONAL)
    right = heard.acted[is_emotional & (heard.acted.argmax(axis=1) == heard.acted_labels)]
    ordinary = _taken_for_emotions(heard.ordinary)
    unmoved = _taken_for_emotions(heard.acted[~is_emotional])
    if not len(right) or not len(ordinary):
        return None
    weights, offsets = _regression(right, [(ordinary, _UNACTED), (unmoved, _NEUTRAL)])
    score = NamingScore(weights=weights, offsets=offsets, thresholds=dict.fromkeys(offsets, 0.0))
    rule = NamingRule(EMOTIONS, {}, score)
    thresholds = fit_thresholds(
        _scored(rule, heard.ordinary),
        _scored(rule, right),
        max_named=limits.max_share * len(heard.ordinary),
        max_angry=limits.max_angry_per_hour * heard.ordinary_hours,
    )
    return replace(score, thresholds=thresholds)


def _taken_for_emotions(probabilities: Probabilities) -> Probabilities:
    return probabilities[np.isin(probabilities.argmax(axis=1), EMOTIONAL)]


def _regression(
    right: Probabilities, ordinary: Sequence[tuple[Probabilities, float]]
) -> tuple[dict[str, float], dict[str, float]]:
    """Weights of the labels and offsets of the emotions.

    Args:
        right: probabilities of right emotions.
        ordinary: probabilities of each part of ordinary speech, and the weight of the part.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - judging one model needs none

    parts = [(right, 1.0), *((part, weight) for part, weight in ordinary if len(part))]
    every = np.concatenate([part for part, _ in parts])
    is_right = np.arange(len(every)) < len(right)
    importance = np.concatenate(
        [np.full(len(part), weight * len(right) / len(part)) for part, weight in parts]
    )
    likeliest = np.eye(len(EMOTIONS))[every.argmax(axis=1)]
    inputs = np.concatenate((log_probabilities(every), likeliest), axis=1)
    fitted = LogisticRegression(C=_PENALTY, max_iter=_MAX_STEPS).fit(inputs, is_right, importance)
    weights, by_likeliest = np.split(fitted.coef_[0], 2)
    offsets = by_likeliest + fitted.intercept_[0]
    return (
        {name: round(float(weights[number]), 4) for number, name in enumerate(EMOTIONS)},
        {EMOTIONS[number]: round(float(offsets[number]), 4) for number in EMOTIONAL},
    )


def _scored(rule: NamingRule, probabilities: Probabilities) -> ScoredNames:
    """The decisions that name an emotion, whatever their score."""
    labels = rule.named(probabilities)
    is_named = np.isin(labels, EMOTIONAL)
    return ScoredNames(labels=labels[is_named], scores=rule.scores(probabilities)[is_named])

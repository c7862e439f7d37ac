"""The score by which emotions are named, fitted so that ordinary speech is seldom given one.

A logistic regression on the logarithms of the labels' probabilities tells emotions that are rightly
recognized from ordinary speech. Each likeliest emotion has weights of its own, which the penalty draws
towards those that all share (T. Evgeniou and M. Pontil, "Regularized multi-task learning", KDD 2004).
Ordinary speech is what people say without acting and, with a third of its weight, the neutral and calm
clips of actors, so that not one microphone alone decides. N. Brümmer and J. du Preez,
"Application-independent evaluation of speaker detection", Computer Speech & Language 20(2-3), 2006,
calibrate scores in this way. All probabilities come from networks that were trained on none of the
recordings.
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

_PENALTY: Final = 100.0
"""Inverse strength of the squared penalty on weights and offsets, beside the mean loss of a decision."""
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


def fit_naming(heard: HeldOutDecisions, limits: NamingLimits) -> dict[str, NamingScore]:
    """The score of each emotion, with its threshold.

    Args:
        heard: what models make of ordinary and of acted speech.
        limits: how often ordinary speech may be given an emotion.

    Returns:
        By emotion; empty if no ordinary speech was taken for an emotion, or no emotion was recognized.
    """
    is_emotional = np.isin(heard.acted_labels, EMOTIONAL)
    right = heard.acted[is_emotional & (heard.acted.argmax(axis=1) == heard.acted_labels)]
    ordinary = _taken_for_emotions(heard.ordinary)
    unmoved = _taken_for_emotions(heard.acted[~is_emotional])
    if not len(right) or not len(ordinary):
        return {}
    scores = _regressions(right, [(ordinary, _UNACTED), (unmoved, _NEUTRAL)])
    rule = NamingRule(EMOTIONS, {}, scores)
    thresholds = fit_thresholds(
        _scored(rule, heard.ordinary),
        _scored(rule, right),
        max_named=limits.max_share * len(heard.ordinary),
        max_angry=limits.max_angry_per_hour * heard.ordinary_hours,
    )
    return {name: replace(score, threshold=thresholds[name]) for name, score in scores.items()}


def _taken_for_emotions(probabilities: Probabilities) -> Probabilities:
    return probabilities[np.isin(probabilities.argmax(axis=1), EMOTIONAL)]


def _regressions(
    right: Probabilities, ordinary: Sequence[tuple[Probabilities, float]]
) -> dict[str, NamingScore]:
    """The score of each emotion, with a threshold that every score reaches.

    Args:
        right: probabilities of right emotions.
        ordinary: probabilities of each part of ordinary speech, and the weight of the part.
    """
    coefficients, offset = _coefficients([(right, 1.0), *(each for each in ordinary if len(each[0]))])
    n = len(EMOTIONS)
    shared, offsets, own = np.split(coefficients, (n, 2 * n))
    weights = shared + own.reshape(n, n)
    return {
        EMOTIONS[number]: NamingScore(
            weights=dict(zip(EMOTIONS, weights[number].round(4).tolist(), strict=True)),
            offset=round(float(offsets[number]) + offset, 4),
            threshold=0.0,
        )
        for number in EMOTIONAL
    }


def _coefficients(
    parts: Sequence[tuple[Probabilities, float]],
) -> tuple[NDArray[np.float64], float]:
    """A weight of each of the ``_inputs``, and the constant term.

    Args:
        parts: probabilities and weight of each part, the right emotions first.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - judging one model needs none

    every = np.concatenate([part for part, _ in parts])
    is_right = np.arange(len(every)) < len(parts[0][0])
    total = sum(weight for _, weight in parts)
    importance = np.concatenate(
        [np.full(len(each), weight / total / len(each)) for each, weight in parts]
    )
    fitted = LogisticRegression(C=_PENALTY, max_iter=_MAX_STEPS).fit(
        _inputs(every), is_right, importance
    )
    return fitted.coef_[0], float(fitted.intercept_[0])


def _inputs(probabilities: Probabilities) -> Probabilities:
    """Logarithms, which label is the likeliest, and the logarithms in the columns of that label."""
    logs = log_probabilities(probabilities)
    likeliest = np.eye(len(EMOTIONS))[probabilities.argmax(axis=1)]
    own = likeliest[:, :, np.newaxis] * logs[:, np.newaxis, :]
    return np.concatenate((logs, likeliest, own.reshape(len(logs), -1)), axis=1)


def _scored(rule: NamingRule, probabilities: Probabilities) -> ScoredNames:
    """The decisions that name an emotion, whatever their score."""
    labels = rule.named(probabilities)
    is_named = np.isin(labels, EMOTIONAL)
    return ScoredNames(labels=labels[is_named], scores=rule.scores(probabilities)[is_named])

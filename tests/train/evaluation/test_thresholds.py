"""Thresholds keep ordinary speech from being named, at the least cost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.model.labels import EMOTIONS
from train.evaluation.thresholds import HeldOutDecisions, fit_thresholds, joined, named
from train.model.naming import NamingLimits

_ANGRY, _HAPPY = EMOTIONS.index("angry"), EMOTIONS.index("happy")


def _probabilities(seed: int, labels: np.ndarray, sharpness: float) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(0.0, 1.5, (len(labels), 8))
    odds = np.exp(logits + sharpness * np.eye(8)[labels])
    return odds / odds.sum(axis=1, keepdims=True)


def _heard(seed: int) -> HeldOutDecisions:
    labels = np.random.default_rng(seed).integers(0, 8, 200)
    return HeldOutDecisions(
        ordinary=_probabilities(seed, np.zeros(150, int), 0.0),
        ordinary_hours=0.5,
        acted=_probabilities(seed + 1, labels, 3.0),
        acted_labels=labels,
    )


def _rows(label: int, values: list[float]) -> np.ndarray:
    made = np.repeat((1.0 - np.array(values))[:, np.newaxis] / 7, 8, axis=1)
    made[:, label] = values
    return made


@given(seed=st.integers(0, 99), max_share=st.floats(0.0, 0.3), per_hour=st.floats(0.0, 20.0))
def test_the_limits_hold_and_no_threshold_is_lower_than_the_default(
    seed: int, max_share: float, per_hour: float
) -> None:
    """Whatever the probabilities; neutral and calm keep the default."""
    heard = _heard(seed)
    fitted = fit_thresholds(heard, NamingLimits(max_share=max_share, max_angry_per_hour=per_hour))
    labels = named(heard.ordinary, np.array(list(fitted.values())))
    assert np.mean(labels >= 2) <= max_share
    assert np.count_nonzero(labels == _ANGRY) <= per_hour * 0.5
    assert list(fitted) == list(EMOTIONS)
    assert min(fitted.values()) >= 0.35
    assert fitted["neutral"] == fitted["calm"] == 0.35


def test_ordinary_speech_that_is_neutral_raises_nothing() -> None:
    """No emotion is named too often."""
    heard = HeldOutDecisions(
        ordinary=np.tile(np.eye(8)[0], (20, 1)),
        ordinary_hours=1.0,
        acted=_rows(_ANGRY, [0.9]),
        acted_labels=np.array([_ANGRY]),
    )
    assert set(fit_thresholds(heard, NamingLimits()).values()) == {0.35}


def test_the_cheaper_emotion_is_raised() -> None:
    """False anger of 0.6 lies below all real anger, false joy of 0.6 above most real joy."""
    heard = HeldOutDecisions(
        ordinary=np.concatenate(
            (_rows(_ANGRY, [0.6] * 5), _rows(_HAPPY, [0.6] * 5), _rows(0, [0.9] * 90))
        ),
        ordinary_hours=1.0,
        acted=np.concatenate((_rows(_ANGRY, [0.9] * 10), _rows(_HAPPY, [0.55] * 10))),
        acted_labels=np.repeat([_ANGRY, _HAPPY], 10),
    )
    fitted = fit_thresholds(heard, NamingLimits(max_share=0.05, max_angry_per_hour=100.0))
    assert fitted["angry"] == pytest.approx(0.6, abs=0.001)
    assert fitted["happy"] == 0.35


def test_a_decision_names_its_likeliest_label_or_none() -> None:
    """At its threshold it does."""
    probabilities = np.array([[0.5, 0.3, 0.2], [0.2, 0.41, 0.39]])
    assert named(probabilities, np.array([0.5, 0.4, 0.3])).tolist() == [0, 1]
    assert named(probabilities, np.array([0.51, 0.42, 0.3])).tolist() == [-1, -1]


def test_the_decisions_of_several_models_count_together() -> None:
    """Their hours add up, so that a rate an hour stays what it is."""
    one, other = _heard(1), _heard(2)
    both = joined([one, other])
    assert both.ordinary_hours == 1.0
    assert len(both.ordinary) == 300
    assert np.array_equal(both.acted_labels, np.concatenate((one.acted_labels, other.acted_labels)))

"""Thresholds keep ordinary speech from being named, at the least cost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.model.labels import EMOTIONS
from train.fit.thresholds import Decisions, NamingLimits, fit_thresholds, named

_ANGRY, _HAPPY = EMOTIONS.index("angry"), EMOTIONS.index("happy")


def _decisions(seed: int, n: int, sharpness: float) -> Decisions:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 8, n)
    logits = rng.normal(0.0, 1.5, (n, 8)) + sharpness * np.eye(8)[labels]
    odds = np.exp(logits)
    return Decisions(probabilities=odds / odds.sum(axis=1, keepdims=True), labels=labels)


@given(seed=st.integers(0, 99), max_named=st.floats(0.0, 0.3), per_hour=st.floats(0.0, 20.0))
def test_the_limits_hold_and_no_threshold_is_lower_than_the_default(
    seed: int, max_named: float, per_hour: float
) -> None:
    """Whatever the probabilities; neutral and calm keep the default."""
    ordinary, acted = _decisions(seed, 150, 0.0), _decisions(seed + 1, 200, 3.0)
    limits = NamingLimits(max_named=max_named, max_named_per_hour={"angry": per_hour})
    fitted = fit_thresholds(ordinary, 0.5, acted, EMOTIONS, limits)
    labels = named(ordinary.probabilities, np.array(list(fitted.values())))
    assert np.mean(labels >= 2) <= max_named
    assert np.count_nonzero(labels == _ANGRY) <= per_hour * 0.5
    assert list(fitted) == list(EMOTIONS)
    assert min(fitted.values()) >= 0.35
    assert fitted["neutral"] == fitted["calm"] == 0.35


def test_without_an_excess_nothing_is_raised() -> None:
    """Ordinary speech that is neutral already needs no thresholds."""
    ordinary = Decisions(probabilities=np.tile(np.eye(8)[0], (20, 1)), labels=np.zeros(20, int))
    limits = NamingLimits(max_named_per_hour={})
    fitted = fit_thresholds(ordinary, 1.0, _decisions(0, 50, 3.0), EMOTIONS, limits)
    assert set(fitted.values()) == {0.35}


def test_the_cheaper_emotion_is_raised() -> None:
    """False anger of 0.6 lies below all real anger, false joy of 0.6 above most real joy."""

    def rows(label: int, values: list[float]) -> np.ndarray:
        made = np.repeat((1.0 - np.array(values))[:, np.newaxis] / 7, 8, axis=1)
        made[:, label] = values
        return made

    ordinary = np.concatenate((rows(_ANGRY, [0.6] * 5), rows(_HAPPY, [0.6] * 5), rows(0, [0.9] * 90)))
    acted = np.concatenate((rows(_ANGRY, [0.9] * 10), rows(_HAPPY, [0.55] * 10)))
    limits = NamingLimits(max_named=0.05, max_named_per_hour={})
    fitted = fit_thresholds(
        Decisions(probabilities=ordinary, labels=np.zeros(100, int)),
        1.0,
        Decisions(probabilities=acted, labels=np.repeat([_ANGRY, _HAPPY], 10)),
        EMOTIONS,
        limits,
    )
    assert fitted["angry"] == pytest.approx(0.6, abs=0.001)
    assert fitted["happy"] == 0.35


def test_a_decision_names_its_likeliest_label_or_none() -> None:
    """At its threshold it does."""
    probabilities = np.array([[0.5, 0.3, 0.2], [0.2, 0.41, 0.39]])
    assert named(probabilities, np.array([0.5, 0.4, 0.3])).tolist() == [0, 1]
    assert named(probabilities, np.array([0.51, 0.42, 0.3])).tolist() == [-1, -1]

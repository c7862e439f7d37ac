"""Thresholds keep ordinary speech from being named, at the least cost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.model.labels import EMOTIONS
from train.evaluation.thresholds import EMOTIONAL, ScoredNames, fit_thresholds

_ANGRY, _HAPPY = EMOTIONS.index("angry"), EMOTIONS.index("happy")


def _random_names(seed: int, n: int) -> ScoredNames:
    rng = np.random.default_rng(seed)
    return ScoredNames(labels=rng.choice(EMOTIONAL, n), scores=rng.uniform(0.0, 0.99, n).round(2))


def _names(**scores: list[float]) -> ScoredNames:
    labels = [EMOTIONS.index(name) for name, own in scores.items() for _ in own]
    return ScoredNames(labels=np.array(labels), scores=np.concatenate(list(scores.values())))


def _n_named(names: ScoredNames, thresholds: dict[str, float], label: int) -> int:
    return int((names.of(label) >= thresholds[EMOTIONS[label]]).sum())


@given(seed=st.integers(0, 99), max_named=st.floats(0.0, 60.0), max_angry=st.floats(0.0, 20.0))
def test_the_limits_hold(seed: int, max_named: float, max_angry: float) -> None:
    """Whatever the scores, ties included."""
    false, right = _random_names(seed, 150), _random_names(seed + 1, 200)
    fitted = fit_thresholds(false, right, max_named=max_named, max_angry=max_angry)
    counts = {label: _n_named(false, fitted, label) for label in EMOTIONAL}
    assert sum(counts.values()) <= max_named
    assert counts[_ANGRY] <= max_angry
    assert list(fitted) == [EMOTIONS[label] for label in EMOTIONAL]
    assert all(0.0 <= each <= 1.0 for each in fitted.values())


def test_nothing_is_raised_that_need_not_be() -> None:
    """Within the limits every threshold is 0."""
    false = _names(angry=[0.9], happy=[0.9])
    fitted = fit_thresholds(false, _names(angry=[0.5]), max_named=2.0, max_angry=1.0)
    assert set(fitted.values()) == {0.0}


def test_the_cheaper_emotion_is_raised() -> None:
    """False anger of 0.6 lies below all real anger, false joy of 0.6 above most real joy."""
    false = _names(angry=[0.6] * 5, happy=[0.6] * 5)
    right = _names(angry=[0.9] * 10, happy=[0.55] * 10)
    fitted = fit_thresholds(false, right, max_named=5.0, max_angry=100.0)
    assert fitted["angry"] == pytest.approx(0.6, abs=0.001)
    assert fitted["happy"] == 0.0


def test_anger_is_raised_for_its_own_limit() -> None:
    """However much real anger it costs."""
    right = _names(angry=[0.5] * 50 + [0.75], happy=[0.9])
    fitted = fit_thresholds(_names(angry=[0.8, 0.7]), right, max_named=10.0, max_angry=1.0)
    assert fitted["angry"] == pytest.approx(0.7, abs=0.001)
    assert fitted["angry"] > 0.7

"""Averages of the network's probabilities, against plain formulas."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.model.naming import NamingRule, NamingScore
from serd.model.smoothing import Estimate, Smoother, SmoothingSettings, make_estimate
from testkit.models import made_card

_LABELS = ("neutral", "happy", "sad")
_CARD = made_card(labels=_LABELS)

_probabilities = st.lists(st.floats(0.0, 1.0, width=32), min_size=3, max_size=3).map(
    lambda p: np.array([*p[:2], p[2] + 0.01], np.float32) / np.float32(sum(p) + 0.01)
)
_windows = st.lists(st.tuples(_probabilities, st.floats(0.1, 5.0)), min_size=1, max_size=12)


def _probability(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def _scores(estimated: Estimate) -> list[float]:
    assert list(estimated.scores) == list(_LABELS)
    return list(estimated.scores.values())


def _fed(windows: Sequence[tuple[np.ndarray, float]], **settings: float) -> tuple[Smoother, Estimate]:
    smoother = Smoother(_CARD, SmoothingSettings(**settings))
    last = [smoother.update(probabilities, speech_s) for probabilities, speech_s in windows][-1]
    return smoother, last


@given(_windows, st.floats(0.2, 20.0))
def test_older_windows_fade_from_the_running_estimate(
    windows: list[tuple[np.ndarray, float]], half_life_s: float
) -> None:
    """The weight of a window is its speech, halved for each half-life of later speech."""
    _, running = _fed(windows, half_life_s=half_life_s)
    total = np.zeros(3)
    for number, (probabilities, speech_s) in enumerate(windows):
        later_s = sum(each_s for _, each_s in windows[number + 1 :])
        total += speech_s * 2.0 ** (-later_s / half_life_s) * probabilities.astype(np.float64)
    np.testing.assert_allclose(_scores(running), total / total.sum(), rtol=1e-9, atol=1e-12)


@given(_windows)
def test_the_whole_estimate_weighs_every_second_of_speech_the_same(
    windows: list[tuple[np.ndarray, float]],
) -> None:
    """It is the mean over the windows, weighted by their speech."""
    smoother, _ = _fed(windows)
    weights = [speech_s for _, speech_s in windows]
    mean = np.average([p.astype(np.float64) for p, _ in windows], axis=0, weights=weights)
    np.testing.assert_allclose(_scores(smoother.close()), mean / mean.sum(), rtol=1e-9, atol=1e-12)


@given(_windows)
def test_scores_are_probabilities(windows: list[tuple[np.ndarray, float]]) -> None:
    """Scores are from 0 to 1 and sum to 1, and the confidence is the highest score."""
    smoother, running = _fed(windows)
    for estimated in (running, smoother.close()):
        scores = _scores(estimated)
        assert sum(scores) == pytest.approx(1.0, abs=1e-9)
        assert min(scores) >= 0.0
        assert estimated.confidence == max(scores) <= 1.0
        assert estimated.scores[estimated.likeliest] == estimated.confidence


def test_a_preview_is_the_estimate_of_the_window_alone() -> None:
    """It does not affect other estimates."""
    smoother, _ = _fed([(_probability(0.2, 0.5, 0.3), 3.0)])
    assert _scores(smoother.preview(_probability(0.75, 0.125, 0.125))) == [0.75, 0.125, 0.125]
    assert smoother.close() == _fed([(_probability(0.2, 0.5, 0.3), 3.0)])[0].close()


def test_one_window_is_its_own_estimate() -> None:
    """With one window, the running and the whole estimate are the same."""
    smoother, running = _fed([(_probability(0.25, 0.5, 0.25), 3.0)])
    assert running == smoother.close()
    assert running == Estimate(
        emotion="happy",
        likeliest="happy",
        confidence=0.5,
        scores={"neutral": 0.25, "happy": 0.5, "sad": 0.25},
        no_speech=0.0,
    )


def test_an_outlier_does_not_flip_the_emotion() -> None:
    """One different window does not change the emotion."""
    steady, odd = _probability(0.8, 0.1, 0.1), _probability(0.1, 0.8, 0.1)
    _, running = _fed([(steady, 1.0)] * 4 + [(odd, 1.0)])
    assert running.emotion == "neutral"


def test_a_lasting_change_changes_the_running_emotion() -> None:
    """The running estimate follows in a few half-lives; the whole one has the longer part's emotion."""
    before, after = _probability(0.9, 0.05, 0.05), _probability(0.05, 0.9, 0.05)
    smoother, running = _fed([(before, 3.0)] * 6 + [(after, 3.0)] * 3, half_life_s=3.0)
    assert running.emotion == "happy"
    assert smoother.close().emotion == "neutral"


def test_close_starts_a_new_utterance() -> None:
    """An utterance does not affect the next."""
    smoother, _ = _fed([(_probability(1.0, 0.0, 0.0), 3.0)] * 5)
    smoother.close()
    following = smoother.update(_probability(0.0, 0.0, 1.0), 1.0)
    assert _scores(following) == [0.0, 0.0, 1.0]
    assert _scores(smoother.close()) == [0.0, 0.0, 1.0]


def test_a_probability_of_no_speech_lowers_the_weight_for_the_emotion() -> None:
    """It is averaged like the emotions, and shares the weight with them."""
    smoother = Smoother(_CARD, SmoothingSettings())
    smoother.update(_probability(1.0, 0.0, 0.0), 2.0, no_speech=0.75)
    smoother.update(_probability(0.0, 1.0, 0.0), 2.0, no_speech=0.25)
    whole = smoother.close()
    assert whole.no_speech == pytest.approx(0.5)
    assert _scores(whole) == pytest.approx([0.25, 0.75, 0.0])


def test_scores_are_defined_at_certainty_of_no_speech() -> None:
    """There is no division by zero."""
    smoother = Smoother(_CARD, SmoothingSettings())
    running = smoother.update(_probability(0.2, 0.3, 0.5), 1.0, no_speech=1.0)
    assert running.no_speech == pytest.approx(1.0, abs=1e-2)
    assert _scores(running) == pytest.approx([0.2, 0.3, 0.5])


def test_a_window_without_speech_still_gives_an_estimate() -> None:
    """It has a very small weight, which avoids a division by zero."""
    smoother, running = _fed([(_probability(0.2, 0.3, 0.5), 0.0)])
    assert running.likeliest == smoother.close().likeliest == "sad"


@pytest.mark.parametrize(
    ("threshold", "emotion"),
    [(0.0, "happy"), (0.49, "happy"), (0.5, "happy"), (0.51, "uncertain"), (1.0, "uncertain")],
)
def test_below_the_threshold_the_emotion_is_uncertain(threshold: float, emotion: str) -> None:
    """At the threshold it is named; the likeliest label is known in any case."""
    got = make_estimate(
        _LABELS, np.array([1.0, 2.0, 1.0]), NamingRule(_LABELS, dict.fromkeys(_LABELS, threshold))
    )
    assert (got.emotion, got.likeliest, got.confidence) == (emotion, "happy", 0.5)


def test_the_score_of_the_card_decides_until_there_is_a_threshold() -> None:
    """A threshold in the settings is one of the probability alone."""
    naming = {"happy": NamingScore(weights={"neutral": -1.0}, offset=0.0, threshold=0.9)}
    smoother = Smoother(replace(_CARD, naming=naming), SmoothingSettings())
    assert smoother.preview(_probability(0.2, 0.6, 0.2)).emotion == "uncertain"
    assert smoother.preview(_probability(0.02, 0.6, 0.38)).emotion == "happy"
    smoother.set_threshold(0.5)
    assert smoother.preview(_probability(0.2, 0.6, 0.2)).emotion == "happy"


def test_the_thresholds_of_the_card_hold_for_each_label() -> None:
    """Without a threshold in the settings the card's decide; 0.35 for a label without one."""
    smoother = Smoother(replace(_CARD, thresholds={"happy": 0.6}), SmoothingSettings())
    assert smoother.preview(_probability(0.2, 0.59, 0.21)).emotion == "uncertain"
    assert smoother.preview(_probability(0.2, 0.61, 0.19)).emotion == "happy"
    assert smoother.preview(_probability(0.36, 0.3, 0.34)).emotion == "neutral"
    smoother.set_threshold(0.5)
    assert smoother.preview(_probability(0.2, 0.59, 0.21)).emotion == "happy"
    assert smoother.preview(_probability(0.36, 0.3, 0.34)).emotion == "uncertain"


@pytest.mark.parametrize(
    ("key", "value"),
    [("half_life_s", 0.0), ("half_life_s", -1.0), ("threshold", -0.1), ("threshold", 1.1)],
)
def test_a_bad_value_is_named(key: str, value: float) -> None:
    """One problem for one bad value, under its own name; the defaults have none."""
    assert [name for name, _ in SmoothingSettings(**{key: value}).problems()] == [key]
    assert list(SmoothingSettings().problems()) == []

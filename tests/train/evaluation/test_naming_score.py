"""The score tells emotions from ordinary speech by all probabilities, and keeps the limits."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.model.labels import EMOTIONS
from serd.model.naming import NamingRule
from train.evaluation.naming_score import HeldOutDecisions, fit_naming, joined
from train.evaluation.thresholds import EMOTIONAL
from train.model.naming import NamingLimits

_ANGRY, _DISGUST, _SAD = (EMOTIONS.index(name) for name in ("angry", "disgust", "sad"))


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


def _beside(likeliest: int, label: int, n: int) -> np.ndarray:
    """60 % of one label, and most of the rest of another."""
    rows = np.full((n, 8), 0.01)
    rows[:, likeliest], rows[:, label] = 0.6, 0.34
    return rows


@given(seed=st.integers(0, 30), max_share=st.floats(0.0, 0.3), per_hour=st.floats(0.0, 20.0))
def test_the_limits_hold_in_the_card(seed: int, max_share: float, per_hour: float) -> None:
    """Whatever the probabilities, with the rounded numbers that the card has."""
    heard = _heard(seed)
    naming = fit_naming(heard, NamingLimits(max_share=max_share, max_angry_per_hour=per_hour))
    assert list(naming) == [EMOTIONS[label] for label in EMOTIONAL]
    assert [problem for score in naming.values() for problem in score.problems(EMOTIONS)] == []
    named = NamingRule(EMOTIONS, {}, naming).named(heard.ordinary)
    assert np.isin(named, EMOTIONAL).mean() <= max_share
    assert np.count_nonzero(named == _ANGRY) <= per_hour * 0.5


def test_the_label_beside_the_likeliest_decides() -> None:
    """Ordinary speech is anger beside neutral, and what is acted is anger beside disgust."""
    heard = HeldOutDecisions(
        ordinary=_beside(_ANGRY, 0, 20),
        ordinary_hours=1.0,
        acted=_beside(_ANGRY, _DISGUST, 20),
        acted_labels=np.full(20, _ANGRY),
    )
    rule = NamingRule(EMOTIONS, {}, fit_naming(heard, NamingLimits()))
    assert set(rule.named(heard.ordinary).tolist()) == {-1}
    assert set(rule.named(heard.acted).tolist()) == {_ANGRY}


def test_each_likeliest_emotion_has_weights_of_its_own() -> None:
    """Sadness gives anger away as acted, and disgust as ordinary."""
    heard = HeldOutDecisions(
        ordinary=np.concatenate((_beside(_ANGRY, 0, 20), _beside(_DISGUST, _SAD, 20))),
        ordinary_hours=1.0,
        acted=np.concatenate((_beside(_ANGRY, _SAD, 20), _beside(_DISGUST, 0, 20))),
        acted_labels=np.repeat([_ANGRY, _DISGUST], 20),
    )
    rule = NamingRule(EMOTIONS, {}, fit_naming(heard, NamingLimits()))
    assert set(rule.named(heard.ordinary).tolist()) == {-1}
    assert np.array_equal(rule.named(heard.acted), heard.acted_labels)


def test_neutral_acting_counts_as_ordinary_speech() -> None:
    """Where it is taken for anger, anger like it is less sure."""
    heard = _heard(3)
    more = replace(
        heard,
        acted=np.concatenate((heard.acted, _beside(_ANGRY, _DISGUST, 50))),
        acted_labels=np.concatenate((heard.acted_labels, np.zeros(50, np.int64))),
    )
    limits = NamingLimits(max_share=1.0, max_angry_per_hour=1000.0)
    before, after = (
        NamingRule(EMOTIONS, {}, fit_naming(each, limits)).scores(_beside(_ANGRY, _DISGUST, 1))[0]
        for each in (heard, more)
    )
    assert after < before - 0.1


@pytest.mark.parametrize("ordinary_label", [0, _ANGRY])
def test_without_false_or_right_names_there_is_no_score(ordinary_label: int) -> None:
    """Ordinary speech that is neutral asks for none, and without acted speech none can be fitted."""
    is_false = ordinary_label == _ANGRY
    heard = HeldOutDecisions(
        ordinary=np.eye(8)[np.full(20, ordinary_label)],
        ordinary_hours=1.0,
        acted=np.eye(8)[[0] if is_false else [_ANGRY]],
        acted_labels=np.array([0 if is_false else _ANGRY]),
    )
    assert fit_naming(heard, NamingLimits()) == {}


def test_the_decisions_of_several_models_count_together() -> None:
    """Their hours add up, so that a rate an hour stays what it is."""
    one, other = _heard(1), _heard(2)
    both = joined([one, other])
    assert both.ordinary_hours == 1.0
    assert len(both.ordinary) == 300
    assert np.array_equal(both.acted_labels, np.concatenate((one.acted_labels, other.acted_labels)))

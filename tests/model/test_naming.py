"""Emotions are named that are likely, and unlike ordinary speech."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from serd.model.naming import NOT_NAMED, NamingRule, NamingScore

_LABELS = ("neutral", "angry", "sad")
_SCORE = NamingScore(
    weights={"neutral": -1.0, "angry": 0.5},
    offsets={"angry": 0.25},
    thresholds={"angry": 0.8},
)


def test_a_likely_label_is_named() -> None:
    """From its threshold on, which is 0.35 where the card has none."""
    rule = NamingRule(_LABELS, {"angry": 0.5})
    rows = np.array([[0.34, 0.33, 0.33], [0.4, 0.3, 0.3], [0.1, 0.49, 0.41], [0.1, 0.5, 0.4]])
    assert rule.named(rows).tolist() == [NOT_NAMED, 0, NOT_NAMED, 1]


def test_anger_beside_neutral_is_not_named_where_anger_beside_sadness_is() -> None:
    """The score sees all probabilities, and decides only on labels that have a threshold for it."""
    rule = NamingRule(_LABELS, {}, _SCORE)
    rows = np.array([[0.38, 0.6, 0.02], [0.02, 0.6, 0.38], [0.6, 0.2, 0.2], [0.2, 0.2, 0.6]])
    assert rule.named(rows).tolist() == [NOT_NAMED, 1, 0, 2]
    assert NamingRule(_LABELS, {}).named(rows).tolist() == [1, 1, 0, 2]


def test_a_clear_score_does_not_name_an_unlikely_label() -> None:
    """Both thresholds have to be reached."""
    rows = np.array([[0.32, 0.34, 0.34], [0.01, 0.505, 0.485]])
    score = NamingScore(weights={}, offsets={"angry": 40.0}, thresholds={"angry": 0.99})
    assert NamingRule(_LABELS, {"angry": 0.51}, score).named(rows).tolist() == [NOT_NAMED] * 2
    assert NamingRule(_LABELS, {"angry": 0.3}, score).named(rows).tolist() == [1, 1]


def test_the_score_is_that_of_scikit_learn() -> None:
    """A logistic regression on logarithms and the likeliest label, in scikit-learn's arithmetic."""
    rng = np.random.default_rng(1)
    rows = rng.dirichlet(np.ones(3), 60)
    inputs = np.concatenate((np.log(rows), np.eye(3)[rows.argmax(axis=1)]), axis=1)
    judge = LogisticRegression().fit(inputs, rng.integers(0, 2, 60))
    weights, likeliest = np.split(judge.coef_[0], 2)
    offsets = dict(zip(_LABELS, likeliest + judge.intercept_[0], strict=True))
    score = NamingScore(
        weights=dict(zip(_LABELS, weights, strict=True)),
        offsets=offsets,
        thresholds=dict.fromkeys(_LABELS, 0.5),
    )
    found = NamingRule(_LABELS, {}, score).scores(rows)
    assert found == pytest.approx(judge.predict_proba(inputs)[:, 1])


@given(
    rows=st.lists(st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3), max_size=5),
    weights=st.lists(st.floats(-100.0, 100.0), min_size=3, max_size=3),
    offset=st.floats(-100.0, 100.0),
)
def test_any_probabilities_have_a_score(
    rows: list[list[float]], weights: list[float], offset: float
) -> None:
    """Between 0 and 1, without a warning, zeros and no rows included."""
    score = NamingScore(
        weights=dict(zip(_LABELS, weights, strict=True)),
        offsets={"sad": offset},
        thresholds={"sad": 0.5},
    )
    rule = NamingRule(_LABELS, {}, score)
    made = np.array(rows, np.float64).reshape(-1, 3)
    scores = rule.scores(made)
    assert scores.shape == (len(rows),)
    assert ((scores > 0.0) & (scores < 1.0)).all()
    assert set(rule.named(made).tolist()) <= {NOT_NAMED, 0, 1, 2}

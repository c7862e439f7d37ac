"""Emotions are named that are likely, and unlike ordinary speech."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from serd.model.naming import NOT_NAMED, NamingRule, NamingScore

_LABELS = ("neutral", "angry", "sad")
_ANGRY = NamingScore(weights={"neutral": -1.0, "angry": 0.5}, offset=0.25, threshold=0.8)


def test_a_likely_label_is_named() -> None:
    """From its threshold on, which is 0.35 where the card has none."""
    rule = NamingRule(_LABELS, {"angry": 0.5})
    rows = np.array([[0.34, 0.33, 0.33], [0.4, 0.3, 0.3], [0.1, 0.49, 0.41], [0.1, 0.5, 0.4]])
    assert rule.named(rows).tolist() == [NOT_NAMED, 0, NOT_NAMED, 1]


def test_anger_beside_neutral_is_not_named_where_anger_beside_sadness_is() -> None:
    """The score sees all probabilities, and decides only on labels that have one."""
    rule = NamingRule(_LABELS, {}, {"angry": _ANGRY})
    rows = np.array([[0.38, 0.6, 0.02], [0.02, 0.6, 0.38], [0.6, 0.2, 0.2], [0.2, 0.2, 0.6]])
    assert rule.named(rows).tolist() == [NOT_NAMED, 1, 0, 2]
    assert NamingRule(_LABELS, {}).named(rows).tolist() == [1, 1, 0, 2]


def test_a_clear_score_does_not_name_an_unlikely_label() -> None:
    """Both thresholds have to be reached."""
    rows = np.array([[0.32, 0.34, 0.34], [0.01, 0.505, 0.485]])
    score = {"angry": NamingScore(weights={}, offset=40.0, threshold=0.99)}
    assert NamingRule(_LABELS, {"angry": 0.51}, score).named(rows).tolist() == [NOT_NAMED] * 2
    assert NamingRule(_LABELS, {"angry": 0.3}, score).named(rows).tolist() == [1, 1]


def test_the_score_is_that_of_scikit_learn() -> None:
    """For each likeliest label a logistic regression of its own, in scikit-learn's arithmetic."""
    rng = np.random.default_rng(1)
    rows = rng.dirichlet(np.ones(3), 90)
    naming, expected = {}, np.zeros(90)
    for number, label in enumerate(_LABELS):
        own = rows.argmax(axis=1) == number
        judge = LogisticRegression().fit(np.log(rows[own]), np.arange(own.sum()) % 2)
        naming[label] = NamingScore(
            weights=dict(zip(_LABELS, judge.coef_[0], strict=True)),
            offset=judge.intercept_[0],
            threshold=0.5,
        )
        expected[own] = judge.predict_proba(np.log(rows[own]))[:, 1]
    assert NamingRule(_LABELS, {}, naming).scores(rows) == pytest.approx(expected)


@given(
    rows=st.lists(st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3), max_size=5),
    weights=st.lists(st.floats(-100.0, 100.0), min_size=3, max_size=3),
    offset=st.floats(-100.0, 100.0),
)
def test_any_probabilities_have_a_score(
    rows: list[list[float]], weights: list[float], offset: float
) -> None:
    """Between 0 and 1, without a warning, zeros and no rows included."""
    by_label = dict(zip(_LABELS, weights, strict=True))
    rule = NamingRule(_LABELS, {}, {"sad": NamingScore(weights=by_label, offset=offset, threshold=0.5)})
    made = np.array(rows, np.float64).reshape(-1, 3)
    scores = rule.scores(made)
    assert scores.shape == (len(rows),)
    assert ((scores > 0.0) & (scores < 1.0)).all()
    assert set(rule.named(made).tolist()) <= {NOT_NAMED, 0, 1, 2}

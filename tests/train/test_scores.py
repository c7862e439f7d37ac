"""Figures against scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, recall_score

from train.scores import UNHEARD, score, summary

LABELS = ("a", "b", "c", "d")


@pytest.mark.parametrize("seed", range(5))
def test_figures_are_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, decisions = rng.integers(0, 4, 200), rng.integers(0, 4, 200)
    scores = score(truth, decisions, LABELS)
    assert scores.accuracy == pytest.approx(accuracy_score(truth, decisions))
    assert scores.uar == pytest.approx(balanced_accuracy_score(truth, decisions))
    recalls = recall_score(truth, decisions, average=None)
    assert list(scores.recalls.values()) == pytest.approx(recalls.tolist())
    assert np.array_equal(scores.confusion[:, :4], confusion_matrix(truth, decisions))


def test_a_clip_that_is_not_heard_is_an_error() -> None:
    scores = score([0, 0, 1, 1], [0, UNHEARD, 1, UNHEARD], LABELS)
    assert (scores.accuracy, scores.uar, scores.n_unheard) == (0.5, 0.5, 2)
    assert "2 not heard" in summary(scores)


def test_a_class_that_does_not_occur_has_no_recall() -> None:
    scores = score([0, 1], [0, 2], LABELS)
    assert scores.recalls == {"a": 1.0, "b": 0.0}
    assert scores.uar == 0.5


def test_no_decision_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 1 or more"):
        score([], [], LABELS)

"""Figures of a run are those of scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from train.experiments.measures import clip_probabilities, clip_scores, measures
from train.scores import UNHEARD, score

LABELS = ("angry", "calm", "happy")


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40))
def test_f1_precision_and_recall_are_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    """Accuracy, macro F1 and each class's figures, whatever was true and whatever was decided."""
    truth, decisions = zip(*pairs, strict=True)
    scores = score(truth, decisions, LABELS)
    got = measures(scores)
    f1 = f1_score(truth, decisions, labels=sorted(set(truth)), average="macro")
    assert got["macro_f1"] == pytest.approx(f1, abs=1e-4)
    assert got["accuracy"] == pytest.approx(accuracy_score(truth, decisions), abs=1e-4)
    columns = precision_recall_fscore_support(truth, decisions, labels=[0, 1, 2], zero_division=0.0)
    for index, label in enumerate(LABELS):
        each = got["per_class"][label]
        expected = [column[index] for column in columns]
        found = [each[key] for key in ("precision", "recall", "f1", "n_clips")]
        assert found == pytest.approx(expected, abs=1e-4)


def test_a_clip_in_which_nothing_is_heard_costs_recall_and_no_precision() -> None:
    """Of two angry clips one is not heard: precision 1.0, recall 0.5."""
    scores = score([0, 0, 1, 2], [0, UNHEARD, 1, 2], LABELS)
    angry = measures(scores)["per_class"]["angry"]
    assert (angry["precision"], angry["recall"]) == (1.0, 0.5)


def test_a_clip_is_the_mean_over_its_windows() -> None:
    """A clip without any window has no mean and counts as not heard."""
    owners = np.array([4, 4, 9])
    windows = np.array([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]])
    said = clip_probabilities([4, 7, 9], owners, windows)
    assert said[7] is None
    assert np.allclose(said[4], [0.5, 0.25, 0.25])
    scores = clip_scores([0, 1, 2], list(said.values()), LABELS)
    assert (scores.accuracy, scores.n_unheard) == (pytest.approx(2 / 3), 1)

"""Metrics against scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
    precision_score,
    recall_score,
)

from train.evaluation.metrics import (
    MISSED,
    clip_scores,
    macro_f1,
    mean_window_probabilities,
    measures,
    score,
    summary,
    uar,
)

LABELS = ("a", "b", "c", "d")


@pytest.mark.parametrize("seed", range(5))
def test_figures_are_those_of_scikit_learn(seed: int) -> None:
    """Accuracy, UAR, recalls and the confusion matrix of 200 random decisions."""
    rng = np.random.default_rng(seed)
    truth, decisions = rng.integers(0, 4, 200), rng.integers(0, 4, 200)
    scores = score(truth, decisions, LABELS)
    assert scores.accuracy == pytest.approx(accuracy_score(truth, decisions))
    assert scores.uar == pytest.approx(balanced_accuracy_score(truth, decisions))
    recalls = recall_score(truth, decisions, average=None)
    assert list(scores.recalls.values()) == pytest.approx(recalls.tolist())
    assert np.array_equal(scores.confusion[:, :4], confusion_matrix(truth, decisions))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(MISSED, 3)), min_size=1, max_size=60))
def test_any_decisions_give_the_figures_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    """Also where classes are missing or never decided for, and where nothing was heard."""
    truth, decisions = (np.array(each) for each in zip(*pairs, strict=True))
    scores = score(truth, decisions, LABELS)
    present = sorted(set(truth.tolist()))
    options = {"labels": present, "average": None, "zero_division": 0}
    recalls = recall_score(truth, decisions, **options)
    f1s = f1_score(truth, decisions, **options)
    assert list(scores.recalls.values()) == pytest.approx(recalls.tolist())
    assert list(scores.f1s.values()) == pytest.approx(f1s.tolist())
    assert scores.uar == pytest.approx(recalls.mean())
    assert scores.macro_f1 == pytest.approx(f1s.mean())
    assert scores.accuracy == pytest.approx(accuracy_score(truth, decisions))
    decided = sorted(set(decisions.tolist()) - {MISSED})
    assert list(scores.precisions) == [LABELS[index] for index in decided]
    if decided:
        precisions = precision_score(truth, decisions, labels=decided, average=None, zero_division=0)
        assert list(scores.precisions.values()) == pytest.approx(precisions.tolist())
        counts = confusion_matrix(truth, decisions, labels=[*range(4), MISSED])
        assert np.array_equal(scores.confusion, counts[:4])
    assert list(scores.counts.values()) == np.bincount(truth, minlength=4).tolist()


def test_many_matrices_at_once_give_what_each_gives_alone() -> None:
    """UAR and macro F1 of 50 stacked matrices equal those of one after another."""
    rng = np.random.default_rng(0)
    confusions = rng.integers(0, 3, (50, 4, 5))
    confusions[:, 0, 0] += 1
    for figure in (uar, macro_f1):
        assert figure(confusions).tolist() == [float(figure(each)) for each in confusions]


def test_a_clip_that_is_not_heard_is_an_error() -> None:
    """It lowers accuracy and UAR, and the summary counts it."""
    scores = score([0, 0, 1, 1], [0, MISSED, 1, MISSED], LABELS)
    assert (scores.accuracy, scores.uar, scores.n_missed) == (0.5, 0.5, 2)
    assert "2 missed" in summary(scores)


def test_a_class_that_does_not_occur_has_no_recall() -> None:
    """The UAR is the mean over those that do occur."""
    scores = score([0, 1], [0, 2], LABELS)
    assert scores.recalls == {"a": 1.0, "b": 0.0}
    assert scores.uar == 0.5


def test_no_decision_at_all_is_refused() -> None:
    """An empty list is an error, not a share of nothing."""
    with pytest.raises(ValueError, match="expected 1 or more"):
        score([], [], LABELS)


_EMOTIONS = ("angry", "calm", "happy")


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40))
def test_f1_precision_and_recall_are_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    """Accuracy, macro F1 and each class's metrics, whatever was true and whatever was decided."""
    truth, decisions = zip(*pairs, strict=True)
    scores = score(truth, decisions, _EMOTIONS)
    got = measures(scores)
    f1 = f1_score(truth, decisions, labels=sorted(set(truth)), average="macro")
    assert got["macro_f1"] == pytest.approx(f1, abs=1e-4)
    assert got["accuracy"] == pytest.approx(accuracy_score(truth, decisions), abs=1e-4)
    columns = precision_recall_fscore_support(truth, decisions, labels=[0, 1, 2], zero_division=0.0)
    for index, label in enumerate(_EMOTIONS):
        each = got["per_class"][label]
        expected = [column[index] for column in columns]
        found = [each[key] for key in ("precision", "recall", "f1", "n_clips")]
        assert found == pytest.approx(expected, abs=1e-4)


def test_a_clip_in_which_nothing_is_heard_costs_recall_and_no_precision() -> None:
    """Of two angry clips one is missed: precision 1.0, recall 0.5."""
    scores = score([0, 0, 1, 2], [0, MISSED, 1, 2], _EMOTIONS)
    angry = measures(scores)["per_class"]["angry"]
    assert (angry["precision"], angry["recall"]) == (1.0, 0.5)


def test_a_clip_is_the_mean_over_its_windows() -> None:
    """A clip without any window has no mean and counts as not heard."""
    owners = np.array([4, 4, 9])
    windows = np.array([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]])
    said = mean_window_probabilities([4, 7, 9], owners, windows)
    assert said[7] is None
    assert np.allclose(said[4], [0.5, 0.25, 0.25])
    scores = clip_scores([0, 1, 2], list(said.values()), _EMOTIONS)
    assert (scores.accuracy, scores.n_missed) == (pytest.approx(2 / 3), 1)

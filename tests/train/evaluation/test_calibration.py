"""The calibration error is that of its definition, and the bins are scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from train.evaluation.calibration import calibrate

DECISIONS = st.lists(st.tuples(st.floats(0.0, 1.0), st.booleans()), min_size=1, max_size=80)


@given(DECISIONS)
def test_the_error_is_the_weighted_gap(decisions: list[tuple[float, bool]]) -> None:
    """Between confidence and accuracy, in fifteen bins; each decision is in one of them."""
    expected = 0.0
    for number in range(15):
        low, high = number / 15, (number + 1) / 15
        inside = [
            (sure, right)
            for sure, right in decisions
            if low < sure <= high or (number == 0 and sure == 0.0)
        ]
        if inside:
            confidence = sum(sure for sure, _ in inside) / len(inside)
            accuracy = sum(right for _, right in inside) / len(inside)
            expected += len(inside) / len(decisions) * abs(accuracy - confidence)
    confidences, right = zip(*decisions, strict=True)
    calibration = calibrate(confidences, right)
    assert calibration is not None
    # A confidence on the edge of two bins may fall to either side of it by rounding.
    if not any(abs(sure * 15 - round(sure * 15)) < 1e-9 for sure in confidences):
        assert calibration.ece == pytest.approx(expected)
    assert sum(each.n for each in calibration.bins) == len(decisions)


@given(DECISIONS)
def test_the_bins_are_those_of_scikit_learn(decisions: list[tuple[float, bool]]) -> None:
    """Mean confidence and accuracy of each."""
    confidences, right = (np.array(each) for each in zip(*decisions, strict=True))
    calibration = calibrate(confidences, right)
    assert calibration is not None
    accuracies, means = calibration_curve(right.astype(int), confidences, n_bins=15)
    assert [each.accuracy for each in calibration.bins] == pytest.approx(accuracies.tolist())
    assert [each.confidence for each in calibration.bins] == pytest.approx(means.tolist())


def test_honest_and_boastful_models_are_told_apart() -> None:
    """Right in three of four: to be 0.75 sure is no error, to be 0.95 sure one of 0.2."""
    honest = calibrate([0.75] * 8, [True] * 6 + [False] * 2)
    boastful = calibrate([0.95] * 8, [True] * 6 + [False] * 2)
    assert honest is not None
    assert boastful is not None
    assert honest.ece == pytest.approx(0.0)
    assert boastful.ece == pytest.approx(0.2)
    assert boastful.confidence > boastful.accuracy


def test_without_a_decision_there_is_nothing_to_calibrate() -> None:
    """None, and not an error of zero."""
    assert calibrate([], []) is None

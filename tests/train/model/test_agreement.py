"""Where a converted network disagrees with Keras is counted and named."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import accuracy_score

from train.model.agreement import compare

_LABELS = ("calm", "happy", "sad")


def test_disagreements_name_the_window_and_both_probabilities() -> None:
    """A person sees what each of the two said of both classes, the widest gap first."""
    keras = np.array([[0.5, 0.4, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1]], np.float32)
    network = np.array([[0.44, 0.46, 0.1], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7]], np.float32)
    agreement = compare(keras, network, ("a.wav window 1", "b", "c"), _LABELS)
    assert agreement.share == pytest.approx(1 / 3)
    assert agreement.largest_difference == pytest.approx(0.6)
    worst, slight = agreement.disagreements
    assert (worst.window, worst.keras, worst.network) == ("c", "calm", "sad")
    assert str(slight) == (
        "a.wav window 1: Keras calm 0.500, happy 0.400; converted calm 0.440, happy 0.460"
    )


_PROBABILITIES = arrays.arrays(np.float32, (7, 3), elements=st.floats(0, 1, width=32))


@given(keras=_PROBABILITIES, network=_PROBABILITIES)
def test_the_share_is_an_accuracy(keras: np.ndarray, network: np.ndarray) -> None:
    """Taking Keras for the truth, scikit-learn counts the same."""
    agreement = compare(keras, network, [str(row) for row in range(7)], _LABELS)
    expected = accuracy_score(keras.argmax(axis=1), network.argmax(axis=1))
    assert agreement.share == pytest.approx(expected)


def test_no_window_proves_nothing() -> None:
    """An empty comparison is an error, not an agreement."""
    with pytest.raises(ValueError, match="windows 0"):
        compare(np.empty((0, 3), np.float32), np.empty((0, 3), np.float32), [], _LABELS)

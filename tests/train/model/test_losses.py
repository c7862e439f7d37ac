"""The loss is Keras's cross-entropy over the classes that a clip's corpus can show, and no others."""

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from train.model.losses import MASKED, MaskedCrossentropy

_RNG = np.random.default_rng(0)


def _probabilities(n: int, n_labels: int) -> NDArray[np.float32]:
    return _RNG.dirichlet(np.ones(n_labels), n).astype(np.float32)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_with_every_class_it_is_categorical_crossentropy(smoothing: float) -> None:
    """It equals Keras's own, with label smoothing and without."""
    targets, probabilities = _probabilities(16, 8), _probabilities(16, 8)
    expected = keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)(targets, probabilities)
    assert float(MaskedCrossentropy(label_smoothing=smoothing)(targets, probabilities)) == pytest.approx(
        float(expected), rel=1e-5
    )


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_class_that_is_not_asked_for_has_no_part_in_it(smoothing: float) -> None:
    """The loss is Keras's over the other classes, their probabilities scaled to a sum of 1."""
    targets, probabilities = _probabilities(16, 6), _probabilities(16, 8)
    labeled = [0, 2, 3, 4, 5, 7]
    with_gaps = np.full((16, 8), MASKED, np.float32)
    with_gaps[:, labeled] = targets
    normalized = probabilities[:, labeled] / probabilities[:, labeled].sum(axis=1, keepdims=True)
    expected = keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)(targets, normalized)
    got = MaskedCrossentropy(label_smoothing=smoothing)(with_gaps, probabilities)
    assert float(got) == pytest.approx(float(expected), rel=1e-5)


def test_a_certain_and_wrong_network_has_a_finite_loss() -> None:
    """Probability 0 for the true class gives neither infinity nor NaN."""
    targets = np.array([[1.0, 0.0, MASKED]], np.float32)
    probabilities = np.array([[0.0, 0.0, 1.0]], np.float32)
    assert np.isfinite(float(MaskedCrossentropy(label_smoothing=0.1)(targets, probabilities)))

"""A teacher's targets: a share of each, over the labeled classes, for the very same windows."""

from collections.abc import Generator

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from train.model.batches import Batch
from train.model.distillation import distilled
from train.model.losses import MASKED

_INPUTS = np.array([[[1.0, 2.0, 0.5]], [[0.0, -1.0, 3.0]]], np.float32)
_WEIGHTS = np.array([1.0, 0.5], np.float32)


def softmax_teacher() -> keras.Model:
    """A network that takes the three coefficients of one frame for the logits of three classes."""
    inputs = keras.Input((1, 3))
    return keras.Model(inputs, keras.layers.Softmax()(keras.layers.Flatten()(inputs)))


def one_batch(targets: NDArray[np.float32]) -> Generator[Batch, None, None]:
    """The windows with some targets."""
    yield _INPUTS, targets, _WEIGHTS


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_targets_are_mixed(share: float) -> None:
    """Label and softmax by the share; inputs and weights stay."""
    targets = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], np.float32)
    ((inputs, mixed, weights),) = distilled(one_batch(targets), softmax_teacher(), share)
    powers = np.exp(_INPUTS[:, 0])
    taught = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(mixed, (1.0 - share) * targets + share * taught, atol=1e-6)
    assert mixed.dtype == np.float32
    assert inputs is _INPUTS
    assert weights is _WEIGHTS


def test_masked_classes_stay_masked() -> None:
    """The teacher's probabilities of the labeled classes sum to one."""
    targets = np.array([[1.0, 0.0, MASKED], [MASKED, 0.0, 1.0]], np.float32)
    ((_, mixed, _),) = distilled(one_batch(targets), softmax_teacher(), 0.5)
    odds = np.exp([2.0 - 1.0, 3.0 + 1.0])  # of the second class against the first, the third against it
    other = 0.5 * (1.0 - odds[0] / (1.0 + odds[0]))
    np.testing.assert_allclose(mixed[0], [0.5 + other, 0.5 - other, MASKED], atol=1e-6)
    np.testing.assert_allclose(
        mixed[1], [MASKED, 0.5 / (1.0 + odds[1]), 1.0 - 0.5 / (1.0 + odds[1])], atol=1e-6
    )


def test_the_batches_are_closed() -> None:
    """Whoever closes the distilled batches closes those below, which hold the windows."""
    below = one_batch(np.zeros((2, 3), np.float32))
    above = distilled(below, softmax_teacher(), 0.5)
    next(above)
    above.close()
    assert below.gi_frame is None

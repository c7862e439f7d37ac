"""The loss: cross-entropy over those classes that a clip's corpus can show at all.

nEMO has neither calm nor disgust; a clip of it that the network takes for calm may well be calm to
RAVDESS. Such classes are left out of the clip's softmax, so that nothing is learnt about them from it.
"""

import keras
from keras import ops

MASKED = -1.0
"""In place of a target: the class cannot be told from this clip."""

_LEAST = 1e-7
"""Keeps logarithms finite."""


class MaskedCrossentropy(keras.losses.Loss):  # type: ignore[misc]
    """Cross-entropy between targets and probabilities over the classes that are asked for.

    With every class asked for it is ``keras.losses.CategoricalCrossentropy``. Targets are float32, shape
    (B, n_labels), 0 to 1 or ``MASKED``; probabilities are float32, shape (B, n_labels).
    """

    def __init__(self, *, label_smoothing: float) -> None:
        """Begin.

        Args:
            label_smoothing: probability mass spread over the classes asked for; 0 to 1.
        """
        super().__init__(name="asked_crossentropy")
        self._smoothing = label_smoothing

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Loss of each window: float32, shape (B,)."""
        asked = ops.cast(y_true >= 0.0, y_pred.dtype)
        even = asked / ops.sum(asked, axis=-1, keepdims=True)
        targets = (1.0 - self._smoothing) * ops.maximum(y_true, 0.0) + self._smoothing * even
        among = asked * ops.maximum(y_pred, _LEAST)
        among = ops.maximum(among / ops.sum(among, axis=-1, keepdims=True), _LEAST)
        return -ops.sum(asked * targets * ops.log(among), axis=-1)

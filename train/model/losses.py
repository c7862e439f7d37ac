"""The loss: cross-entropy over the classes of a clip's corpus.

nEMO has neither calm nor disgust, but a clip of it may sound calm in the sense of RAVDESS. A label mask
removes such classes from the clip's softmax, so that it has no gradient for them.
"""

import keras
from keras import ops

MASKED = -1.0
"""Target of a class that the clip's corpus does not label."""

_LEAST = 1e-7
"""Least probability, which keeps logarithms finite."""


class MaskedCrossentropy(keras.losses.Loss):  # type: ignore[misc]
    """Cross-entropy between targets and probabilities over the classes without a mask.

    Without any mask it is ``keras.losses.CategoricalCrossentropy``. Targets are float32, shape
    (B, n_labels), 0 to 1 or ``MASKED``; probabilities are float32, shape (B, n_labels).
    """

    def __init__(self, *, label_smoothing: float) -> None:
        """Set the smoothing.

        Args:
            label_smoothing: probability mass given to all classes without a mask; 0 to 1.
        """
        super().__init__(name="masked_crossentropy")
        self._smoothing = label_smoothing

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Loss of each window: float32, shape (B,)."""
        is_labeled = ops.cast(y_true >= 0.0, y_pred.dtype)
        uniform = is_labeled / ops.sum(is_labeled, axis=-1, keepdims=True)
        targets = (1.0 - self._smoothing) * ops.maximum(y_true, 0.0) + self._smoothing * uniform
        probabilities = is_labeled * ops.maximum(y_pred, _LEAST)
        probabilities = ops.maximum(
            probabilities / ops.sum(probabilities, axis=-1, keepdims=True), _LEAST
        )
        return -ops.sum(is_labeled * targets * ops.log(probabilities), axis=-1)

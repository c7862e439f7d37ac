"""A convolution over time as one matrix product, which XLA trains on a processor much faster.

XLA takes convolutions on a processor one multiplication after another, above all for the gradient of the
kernel; products it hands to a tuned library. The kernel is a matrix as well, which is what Muon takes.
"""

import keras
from keras import layers, ops


class FrameProduct(layers.Layer):  # type: ignore[misc]
    """What ``Conv1D`` with padding "same" and without bias computes, with an unfolded kernel.

    Its one weight has shape (kernel * channels in, channels out): ``Conv1D``'s own, of shape (kernel,
    channels in, channels out), reshaped.

    Args:
        channels: channels of the output.
        kernel: frames that an output frame sees.
        strides: input frames from one output frame to the next.
        dilation: distance of the frames that an output frame sees, in frames.
    """

    def __init__(self, channels: int, kernel: int, *, strides: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self._channels = channels
        self._kernel = kernel
        self._strides = strides
        self._dilation = dilation

    def build(self, input_shape: tuple[int | None, int, int]) -> None:
        """Make the kernel: normal, of the variance that He et al. give for rectifiers."""
        shape = (self._kernel * input_shape[-1], self._channels)
        self.kernel = self.add_weight(shape=shape, initializer="he_normal", name="kernel")

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """float32, shape (B, T, channels in), T known -> (B, ceil(T / strides), channels out)."""
        n_frames, n_inputs = inputs.shape[1:]
        n_outputs = -(-n_frames // self._strides)
        reach = (self._kernel - 1) * self._dilation
        # As TensorFlow pads: what does not halve goes behind.
        n_padded = max(0, (n_outputs - 1) * self._strides + reach + 1 - n_frames)
        before = n_padded // 2
        padded = ops.pad(inputs, ((0, 0), (before, n_padded - before), (0, 0)))
        span = (n_outputs - 1) * self._strides + 1
        seen = [
            padded[:, first : first + span : self._strides]
            for first in range(0, reach + 1, self._dilation)
        ]
        unfolded = ops.reshape(ops.concatenate(seen, axis=-1), (-1, self._kernel * n_inputs))
        products = ops.matmul(unfolded, self.kernel)
        return ops.reshape(products, (-1, n_outputs, self._channels))

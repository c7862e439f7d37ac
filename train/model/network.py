"""The network: residual stacks of dilated one-dimensional convolutions over MFCC frames.

K. He et al., "Deep Residual Learning for Image Recognition", CVPR 2016 (residual blocks); J. Hu et al.,
"Squeeze-and-Excitation Networks", CVPR 2018 (channel gates); K. Okabe et al., "Attentive Statistics
Pooling for Deep Speaker Embedding", Interspeech 2018 (pooling).

The network has two forms with the same weights. In training a convolution is one matrix product, which
XLA computes much faster on a processor and which Muon can update. The form that is saved and converted
uses ``Conv1D``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

DENSE_LOGITS: Final = "dense_logits"
"""Name of the layer that gives a member's logits."""
_EPSILON = 1e-5
"""Keeps the square root of a variance, and its gradient, finite."""


class FrameProduct(layers.Layer):  # type: ignore[misc]
    """``Conv1D`` with padding "same" and without bias, as one matrix product.

    Its one weight has shape (kernel * channels in, channels out): ``Conv1D``'s own, of shape (kernel,
    channels in, channels out), reshaped.

    Args:
        channels: channels of the output.
        kernel: input frames of an output frame.
        strides: input frames from one output frame to the next.
        dilation: distance of these input frames, in frames.
    """

    def __init__(self, channels: int, kernel: int, *, strides: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self._channels = channels
        self._kernel = kernel
        self._strides = strides
        self._dilation = dilation

    def build(self, input_shape: tuple[int | None, int, int]) -> None:
        """Create the kernel with He initialization."""
        shape = (self._kernel * input_shape[-1], self._channels)
        self.kernel = self.add_weight(shape=shape, initializer="he_normal", name="kernel")

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """float32, shape (B, T, channels in), T known -> (B, ceil(T / strides), channels out)."""
        n_frames, n_inputs = inputs.shape[1:]
        n_outputs = -(-n_frames // self._strides)
        reach = (self._kernel - 1) * self._dilation
        # TensorFlow puts the odd frame of padding at the end.
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


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkSettings:
    """Architecture of the network."""

    stem_channels: int = 112
    """Channels of the first convolution, at half the frame rate."""
    channels: int = 112
    """Channels of the residual blocks, at a quarter of the frame rate."""
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    """Dilation of each residual block's first convolution."""
    attention_channels: int = 32
    """Hidden units of the pooling's attention."""
    dropout: float = 0.3
    """Dropout of the pooled statistics."""
    block_dropout: float = 0.1
    """Dropout of channels inside a residual block."""


def build_network(
    settings: NetworkSettings,
    *,
    n_frames: int,
    n_labels: int,
    mean: NDArray[np.float32],
    std: NDArray[np.float32],
    is_training: bool = False,
) -> keras.Model:
    """A Keras model from MFCCs to class probabilities.

    Args:
        settings: its architecture.
        n_frames: frames of the input.
        n_labels: number of classes.
        mean: float32, shape (n_mfcc,); subtracted inside the graph.
        std: float32, shape (n_mfcc,); divided by inside the graph.
        is_training: whether to build the form of matrix products, for training.

    Returns:
        float32 (B, n_frames, n_mfcc) -> float32 (B, n_labels). Shapes in the comments are
        those of 298 frames of 40 MFCCs.
    """
    build = _Convolutions(is_product=is_training)
    inputs = keras.Input((n_frames, len(mean)), name="mfcc")  # (B, 298, 40)
    x = layers.Normalization(axis=-1, mean=mean, variance=np.square(std))(inputs)
    x = build.convolution(x, settings.stem_channels, kernel=5, strides=2)  # (B, 149, 112)
    x = layers.ReLU()(x)
    x = build.convolution(x, settings.channels, kernel=3, strides=2)  # (B, 75, 112)
    x = layers.ReLU()(x)
    for dilation in settings.dilations:
        x = build.residual_block(x, dilation, settings.block_dropout)  # (B, 75, 112)
    x = _attentive_statistics(x, settings.attention_channels)  # (B, 224)
    x = layers.Dropout(settings.dropout)(x)
    logits = layers.Dense(n_labels, name=DENSE_LOGITS)(x)  # (B, 8)
    return keras.Model(inputs, layers.Softmax(name="probabilities")(logits))


def inference_form(
    model: keras.Model,
    settings: NetworkSettings,
    *,
    n_frames: int,
    mean: NDArray[np.float32],
    std: NDArray[np.float32],
) -> keras.Model:
    """The form of a trained network with ``Conv1D``, for windows of any length."""
    n_labels = model.output_shape[-1]
    inference = build_network(settings, n_frames=n_frames, n_labels=n_labels, mean=mean, std=std)
    pairs = zip(model.get_weights(), inference.get_weights(), strict=True)
    inference.set_weights([trained.reshape(own.shape) for trained, own in pairs])
    return inference


def average(members: Sequence[keras.Model]) -> keras.Model:
    """An ensemble that averages the logits of its members.

    Args:
        members: networks with the same input and output shapes.
    """
    if len(members) == 1:
        return members[0]
    inputs = keras.Input(members[0].input_shape[1:], name="mfcc")
    logits = [
        keras.Model(member.inputs, _logits(member), name=f"member_{number}")(inputs)
        for number, member in enumerate(members)
    ]
    mean = layers.Average()(logits)
    return keras.Model(inputs, layers.Softmax(name="probabilities")(mean))


def logit_model(model: keras.Model) -> keras.Model:
    """A network without its softmax, with the same weights."""
    return keras.Model(model.inputs, _logits(model))


def _logits(model: keras.Model) -> keras.KerasTensor:
    return model.get_layer("probabilities").input


class _Convolutions:
    """Layers of one form of the network."""

    def __init__(self, *, is_product: bool) -> None:
        self._is_product = is_product

    def convolution(
        self, x: keras.KerasTensor, channels: int, *, kernel: int, strides: int = 1, dilation: int = 1
    ) -> keras.KerasTensor:
        """A convolution with batch normalization."""
        if self._is_product:
            x = FrameProduct(channels, kernel, strides=strides, dilation=dilation)(x)
        else:
            x = layers.Conv1D(
                channels,
                kernel,
                strides=strides,
                dilation_rate=dilation,
                padding="same",
                use_bias=False,
            )(x)
        return layers.BatchNormalization(momentum=0.95)(x)

    def residual_block(self, x: keras.KerasTensor, dilation: int, dropout: float) -> keras.KerasTensor:
        """Two convolutions with a gate on each channel, added to the input."""
        channels = x.shape[-1]
        y = self.convolution(x, channels, kernel=3, dilation=dilation)
        y = layers.ReLU()(y)
        y = layers.SpatialDropout1D(dropout)(y)
        y = self.convolution(y, channels, kernel=3)
        gate = layers.GlobalAveragePooling1D(keepdims=True)(y)  # (B, 1, C)
        gate = layers.Dense(channels // 8, activation="relu")(gate)
        gate = layers.Dense(channels, activation="sigmoid")(gate)
        return layers.ReLU()(layers.Add()([x, layers.Multiply()([y, gate])]))


def _attentive_statistics(x: keras.KerasTensor, hidden: int) -> keras.KerasTensor:
    """Mean and standard deviation over time, weighted by attention for each channel."""
    channels = x.shape[-1]
    attention = layers.Dense(hidden, activation="tanh")(x)
    attention = layers.Softmax(axis=1)(layers.Dense(channels)(attention))  # (B, T, C)
    mean = ops.sum(attention * x, axis=1)  # (B, C)
    variance = ops.sum(attention * ops.square(x), axis=1) - ops.square(mean)
    std = ops.sqrt(ops.maximum(variance, 0.0) + _EPSILON)
    return layers.Concatenate()([mean, std])

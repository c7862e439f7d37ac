"""The network: a residual stack of dilated one-dimensional convolutions over MFCC frames.

K. He et al., "Deep Residual Learning for Image Recognition", CVPR 2016 (residual blocks); J. Hu et al.,
"Squeeze-and-Excitation Networks", CVPR 2018 (channel gates); K. Okabe et al., "Attentive Statistics
Pooling for Deep Speaker Embedding", Interspeech 2018 (pooling).
"""

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

_EPSILON = 1e-5
"""Keeps the square root of a variance, and its gradient, finite."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkSettings:
    """Size of the network."""

    stem_channels: int = 96
    """Channels of the first convolution, at half the frame rate."""
    channels: int = 112
    """Channels of the residual blocks, at a quarter of the frame rate."""
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    """Dilation of each residual block's first convolution."""
    attention_channels: int = 48
    """Hidden units of the pooling's attention."""
    dropout: float = 0.4
    """Share of the pooled statistics dropped while training."""
    block_dropout: float = 0.1
    """Share of channels dropped inside a residual block while training."""


def build_network(
    settings: NetworkSettings,
    *,
    n_frames: int,
    n_labels: int,
    mean: NDArray[np.float32],
    std: NDArray[np.float32],
) -> keras.Model:
    """A Keras model from MFCCs to class probabilities.

    Args:
        settings: its size.
        n_frames: frames of the input.
        n_labels: classes.
        mean: float32, shape (n_mfcc,); subtracted inside the graph.
        std: float32, shape (n_mfcc,); divided by inside the graph.

    Returns:
        float32 (B, n_frames, n_mfcc) -> float32 (B, n_labels). Shapes in the comments are
        those of 298 frames of 40 MFCCs.
    """
    inputs = keras.Input((n_frames, len(mean)), name="mfcc")  # (B, 298, 40)
    x = layers.Normalization(axis=-1, mean=mean, variance=np.square(std))(inputs)
    x = _convolution(x, settings.stem_channels, kernel=5, strides=2)  # (B, 149, 96)
    x = layers.ReLU()(x)
    x = _convolution(x, settings.channels, kernel=3, strides=2)  # (B, 75, 112)
    x = layers.ReLU()(x)
    for dilation in settings.dilations:
        x = _residual_block(x, dilation, settings.block_dropout)  # (B, 75, 112)
    x = _attentive_statistics(x, settings.attention_channels)  # (B, 224)
    x = layers.Dropout(settings.dropout)(x)
    outputs = layers.Dense(n_labels, activation="softmax", name="probabilities")(x)  # (B, 8)
    return keras.Model(inputs, outputs)


def _convolution(
    x: keras.KerasTensor, channels: int, *, kernel: int, strides: int = 1, dilation: int = 1
) -> keras.KerasTensor:
    x = layers.Conv1D(
        channels,
        kernel,
        strides=strides,
        dilation_rate=dilation,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
    )(x)
    return layers.BatchNormalization(momentum=0.95)(x)


def _residual_block(x: keras.KerasTensor, dilation: int, dropout: float) -> keras.KerasTensor:
    """Two convolutions, a gate on each channel, and the input added to what comes out."""
    channels = x.shape[-1]
    y = _convolution(x, channels, kernel=3, dilation=dilation)
    y = layers.ReLU()(y)
    y = layers.SpatialDropout1D(dropout)(y)
    y = _convolution(y, channels, kernel=3)
    gate = layers.GlobalAveragePooling1D(keepdims=True)(y)  # (B, 1, C)
    gate = layers.Dense(channels // 8, activation="relu")(gate)
    gate = layers.Dense(channels, activation="sigmoid")(gate)
    return layers.ReLU()(layers.Add()([x, layers.Multiply()([y, gate])]))


def _attentive_statistics(x: keras.KerasTensor, hidden: int) -> keras.KerasTensor:
    """Mean and standard deviation over time, weighted by a learnt attention for each channel."""
    channels = x.shape[-1]
    attention = layers.Dense(hidden, activation="tanh")(x)
    attention = layers.Softmax(axis=1)(layers.Dense(channels)(attention))  # (B, T, C)
    mean = ops.sum(attention * x, axis=1)  # (B, C)
    variance = ops.sum(attention * ops.square(x), axis=1) - ops.square(mean)
    std = ops.sqrt(ops.maximum(variance, 0.0) + _EPSILON)
    return layers.Concatenate()([mean, std])

"""The networks of the article: inherited, reworked and recurrent.

The article describes the first layer and later additions; other kernels and channels are those of the
inherited network. No network normalizes its input, as in the article.
"""

from typing import Final, Literal

import keras
from keras import layers

ArticleNetwork = Literal["baseline", "reworked", "recurrent"]

_KERNEL: Final = 5
_POOL: Final = 8


def build_article_network(kind: ArticleNetwork, *, n_frames: int, n_labels: int) -> keras.Model:
    """A Keras model from one number a frame to class probabilities.

    Args:
        kind: one of the networks.
        n_frames: frames of the input; 64 or more, for two poolings.
        n_labels: number of classes.

    Returns:
        float32 (B, n_frames, 1) -> float32 (B, n_labels).
    """
    body = {"baseline": _baseline, "reworked": _reworked, "recurrent": _recurrent}[kind]
    stack = [keras.Input((n_frames, 1)), *body()]
    return keras.Sequential([*stack, layers.Dense(n_labels, activation="softmax")])


def _baseline() -> list[layers.Layer]:
    """Six convolutions. Shapes in the comments are those of 216 frames."""
    return [
        _convolution(256),  # (B, 216, 256)
        layers.ReLU(),
        _convolution(128),
        layers.ReLU(),
        layers.Dropout(0.1),
        layers.MaxPooling1D(_POOL),  # (B, 27, 128)
        *_convolutions(128, 3),
        layers.Dropout(0.2),
        *_convolutions(128, 1),
        layers.Flatten(),  # (B, 3456)
    ]


def _reworked() -> list[layers.Layer]:
    """The baseline with two more convolutions, another pooling and two batch normalizations."""
    return [
        *_convolutions(256, 1),  # (B, 216, 256)
        _convolution(128),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Dropout(0.25),
        layers.MaxPooling1D(_POOL),  # (B, 27, 128)
        *_convolutions(128, 3),
        _convolution(128),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Dropout(0.25),
        layers.MaxPooling1D(_POOL),  # (B, 3, 128)
        *_convolutions(128, 2),
        layers.Flatten(),  # (B, 384)
    ]


def _recurrent() -> list[layers.Layer]:
    """Two gated recurrent layers after a strided convolution.

    K. Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", EMNLP 2014.
    """
    return [
        layers.Conv1D(64, _KERNEL, strides=4, padding="same", activation="relu"),  # (B, 54, 64)
        layers.GRU(96, return_sequences=True),
        layers.Dropout(0.25),
        layers.GRU(96),  # (B, 96)
        layers.Dropout(0.25),
    ]


def _convolutions(channels: int, number: int) -> list[layers.Layer]:
    return [layer for _ in range(number) for layer in (_convolution(channels), layers.ReLU())]


def _convolution(channels: int) -> layers.Layer:
    return layers.Conv1D(channels, _KERNEL, padding="same")

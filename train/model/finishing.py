"""From trained ensemble members to a network that is ready to be written: temperature and conversion.

C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017 (temperature scaling).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import keras
import numpy as np
from numpy.typing import NDArray

from serd.model.labels import EMOTIONS
from serd.model.windows import pad
from train.features.dataset import Dataset
from train.model.conversion import to_int8, to_keras, to_tflite
from train.model.export_windows import N_CALIBRATION
from train.model.learning import TrainedNetwork
from train.model.network import DENSE_LOGITS, logit_model
from train.model.recipe import Recipe

_NEVER: Final = -30.0
"""Logit of an emotion that is never named."""
_TEMPERATURES: Final = np.geomspace(0.2, 5.0, 401)


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The temperature of maximum likelihood.

    Args:
        logits: float32, shape (n, n_labels), of windows of speakers without training clips.
        labels: int64, shape (n,): the true classes.

    Returns:
        0.2 to 5, to about a hundredth; 1 without windows.
    """
    if not len(labels):
        return 1.0
    true = np.arange(len(labels)), labels
    losses = []
    for temperature in _TEMPERATURES:
        scaled = logits.astype(np.float64) / temperature
        scaled -= scaled.max(axis=1, keepdims=True)
        losses.append(float((np.log(np.exp(scaled).sum(axis=1)) - scaled[true]).mean()))
    return float(_TEMPERATURES[int(np.argmin(losses))])


def apply_temperature(model: keras.Model, temperature: float) -> None:
    """Divide the weights of a network's last layers, and so its logits, by a temperature."""
    for layer in _dense_logits(model):
        layer.set_weights([weights / temperature for weights in layer.get_weights()])


def silence(model: keras.Model, emotions: Sequence[str]) -> None:
    """Give some emotions a probability of about zero: a network without a clip of one has only noise.

    Args:
        model: the network, which is changed in place.
        emotions: the emotions; their outputs are those of ``EMOTIONS``.
    """
    if not emotions:
        return
    outputs = [EMOTIONS.index(emotion) for emotion in emotions]
    for layer in _dense_logits(model):
        kernel, bias = layer.get_weights()
        kernel[:, outputs] = 0.0
        bias[outputs] = _NEVER
        layer.set_weights([kernel, bias])


def _dense_logits(model: keras.Model) -> list[keras.layers.Layer]:
    """The last layers of a network, or of each of its members."""
    found = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found += _dense_logits(layer)
        elif layer.name == DENSE_LOGITS:
            found.append(layer)
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class FinishedNetwork:
    """A network that is ready to be written, as TFLite and Keras model."""

    network: bytes
    """The TFLite flatbuffer."""
    keras: bytes
    """The archive of the Keras model."""
    mean: tuple[float, ...]
    """Mean of each coefficient, subtracted in the graph."""
    std: tuple[float, ...]
    """Standard deviation of each coefficient, divided by in the graph."""
    min_log_energy: float
    """Level to which fainter windows are amplified in front of the graph, as a mean log energy."""
    n_parameters: int
    """Parameters of the Keras model."""
    temperature: float
    """Temperature by which the logits are divided."""


def finish(
    trained: TrainedNetwork, dataset: Dataset, recipe: Recipe, *, temperature: float, seed: int
) -> FinishedNetwork:
    """Apply the temperature to a network, and convert it.

    Args:
        trained: the network, which is changed in place.
        dataset: its training windows, from which int8 takes its ranges.
        recipe: recipe with the precision.
        temperature: temperature, above 0.
        seed: seed of the choice of windows for the ranges.
    """
    apply_temperature(trained.model, temperature)
    if recipe.precision == "int8":
        network = to_int8(trained.model, _calibration(dataset, recipe, seed))
    else:
        network = to_tflite(trained.model)
    return FinishedNetwork(
        network=network,
        keras=to_keras(trained.model),
        mean=tuple(trained.mean.tolist()),
        std=tuple(trained.std.tolist()),
        min_log_energy=dataset.min_log_energy(),
        n_parameters=int(trained.model.count_params()),
        temperature=temperature,
    )


def calibration_logits(
    trained: TrainedNetwork,
    inputs: NDArray[np.float32],
    labels: NDArray[np.int64],
    *,
    absent: Sequence[str] = (),
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Logits and labels of the windows on which a temperature can be fitted.

    Args:
        trained: the network.
        inputs: float32, shape (m, n_frames, n_mfcc).
        labels: int64, shape (m,).
        absent: emotions that the network never names. Their windows are left out: no temperature makes
            it right about them, and any other loss would be nothing beside theirs.

    Returns:
        float32, shape (n, 8), the logits of the emotions, and int64, shape (n,), n up to m.
    """
    is_named = ~np.isin(labels, [EMOTIONS.index(emotion) for emotion in absent])
    inputs, labels = inputs[is_named], labels[is_named]
    if not len(labels):
        return np.empty((0, len(EMOTIONS)), np.float32), labels
    # predict() would build a graph for each network, and warn.
    logits = np.asarray(logit_model(trained.model)([inputs], training=False), np.float32)
    return logits[:, : len(EMOTIONS)], labels


def _calibration(dataset: Dataset, recipe: Recipe, seed: int) -> NDArray[np.float32]:
    """Windows of clips and of one copy of each.

    Returns:
        float32, shape (n, n_frames, n_mfcc).
    """
    windows = recipe.windows
    rng = np.random.default_rng(seed)
    copies = [each for each in dataset.copies if each.copy < 2]  # the clip, and one copy
    chosen = rng.permutation(len(copies))[:N_CALIBRATION]
    frames = [frames for index in chosen for frames in copies[index].frames]
    return np.array([pad(each.astype(np.float32), windows.n_frames, windows.padding) for each in frames])

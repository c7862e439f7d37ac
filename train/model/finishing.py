"""From trained ensemble members to a network that is ready to be written: temperature and conversion.

C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017 (temperature scaling).
"""

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

_TEMPERATURES: Final = np.geomspace(0.2, 5.0, 401)


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The temperature at which the true classes are likeliest.

    Args:
        logits: float32, shape (n, n_labels), of windows whose speakers the networks never heard.
        labels: int64, shape (n,): the true classes.

    Returns:
        0.2 to 5, to about a hundredth; 1 where there is no window.
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
    """Divide the logits of a network, in the layers that give them, by a temperature."""
    for layer in _dense_logits(model):
        layer.set_weights([weights / temperature for weights in layer.get_weights()])


def _dense_logits(model: keras.Model) -> list[keras.layers.Layer]:
    """Those of the network itself, or of each of its members."""
    found = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found += _dense_logits(layer)
        elif layer.name == DENSE_LOGITS:
            found.append(layer)
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class FinishedNetwork:
    """A network that is ready to be written."""

    network: bytes
    """The TFLite flatbuffer."""
    keras: bytes
    """The Keras model, as its own archive."""
    mean: tuple[float, ...]
    """What the graph subtracts from each coefficient."""
    std: tuple[float, ...]
    """What the graph divides each coefficient by."""
    n_parameters: int
    """Parameters of the Keras model."""
    temperature: float
    """What the logits of its members were divided by."""


def finish(
    learnt: TrainedNetwork, learners: Dataset, recipe: Recipe, *, temperature: float, seed: int
) -> FinishedNetwork:
    """Cool, convert and pack a network.

    Args:
        learnt: the network; its logits are divided by the temperature in place.
        learners: what it has learnt from, which int8 takes its ranges from.
        recipe: which arithmetic.
        temperature: above 0.
        seed: draws the windows for the ranges.
    """
    apply_temperature(learnt.model, temperature)
    if recipe.precision == "int8":
        network = to_int8(learnt.model, _calibration(learners, recipe, seed))
    else:
        network = to_tflite(learnt.model)
    return FinishedNetwork(
        network=network,
        keras=to_keras(learnt.model),
        mean=tuple(learnt.mean.tolist()),
        std=tuple(learnt.std.tolist()),
        n_parameters=int(learnt.model.count_params()),
        temperature=temperature,
    )


def calibration_logits(
    learnt: TrainedNetwork, inputs: NDArray[np.float32], labels: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The logits of the emotions for some windows, with their labels: float32, shape (n, 8)."""
    if not len(labels):
        return np.empty((0, len(EMOTIONS)), np.float32), labels
    # Not predict(), which builds a graph for every network and warns of so many.
    logits = np.asarray(logit_model(learnt.model)([inputs], training=False), np.float32)
    return logits[:, : len(EMOTIONS)], labels


def _calibration(learners: Dataset, recipe: Recipe, seed: int) -> NDArray[np.float32]:
    """Windows of clips and their copies, as many of one as of the other.

    Returns:
        float32, shape (n, n_frames, n_mfcc).
    """
    windows = recipe.windows
    rng = np.random.default_rng(seed)
    copies = [each for each in learners.copies if each.copy < 2]  # the clip, and one copy
    chosen = rng.permutation(len(copies))[:N_CALIBRATION]
    frames = [frames for index in chosen for frames in copies[index].frames]
    return np.array([pad(each.astype(np.float32), windows.n_frames, windows.padding) for each in frames])

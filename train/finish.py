"""From trained members to a network that is ready to be written."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serd.model.labels import EMOTIONS
from serd.model.windows import pad
from train.convert import to_keras, to_tflite
from train.dataset import Dataset
from train.learn import Learnt
from train.network import logit_model
from train.quantise import to_int8
from train.real_windows import N_CALIBRATION
from train.recipe import Recipe
from train.temperature import cool


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
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


def finish(learnt: Learnt, learners: Dataset, recipe: Recipe, *, temperature: float, seed: int) -> Made:
    """Cool, convert and pack a network.

    Args:
        learnt: the network; its logits are divided by the temperature in place.
        learners: what it has learnt from, which int8 takes its ranges from.
        recipe: which arithmetic.
        temperature: above 0.
        seed: draws the windows for the ranges.
    """
    cool(learnt.model, temperature)
    if recipe.precision == "int8":
        network = to_int8(learnt.model, _calibration(learners, recipe, seed))
    else:
        network = to_tflite(learnt.model)
    return Made(
        network=network,
        keras=to_keras(learnt.model),
        mean=tuple(learnt.mean.tolist()),
        std=tuple(learnt.std.tolist()),
        n_parameters=int(learnt.model.count_params()),
        temperature=temperature,
    )


def held_out_logits(
    learnt: Learnt, inputs: NDArray[np.float32], labels: NDArray[np.int64]
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

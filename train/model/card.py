"""The card of a trained network, and its provenance without the machine's folders."""

import platform
from collections.abc import Mapping, Sequence
from typing import Any

import serd
from serd.model.card import ModelCard
from serd.model.labels import EMOTIONS, NONE
from train.data.clips import RAVDESS, Clip, Split, fingerprint, format_actors
from train.data.corpora import CORPORA, title_of
from train.data.corpora.ravdess import LICENSE
from train.features.dataset import Dataset
from train.features.noise import CREDIT as ESC_CREDIT
from train.features.noise import NOISE, is_esc
from train.model.recipe import WINDOW_S, Recipe
from train.model.tensorflow_import import versions

_OTHER_LICENSE = "The terms of the corpora that it was trained on."


def trained_card(
    dataset: Dataset,
    recipe: Recipe,
    *,
    name: str,
    mean: Sequence[float],
    std: Sequence[float],
    min_log_energy: float,
    facts: Mapping[str, Any],
    network_sha256: str = "",
) -> ModelCard:
    """The card of a network.

    Args:
        dataset: clips of all actors.
        recipe: recipe of the training.
        name: name of the model.
        mean: mean of each coefficient, which the graph subtracts.
        std: standard deviation of each coefficient, by which the graph divides.
        min_log_energy: level to which fainter windows are amplified in front of the graph.
        facts: provenance, as ``provenance`` gives it.
        network_sha256: checksum of its flatbuffer; empty for a Keras model.
    """
    present = {clip.corpus for clip in dataset.clips}
    notices = [each.credit for each in CORPORA.values() if each.credit and each.name in present]
    if any(clip.is_noise and is_esc(clip.path) for clip in dataset.clips):
        notices.append(ESC_CREDIT)
    windows = recipe.windows
    return ModelCard(
        name=name,
        version=serd.__version__,
        labels=EMOTIONS,
        feature_set=windows.feature_set,
        window_s=WINDOW_S,
        padding=windows.padding,
        mean=tuple(mean),
        std=tuple(std),
        network_sha256=network_sha256,
        licence=" ".join([LICENSE if RAVDESS in present else _OTHER_LICENSE, *notices]),
        no_speech_threshold=recipe.no_speech_threshold if NONE in dataset.outputs else None,
        min_log_energy=min_log_energy,
        training=facts,
    )


def provenance(
    clips: Sequence[Clip],
    split: Split,
    recipe: Recipe,
    *,
    command: str,
    seed: int,
    n_parameters: int,
) -> dict[str, Any]:
    """Data, actors, command, seed, versions and every parameter of the recipe.

    Args:
        clips: the clips and recordings of noise that it learned from.
        split: training, validation and test actors.
        recipe: recipe of the training.
        command: command line of the training.
        seed: seed of the training.
        n_parameters: parameters of the network.

    Returns:
        A JSON object.
    """
    present = {clip.corpus for clip in clips}
    own = sorted(present - CORPORA.keys() - {NOISE})
    first, *also = [_data(clips, name) for name in (*CORPORA, *own) if name in present]
    return {
        "command": command,
        "data": first,
        **({"also": also} if also else {}),
        **({"noise": _data(clips, NOISE)} if NOISE in present else {}),
        "actors": format_actors(split.train),
        "validation_actors": format_actors(split.validation),
        "test_actors": format_actors(split.test),
        "seed": seed,
        "epochs": recipe.learn.epochs,
        "parameters": n_parameters,
        "versions": versions(),
        "machine": platform.machine(),
        "recipe": recipe.to_json(),
    }


def _data(clips: Sequence[Clip], corpus: str) -> dict[str, Any]:
    """Name, checksum and size of the training clips of a corpus."""
    own = [clip for clip in clips if clip.corpus == corpus]
    return {
        "name": title_of(corpus),
        "sha256_of_names_and_sizes": fingerprint(own),
        "n_clips": len(own),
        "n_speech": sum(clip.channel == "speech" for clip in own),
        "n_song": sum(clip.channel == "song" for clip in own),
    }

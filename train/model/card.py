"""The card of a trained network, and its provenance without the machine's folders."""

import platform
from collections.abc import Mapping, Sequence
from typing import Any

import serd
from serd.model.card import ModelCard
from serd.model.labels import EMOTIONS, NONE
from train.data.clips import Clip, Split, fingerprint, format_actors
from train.data.corpora import CREDITS, TITLES, ravdess
from train.data.corpora.ravdess import LICENSE
from train.features.dataset import Dataset
from train.features.noise import CREDIT as ESC_CREDIT
from train.features.noise import NOISE, is_esc
from train.model.recipe import WINDOW_S, Recipe
from train.model.tensorflow_import import versions


def trained_card(
    dataset: Dataset,
    recipe: Recipe,
    *,
    name: str,
    mean: Sequence[float],
    std: Sequence[float],
    facts: Mapping[str, Any],
    network_sha256: str = "",
) -> ModelCard:
    """What must travel with a network.

    Args:
        dataset: what it has learnt from; more may be in it.
        recipe: how.
        name: what it is called.
        mean: what the graph subtracts from each coefficient.
        std: what the graph divides each coefficient by.
        facts: where it comes from, as ``train.model.card`` says it.
        network_sha256: checksum of its flatbuffer; empty while it is none.
    """
    there = {clip.corpus for clip in dataset.clips}
    thanks = [CREDITS[each] for each in CREDITS if each in there]
    if any(clip.is_noise and is_esc(clip.path) for clip in dataset.clips):
        thanks.append(ESC_CREDIT)
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
        licence=" ".join([LICENSE, *thanks]),
        no_speech_threshold=recipe.no_speech_threshold if NONE in dataset.outputs else None,
        training=facts,
    )


def provenance(
    dataset: Dataset,
    split: Split,
    recipe: Recipe,
    *,
    command: str,
    seed: int,
    n_parameters: int,
) -> dict[str, Any]:
    """Data, actors, command, seed, versions and every parameter of the recipe.

    Args:
        dataset: the clips of all actors.
        split: which of them were learnt from.
        recipe: how.
        command: what was typed.
        seed: seeded everything that is drawn.
        n_parameters: parameters of the network.

    Returns:
        What ``json.dumps`` takes.
    """
    clips = [
        clip
        for index, clip in enumerate(dataset.clips)
        if (clip.actor in split.train or clip.is_noise) and index not in dataset.left_out
    ]
    others = {clip.corpus for clip in clips} - {ravdess.NAME}
    also = [_data(clips, name) for name in TITLES if name in others]
    return {
        "command": command,
        "data": _data(clips, ravdess.NAME),
        **({"also": also} if also else {}),
        **({"noise": _data(clips, NOISE)} if NOISE in others else {}),
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
    """Which clips of a corpus were learnt from."""
    own = [clip for clip in clips if clip.corpus == corpus]
    return {
        "name": TITLES.get(corpus, corpus),
        "sha256_of_names_and_sizes": fingerprint(own),
        "n_clips": len(own),
        "n_speech": sum(clip.channel == "speech" for clip in own),
        "n_song": sum(clip.channel == "song" for clip in own),
    }

"""What a card says of where its network comes from, with no trace of the machine's folders."""

import platform
from collections.abc import Sequence
from typing import Any

from train.actors import Split, format_actors
from train.clips import Clip, fingerprint
from train.corpora import TITLES, ravdess
from train.dataset import Dataset
from train.noise import NOISE
from train.recipe import Recipe
from train.versions import versions


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

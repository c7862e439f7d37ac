"""The card of a network that was trained here."""

from collections.abc import Mapping, Sequence
from typing import Any

import serd
from serd.model.card import ModelCard
from serd.model.labels import EMOTIONS, NONE
from train.corpora import CREDITS
from train.corpora.ravdess import LICENCE
from train.dataset import Dataset
from train.noise_folds import CREDIT as ESC_CREDIT
from train.noise_folds import is_esc
from train.recipe import WINDOW_S, Recipe


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
        facts: where it comes from, as ``train.provenance`` says it.
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
        licence=" ".join([LICENCE, *thanks]),
        no_speech_threshold=recipe.no_speech_threshold if NONE in dataset.outputs else None,
        training=facts,
    )

"""Noise that a network is scored with: recordings whose sound it was not trained on."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from train.data.duplicates import sound_keys
from train.features.noise import NoiseBank, noise_fold


def folds_of_sounds(bank: NoiseBank) -> Mapping[Path, frozenset[str]]:
    """The noise folds in which the sound of each recording occurs, under whatever name."""
    keys = sound_keys(bank.paths)
    folds: dict[str, set[str]] = defaultdict(set)
    for path, key in zip(bank.paths, keys, strict=True):
        folds[key].add(noise_fold(path))
    return {path: frozenset(folds[key]) for path, key in zip(bank.paths, keys, strict=True)}


def held_out_noise(folds: Mapping[Path, frozenset[str]], fold: str) -> tuple[Path, ...]:
    """The recordings for scoring a network.

    Args:
        folds: the folds of each recording's sound, as ``folds_of_sounds`` gives them.
        fold: the noise fold that the network was not trained on; empty if it was trained without
            noise.

    Returns:
        The recordings whose sound occurs in that fold alone; all for an empty one.
    """
    return tuple(path for path, own in folds.items() if not fold or own == {fold})

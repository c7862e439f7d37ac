"""Named ways to hold actors of RAVDESS out; no actor is ever on both sides of a fold."""

from collections.abc import Mapping
from typing import Final

from train.ravdess import CorpusError, split_actors

Fold = frozenset[int]

PROTOCOLS: Final[Mapping[str, tuple[Fold, ...]]] = {
    "article": (frozenset({21, 22, 23, 24}),),
    "dev5": tuple(frozenset(range(first, first + 4)) for first in (1, 5, 9, 13, 17)),
    "mmer5": (
        frozenset({2, 5, 14, 15, 16}),
        frozenset({3, 6, 7, 13, 18}),
        frozenset({10, 11, 12, 19, 20}),
        frozenset({8, 17, 21, 23, 24}),
        frozenset({1, 4, 9, 22}),
    ),
    "emobox6": (
        frozenset({1, 11, 20, 21}),
        frozenset({4, 10, 12, 14}),
        frozenset({8, 9, 19, 23}),
        frozenset({3, 5, 7, 24}),
        frozenset({2, 15, 16, 18}),
        frozenset({6, 13, 17, 22}),
    ),
}
"""Test actors of each fold. ``mmer5``: C. Luna-Jimenez et al., "Multimodal Emotion Recognition on
RAVDESS Dataset Using Transfer Learning", Sensors 21(22), 2021. ``emobox6``: Z. Ma et al., "EmoBox",
Interspeech 2024. ``dev5`` leaves the four actors of ``article`` untouched."""


def protocol_folds(name: str, present: frozenset[int]) -> tuple[Fold, ...]:
    """The test actors of each fold, checked to be there.

    Args:
        name: one of ``PROTOCOLS``.
        present: actors that have clips.

    Raises:
        CorpusError: no such protocol, or an actor is missing.
    """
    folds = PROTOCOLS.get(name)
    if folds is None:
        raise CorpusError(f"Bad protocol {name!r}, expected one of: {', '.join(PROTOCOLS)}")
    for test in folds:
        split_actors(present, test=test)
    return folds

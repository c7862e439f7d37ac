"""Named protocols that hold out actors of RAVDESS; no actor is on both sides of a fold."""

from collections.abc import Mapping
from typing import Final

from train.data.clips import Actors, CorpusError, format_actors, numbered, split_actors

PROTOCOLS: Final[Mapping[str, tuple[Actors, ...]]] = {
    "article": (numbered(21, 22, 23, 24),),
    "dev5": tuple(numbered(*range(first, first + 4)) for first in (1, 5, 9, 13, 17)),
    "mmer5": (
        numbered(2, 5, 14, 15, 16),
        numbered(3, 6, 7, 13, 18),
        numbered(10, 11, 12, 19, 20),
        numbered(8, 17, 21, 23, 24),
        numbered(1, 4, 9, 22),
    ),
    "emobox6": (
        numbered(1, 11, 20, 21),
        numbered(4, 10, 12, 14),
        numbered(8, 9, 19, 23),
        numbered(3, 5, 7, 24),
        numbered(2, 15, 16, 18),
        numbered(6, 13, 17, 22),
    ),
}
"""Test actors of each fold. ``mmer5``: C. Luna-Jimenez et al., "Multimodal Emotion Recognition on
RAVDESS Dataset Using Transfer Learning", Sensors 21(22), 2021. ``emobox6``: Z. Ma et al., "EmoBox",
Interspeech 2024. ``dev5`` leaves the four actors of ``article`` untouched."""


LEAKY: Final = "leaky"
"""The split by file, which shows the effect of a leak; it runs with any actors."""


def protocol_folds(name: str, present: Actors, test_actors: Actors = frozenset()) -> tuple[Actors, ...]:
    """The test actors of each fold, checked to be there.

    Args:
        name: one of ``PROTOCOLS``.
        present: actors that have clips.
        test_actors: actors tested in place of the protocol's own; for ``article`` alone.

    Raises:
        CorpusError: no such protocol, an actor is missing, or none is left for training.
    """
    folds = PROTOCOLS.get(name)
    if folds is None:
        raise CorpusError(f"Bad protocol {name!r}, expected one of: {', '.join(PROTOCOLS)}")
    if test_actors and name != "article":
        raise CorpusError(f"{name} has its own test actors; only article can be given others")
    folds = (test_actors,) if test_actors else folds
    missing = frozenset[str]().union(*folds) - present
    if missing:
        able = ", ".join(runnable_protocols(present))
        raise CorpusError(
            f"{name}: no clip of actor {format_actors(missing)}, whom it tests; there are actors"
            f" {format_actors(present)}, with which these protocols can run: {able}"
        )
    for test in folds:
        split_actors(present, test=test)
    return folds


def left_alone(name: str, test_actors: Actors = frozenset()) -> Actors:
    """Actors that a protocol neither trains on nor scores, as a final test set.

    Args:
        name: one of ``PROTOCOLS``, or empty.
        test_actors: actors tested in place of the protocol's own.
    """
    keeps_them = name == "dev5" or (name == "article" and test_actors)
    return PROTOCOLS["article"][0] if keeps_them else frozenset()


def missing_actors(name: str, present: Actors) -> Actors:
    """Test actors of a protocol that have no clip; none for ``leaky``."""
    return frozenset[str]().union(*PROTOCOLS.get(name, ())) - present


def runnable_protocols(present: Actors) -> tuple[str, ...]:
    """Protocols with all of their test actors present, ``leaky`` last."""
    return tuple(name for name in (*PROTOCOLS, LEAKY) if not missing_actors(name, present))

"""Named protocols: who is tested, on which corpora, and which emotions count.

In the protocols of ``PROTOCOLS``, and in ``left-out-corpus``, no actor is on both sides of a fold.
``text`` holds out sentences as well as actors, and ``leaky`` holds out files alone. ``orders`` is no
split: it counts the ordinary orders that a model gives an emotion.
"""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Final

from serd.model.labels import EMOTIONS
from train.data.clips import (
    RAVDESS,
    Actors,
    CorpusError,
    corpus_of,
    format_actors,
    numbered,
    split_actors,
)
from train.data.corpora import classes_of, cremad, emotiontts, nemo, title_of


def _of_crema_d(first: int) -> Actors:
    """Fourteen actors of CREMA-D."""
    return frozenset(f"{cremad.NAME}:{number}" for number in range(first, first + 14))


def _of_nemo(*names: str) -> Actors:
    return frozenset(f"{nemo.NAME}:{name}" for name in names)


_DEV5: Final = tuple(numbered(*range(first, first + 4)) for first in (1, 5, 9, 13, 17))
_CREMA5: Final = tuple(map(_of_crema_d, (1001, 1015, 1029, 1043, 1057)))
_NEMO3: Final = (_of_nemo("EB0", "KS0"), _of_nemo("IC0", "SM0"), _of_nemo("KD0", "TP0"))

PROTOCOLS: Final[Mapping[str, tuple[Actors, ...]]] = {
    "article": (numbered(21, 22, 23, 24),),
    "dev5": _DEV5,
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
    "crema5": _CREMA5,
    "nemo3": _NEMO3,
    "all5": tuple(
        frozenset[str]().union(*folds)
        for folds in zip_longest(_DEV5, _CREMA5, _NEMO3, fillvalue=frozenset[str]())
    ),
}
"""Test actors of each fold. ``mmer5``: C. Luna-Jimenez et al., "Multimodal Emotion Recognition on
RAVDESS Dataset Using Transfer Learning", Sensors 21(22), 2021. ``emobox6``: Z. Ma et al., "EmoBox",
Interspeech 2024. ``dev5`` leaves the four actors of ``article`` untouched. ``crema5`` tests the first 70
actors of CREMA-D, and ``nemo3`` pairs of a woman and a man of nEMO. ``all5`` holds out one fold of each
of the three at a time, so that five networks serve all of them; nEMO has no part in the last two."""

LEFT_OUT: Final = "left-out-corpus"
"""Each fold tests a corpus of ``LEFT_OUT_CORPORA``, and trains on all others."""
LEFT_OUT_CORPORA: Final[Mapping[str, tuple[str, ...]]] = {
    RAVDESS: nemo.CLASSES,
    cremad.NAME: cremad.CLASSES,
    nemo.NAME: nemo.CLASSES,
    emotiontts.NAME: emotiontts.CORPUS.classes,
}
"""Emotions that count in each fold: six of RAVDESS, without calm, which no other corpus has, and
disgust."""
TEXT: Final = "text"
"""The folds of ``dev5`` once for each sentence of RAVDESS, trained on the other sentence alone."""
_SENTENCES: Final = ("1", "2")
LEAKY: Final = "leaky"
"""The split by file, which shows the effect of a leak; it runs with any actors."""
ORDERS: Final = "orders"
"""Ordinary orders: the share that is given another emotion than neutral and calm."""

ACTOR_PROTOCOLS: Final = (*PROTOCOLS, LEFT_OUT)
"""Protocols that split actors."""
SPLIT_PROTOCOLS: Final = (*ACTOR_PROTOCOLS, TEXT)
"""Protocols that split clips without a leak."""


def protocol_corpora(name: str) -> tuple[str, ...]:
    """Names of the corpora that a protocol tests; RAVDESS for an empty name."""
    if name == LEFT_OUT:
        return tuple(LEFT_OUT_CORPORA)
    tested = frozenset[str]().union(*PROTOCOLS.get(name, ()))
    return tuple(sorted({corpus_of(actor) for actor in tested})) or (RAVDESS,)


def tested_sentences(name: str) -> tuple[str, ...]:
    """Sentences of RAVDESS that are held out one by one in each fold of actors; "" for no sentence."""
    return _SENTENCES if name == TEXT else ("",)


def protocol_folds(name: str, present: Actors, test_actors: Actors = frozenset()) -> tuple[Actors, ...]:
    """The test actors of each fold, checked to be there.

    Args:
        name: one of ``SPLIT_PROTOCOLS``; ``text`` has the actors of ``dev5``.
        present: actors that have clips.
        test_actors: actors tested in place of the protocol's own; for ``article`` alone.

    Raises:
        CorpusError: no such protocol, an actor is missing, or none is left for training.
    """
    if test_actors and name != "article":
        raise CorpusError(f"{name} has its own test actors; only article can be given others")
    if name == LEFT_OUT:
        return _left_out_folds(present - left_alone(name))
    folds = PROTOCOLS.get("dev5" if name == TEXT else name)
    if folds is None:
        raise CorpusError(f"Bad protocol {name!r}, expected one of: {', '.join(SPLIT_PROTOCOLS)}")
    folds = (test_actors,) if test_actors else folds
    missing = frozenset[str]().union(*folds) - present
    if missing:
        able = ", ".join(runnable_protocols(present))
        raise CorpusError(
            f"{name}: no clip of actor {format_actors(missing)}, a test actor; there are actors"
            f" {format_actors(present)}, with which these protocols can run: {able}"
        )
    for test in folds:
        split_actors(present, test=test)
    return folds


def _left_out_folds(present: Actors) -> tuple[Actors, ...]:
    """All actors of each corpus that is there and can be left out.

    Raises:
        CorpusError: there are fewer than two corpora, or none of those that are left out.
    """
    there = {corpus_of(actor) for actor in present}
    folds = tuple(
        frozenset(actor for actor in present if corpus_of(actor) == corpus)
        for corpus in LEFT_OUT_CORPORA
        if corpus in there
    )
    if not folds or len(there) < 2:
        wanted = ", ".join(map(title_of, LEFT_OUT_CORPORA))
        raise CorpusError(
            f"{LEFT_OUT}: expected two corpora or more, one of them of {wanted}, got"
            f" {', '.join(sorted(map(title_of, there))) or 'none'}"
        )
    return folds


def scored_emotions(name: str, corpora: Sequence[str]) -> tuple[str, ...]:
    """The emotions to which the decisions on test clips are restricted, in the order of ``EMOTIONS``.

    They are those that the tested corpora can show, six of RAVDESS in ``left-out-corpus``, and all where
    only a table or a folder knows a corpus.

    Args:
        name: the protocol.
        corpora: names of the tested corpora.
    """
    shown: set[str] = set()
    for corpus in corpora:
        own = LEFT_OUT_CORPORA.get(corpus, ()) if name == LEFT_OUT else classes_of(corpus)
        shown.update(own or EMOTIONS)
    return tuple(emotion for emotion in EMOTIONS if emotion in shown)


def left_alone(name: str, test_actors: Actors = frozenset()) -> Actors:
    """Actors that a protocol neither trains on nor scores, as a final test set.

    Args:
        name: one of ``SPLIT_PROTOCOLS``, or empty.
        test_actors: actors tested in place of the protocol's own.
    """
    keeps_them = name in {"dev5", "all5", TEXT, LEFT_OUT} or (name == "article" and test_actors)
    return PROTOCOLS["article"][0] if keeps_them else frozenset()


def missing_actors(name: str, present: Actors) -> Actors:
    """Test actors of a protocol that have no clip; none for ``leaky`` and ``left-out-corpus``."""
    folds = PROTOCOLS.get("dev5" if name == TEXT else name, ())
    return frozenset[str]().union(*folds) - present


def runnable_protocols(present: Actors) -> tuple[str, ...]:
    """Protocols with all of their test actors present, ``leaky`` last."""
    several = len({corpus_of(actor) for actor in present}) > 1
    return tuple(
        name
        for name in (*SPLIT_PROTOCOLS, LEAKY)
        if not missing_actors(name, present) and (several or name != LEFT_OUT)
    )

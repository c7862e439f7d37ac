"""Ordinary spoken orders of the speech-to-intent benchmark: clips from file names.

Picovoice, "Speech-to-Intent Benchmark", Apache License 2.0: orders to a coffee machine by some 50
people, without emotion labels and without names of the speakers. A clip is a UUID.
"""

import re
from pathlib import Path
from typing import Final

from train.data.clips import UNLABELED, Clip, OtherNameError
from train.data.corpora.reader import CorpusReader, stem_of

NAME: Final = "orders"
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def clip_from_path(path: Path) -> Clip:
    """The clip of a file.

    Raises:
        OtherNameError: its name is no UUID.
    """
    if _UUID.fullmatch(stem_of(path)) is None:
        raise OtherNameError(f"{path}: not named like an order (0075d273-51bb-47cb-b323-4437bd0de029)")
    return unlabeled_clip(path, NAME)


def unlabeled_clip(path: Path, corpus: str) -> Clip:
    """A clip of ordinary speech of which neither emotion nor speaker is known."""
    return Clip(
        path=path,
        corpus=corpus,
        actor=f"{corpus}:unknown",
        gender="unknown",
        emotion=UNLABELED,
        channel="speech",
        intensity="unknown",
        statement="",
    )


CORPUS: Final = CorpusReader(
    name=NAME,
    title="spoken orders",
    classes=(),
    example="0075d273-51bb-47cb-b323-4437bd0de029",
    clip_from_path=clip_from_path,
)

"""A recording of known emotion and speaker, whatever corpus it comes from."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from serd.errors import InputError
from serd.model.labels import EMOTIONS, NONE

SOUND_SUFFIXES: Final = frozenset({".wav", ".flac"})
"""Files that are looked at, by their suffix in lower case."""

Channel = Literal["speech", "song", "noise"]
Gender = Literal["female", "male", "unknown"]
Intensity = Literal["normal", "strong", "unknown"]


OUTPUTS: Final = (*EMOTIONS, NONE)
"""What a network that has heard noise tells apart: the emotions, and that nobody speaks."""


class CorpusError(InputError):
    """A corpus cannot be used as asked."""


class OtherNameError(CorpusError):
    """A file is not named as those of a corpus are, so that it may belong to another."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Clip:
    """One recording and what its corpus says of it."""

    path: Path
    """Where the sound lies."""
    corpus: str
    """Name of the corpus: "ravdess", "savee", "nemo", that of a table, or "noise"."""
    actor: str
    """Who speaks: "1" to "24" in RAVDESS, in any other corpus its name and the speaker's, "savee:DC";
    empty where nobody does."""
    gender: Gender
    """The speaker's."""
    emotion: str
    """One of ``OUTPUTS``; ``NONE`` in noise alone."""
    channel: Channel
    """Whether it is spoken, sung, or neither."""
    intensity: Intensity
    """How strongly the emotion is played."""
    statement: str
    """What is said, by the corpus's own number; empty if unknown."""

    @property
    def is_noise(self) -> bool:
        """Whether nobody speaks or sings in it."""
        return self.channel == "noise"

    @property
    def label(self) -> int:
        """Index of the emotion in ``OUTPUTS``."""
        return OUTPUTS.index(self.emotion)


@dataclass(frozen=True, kw_only=True, slots=True)
class Corpus:
    """The clips found below a folder."""

    clips: tuple[Clip, ...]
    """In the order of their names, each once."""
    left_out: tuple[str, ...]
    """One line for each sound file that is not used, with the reason."""

    @property
    def actors(self) -> frozenset[str]:
        """Every actor that has a clip."""
        return frozenset(clip.actor for clip in self.clips)


def fingerprint(clips: Sequence[Clip]) -> str:
    """SHA-256 over the names and sizes of the files, in the order of their names."""
    digest = hashlib.sha256()
    for clip in sorted(clips, key=lambda clip: clip.path.stem):
        digest.update(f"{clip.path.name} {clip.path.stat().st_size}\n".encode())
    return digest.hexdigest()

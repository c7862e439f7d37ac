"""Clips and actors: recordings of known emotion and speaker, and how groups of speakers are held out."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from serd.errors import InputError
from serd.model.labels import EMOTIONS, NONE

Channel = Literal["speech", "song", "noise"]
Gender = Literal["female", "male", "unknown"]
Intensity = Literal["normal", "strong", "unknown"]


OUTPUTS: Final = (*EMOTIONS, NONE)
"""Classes of a network trained with noise: the emotions, and no speech."""


Actors = frozenset[str]


class CorpusError(InputError):
    """A corpus cannot be used with these options."""


class OtherNameError(CorpusError):
    """A file name is not one of the corpus, so the file may belong to another corpus."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Clip:
    """One recording with the labels that its corpus gives."""

    path: Path
    """The sound file."""
    corpus: str
    """Name of the corpus: "ravdess", "savee", "nemo", that of a table, or "noise"."""
    actor: str
    """The speaker: "1" to "24" in RAVDESS, "corpus:speaker" such as "savee:DC" elsewhere; empty for
    noise."""
    gender: Gender
    """The speaker's gender."""
    emotion: str
    """One of ``OUTPUTS``; ``NONE`` in noise alone."""
    channel: Channel
    """Speech, song, or noise without either."""
    intensity: Intensity
    """Intensity at which the emotion is acted."""
    statement: str
    """Number of the sentence in the corpus; empty if unknown."""

    @property
    def is_noise(self) -> bool:
        """Whether it holds no speech or song."""
        return self.channel == "noise"

    @property
    def label(self) -> int:
        """Index of the emotion in ``OUTPUTS``."""
        return OUTPUTS.index(self.emotion)


@dataclass(frozen=True, kw_only=True, slots=True)
class Corpus:
    """The clips found below a folder."""

    clips: tuple[Clip, ...]
    """The clips by name, each once."""
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """Disjoint groups of actors."""

    train: Actors
    """Actors that the network is trained on."""
    validation: Actors = frozenset()
    """Actors scored after each epoch."""
    test: Actors = frozenset()
    """Actors scored once, at the end."""


def numbered(*numbers: int) -> Actors:
    """Actors of RAVDESS by their numbers."""
    return frozenset(str(number) for number in numbers)


def actor_order(actor: str) -> tuple[bool, int, str]:
    """A key that sorts numbers by their value, and names after them."""
    return not actor.isdigit(), int(actor) if actor.isdigit() else 0, actor


def parse_actors(text: str) -> Actors:
    """Numbers and ranges of RAVDESS actors and names of others, such as "1-4,17,savee:DC".

    Raises:
        CorpusError: anything else.
    """
    actors: set[str] = set()
    for part in filter(None, (each.strip() for each in text.split(","))):
        bounds = re.fullmatch(r"(\d{1,3})(?:\s*-\s*(\d{1,3}))?", part)
        if bounds is not None:
            first = int(bounds[1])
            last = int(bounds[2] or first)
            if last < first:
                raise CorpusError(f"Bad actors {text!r}: {part} runs backwards")
            actors.update(str(number) for number in range(first, last + 1))
        elif re.fullmatch(r"[\w.-]+:[\w.-]+", part):
            actors.add(part)
        else:
            raise CorpusError(
                f"Bad actors {text!r}, expected numbers, ranges and names such as 1-4,17,savee:DC"
            )
    return frozenset(actors)


def format_actors(actors: Iterable[str]) -> str:
    """The text that ``parse_actors`` reads, with runs of numbers as ranges."""
    names = set(actors)
    runs: list[list[int]] = []
    for number in sorted(int(name) for name in names if name.isdigit()):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    ranges = [f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
    return ",".join([*ranges, *sorted(name for name in names if not name.isdigit())])


def split_actors(
    present: Actors, *, test: Actors = frozenset(), validation: Actors = frozenset()
) -> Split:
    """Hold actors out; all others are trained on.

    Raises:
        CorpusError: an actor is missing or in two groups, or none is left.
    """
    missing = (test | validation) - present
    if missing:
        raise CorpusError(
            f"no clip of actor {format_actors(missing)}; there are actors {format_actors(present)}"
        )
    if test & validation:
        twice = format_actors(test & validation)
        raise CorpusError(f"actor {twice} cannot be both a test and a validation actor")
    train = present - test - validation
    if not train:
        raise CorpusError("no actor is left to learn from")
    return Split(train=train, validation=validation, test=test)


def fewer(split: Split, *, n_actors: int) -> Split:
    """A split with fewer training actors of RAVDESS and the same of other corpora.

    Args:
        split: the split; its held-out actors stay.
        n_actors: number of training actors of RAVDESS, taken in order; 0 for all.

    Raises:
        CorpusError: there are fewer.
    """
    if not n_actors:
        return split
    numbers = sorted((actor for actor in split.train if actor.isdigit()), key=int)
    if n_actors > len(numbers):
        raise CorpusError(f"{n_actors} actors to learn from are asked for, there are {len(numbers)}")
    return replace(split, train=split.train - set(numbers[n_actors:]))

"""Clips and actors: recordings of known emotion and speaker, and how groups of speakers are held out."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from serd.errors import InputError
from serd.model.labels import EMOTIONS, NONE

Channel = Literal["speech", "song", "noise"]
Gender = Literal["female", "male", "unknown"]
Intensity = Literal["normal", "strong", "unknown"]


RAVDESS: Final = "ravdess"
"""Name of the corpus whose actors are plain numbers."""
_RANGE: Final = re.compile(r"((?:[\w.-]+:)?)(\d{1,6})(?:\s*-\s*(\d{1,6}))?")
_NAME: Final = re.compile(r"[\w.-]+:[\w.-]+")
_MOST_IN_RANGE: Final = 1000
_MOST_LETTERS: Final = 60
"""Letters of actors in a title."""

OUTPUTS: Final = (*EMOTIONS, NONE)
"""Classes of a network trained with noise: the emotions, and no speech."""

UNLABELED: Final = "unlabeled"
"""Emotion of ordinary speech without labels; no network learns or is scored on it."""

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
    """Name of the corpus: one of ``train.data.corpora``, that of a table or folder, or "noise"."""
    actor: str
    """The speaker: "1" to "24" in RAVDESS, "corpus:speaker" such as "savee:DC" elsewhere,
    "corpus:unknown" for all clips whose speakers a corpus does not name; empty for noise."""
    gender: Gender
    """The speaker's gender."""
    emotion: str
    """One of ``OUTPUTS``, ``NONE`` in noise alone, or ``UNLABELED``. From a reader it is the word of the
    corpus, such as "boredom", which ``train.data.labels`` translates."""
    channel: Channel
    """Speech, song, or noise without either."""
    intensity: Intensity
    """Intensity at which the emotion is acted."""
    statement: str
    """Number of the sentence in the corpus; empty if unknown."""
    votes: tuple[float, ...] | None = None
    """Share of the listeners that chose each of ``EMOTIONS``, in that order, which sum to 1; None where
    nobody was asked."""

    @property
    def is_noise(self) -> bool:
        """Whether it holds no speech or song."""
        return self.channel == "noise"

    @property
    def label(self) -> int:
        """Index of the emotion in ``OUTPUTS``."""
        return OUTPUTS.index(self.emotion)

    @property
    def listeners_choice(self) -> str | None:
        """The emotion that most listeners chose; None where nobody was asked."""
        if self.votes is None:
            return None
        return EMOTIONS[max(range(len(EMOTIONS)), key=self.votes.__getitem__)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Corpus:
    """The clips found below a folder."""

    clips: tuple[Clip, ...]
    """The clips by name, each once."""
    left_out: tuple[str, ...]
    """One line for each sound file that is not used, with the reason."""
    sounds: Mapping[Path, str] = field(default_factory=dict)
    """Key of the sound of each clip's file (``train.data.duplicates.sound_keys``); empty before the
    search for clips that sound the same."""

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


def corpus_of(actor: str) -> str:
    """Name of an actor's corpus."""
    return actor.partition(":")[0] if ":" in actor else RAVDESS


def actor_order(actor: str) -> tuple[bool, int, str]:
    """A key that sorts numbers by their value, and names after them."""
    return not actor.isdigit(), int(actor) if actor.isdigit() else 0, actor


def parse_actors(text: str) -> Actors:
    """Actors and ranges of numbered ones, such as "1-4,17,savee:DC,crema-d:1001-1014".

    Raises:
        CorpusError: anything else.
    """
    actors: set[str] = set()
    for part in filter(None, (each.strip() for each in text.split(","))):
        if (match := _RANGE.fullmatch(part)) is not None:
            corpus, first = match[1], match[2]
            numbers = range(int(first), int(match[3] or first) + 1)
            if not 0 < len(numbers) <= _MOST_IN_RANGE:
                raise CorpusError(f"Bad actors {text!r}: {part} runs backwards, or is too long")
            width = len(first) if corpus else 0
            actors.update(f"{corpus}{number:0{width}d}" for number in numbers)
        elif _NAME.fullmatch(part):
            actors.add(part)
        else:
            raise CorpusError(
                f"Bad actors {text!r}, expected numbers, ranges and names such as 1-4,17,savee:DC"
            )
    return frozenset(actors)


def format_actors(actors: Iterable[str]) -> str:
    """The text that ``parse_actors`` reads, with runs of numbers as ranges, those of RAVDESS first."""
    return ",".join(map(_format_run, _runs(sorted(set(actors), key=_run_order))))


def named_or_counted(actors: Actors) -> str:
    """Actors in a title: "actors 1-4", or "40 actors" where their names fill more than a line."""
    named = format_actors(actors)
    if len(named) > _MOST_LETTERS:
        return f"{len(actors)} actors"
    return f"actor{'s' if len(actors) > 1 else ''} {named}"


def _runs(ordered: Sequence[str]) -> list[list[str]]:
    """Actors in groups of consecutive numbers of one corpus and one width."""
    runs: list[list[str]] = []
    for actor in ordered:
        if runs and _follows(actor, runs[-1][-1]):
            runs[-1].append(actor)
        else:
            runs.append([actor])
    return runs


def _run_order(actor: str) -> tuple[bool, str, int, str]:
    """RAVDESS before others, numbers of a corpus by their value."""
    corpus, _, name = actor.rpartition(":")
    return bool(corpus), corpus, int(name) if name.isdecimal() else -1, name


def _follows(actor: str, before: str) -> bool:
    (corpus, _, name), (corpus_before, _, name_before) = actor.rpartition(":"), before.rpartition(":")
    if corpus != corpus_before or not (name.isdecimal() and name_before.isdecimal()):
        return False
    is_same_width = not corpus or len(name) == len(name_before)
    return is_same_width and int(name) == int(name_before) + 1


def _format_run(run: Sequence[str]) -> str:
    return run[0] if len(run) == 1 else f"{run[0]}-{run[-1].rpartition(':')[2]}"


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

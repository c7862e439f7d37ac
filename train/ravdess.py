"""The RAVDESS corpus: what its file names say, which clips are there, who is held out.

S. R. Livingstone and F. A. Russo, "The Ryerson Audio-Visual Database of Emotional Speech and Song
(RAVDESS)", PLoS ONE 13(5): e0196391, 2018. A name holds seven fields, 03-01-06-01-02-01-12.wav:
modality, vocal channel, emotion, intensity, statement, repetition, actor.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from serd.errors import InputError
from serd.labels import EMOTIONS

DATA_NAME = "RAVDESS"
LICENCE = (
    "CC BY-NC-SA 4.0. Trained on RAVDESS: S. R. Livingstone and F. A. Russo, 2018, The Ryerson"
    " Audio-Visual Database of Emotional Speech and Song (RAVDESS), PLoS ONE 13(5): e0196391,"
    " licensed CC BY-NC-SA 4.0; its non-commercial and share-alike terms are carried over."
)
SOUND_SUFFIXES = frozenset({".wav", ".flac"})

Channel = Literal["speech", "song"]

_NAME = re.compile(
    r"03-(?P<channel>0[12])-(?P<emotion>0[1-8])-(?P<intensity>0[12])"
    r"-(?P<statement>0[12])-(?P<repetition>0[12])-(?P<actor>\d\d)"
)


class CorpusError(InputError):
    """The folder of clips cannot be used as asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Clip:
    """One recording and what its name says of it."""

    path: Path
    """Where the sound lies."""
    channel: Channel
    """Whether the statement is spoken or sung."""
    emotion: str
    """One of ``serd.labels.EMOTIONS``."""
    is_strong: bool
    """Whether the emotion is played at strong intensity."""
    statement: int
    """1 "Kids are talking by the door", 2 "Dogs are sitting by the door"."""
    repetition: int
    """1 or 2."""
    actor: int
    """Number of the actor; odd numbers are men, even ones women."""

    @property
    def label(self) -> int:
        """Index of the emotion in ``EMOTIONS``."""
        return EMOTIONS.index(self.emotion)


@dataclass(frozen=True, kw_only=True, slots=True)
class Corpus:
    """The clips found below a folder."""

    clips: tuple[Clip, ...]
    """In the order of their names, each name once."""
    left_out: tuple[str, ...]
    """One line for each sound file that is not used, with the reason."""

    @property
    def actors(self) -> frozenset[int]:
        """Every actor that has a clip."""
        return frozenset(clip.actor for clip in self.clips)


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """Disjoint groups of actors."""

    train: frozenset[int]
    """Actors that the network learns from."""
    validation: frozenset[int] = frozenset()
    """Actors that are looked at after each epoch."""
    test: frozenset[int] = frozenset()
    """Actors that are scored once, at the end."""


def clip_from_path(path: Path) -> Clip:
    """What a file's name says.

    Raises:
        CorpusError: the name is not that of a RAVDESS audio clip.
    """
    fields = _NAME.fullmatch(path.stem)
    if fields is None:
        raise CorpusError(f"{path}: not named like an audio clip of RAVDESS (03-01-06-01-02-01-12)")
    emotion = EMOTIONS[int(fields["emotion"]) - 1]
    is_strong = fields["intensity"] == "02"
    if emotion == "neutral" and is_strong:
        raise CorpusError(f"{path}: named neutral and strong, which RAVDESS does not have")
    return Clip(
        path=path,
        channel="speech" if fields["channel"] == "01" else "song",
        emotion=emotion,
        is_strong=is_strong,
        statement=int(fields["statement"]),
        repetition=int(fields["repetition"]),
        actor=int(fields["actor"]),
    )


def find_clips(root: Path, *, with_song: bool = True) -> Corpus:
    """Every RAVDESS clip below a folder, however the folders are nested.

    A clip that lies there twice (the release is often unpacked into itself) is used once.

    Raises:
        CorpusError: no such folder, or no clip in it.
    """
    if not root.is_dir():
        raise CorpusError(f"{root}: no such folder, expected one that holds RAVDESS")
    clips: dict[str, Clip] = {}
    left_out = []
    for path in sorted(root.rglob("*"), key=lambda path: (path.stem, str(path))):
        if path.suffix.lower() not in SOUND_SUFFIXES or not path.is_file():
            continue
        try:
            clip = clip_from_path(path)
        except CorpusError as exc:
            left_out.append(str(exc))
            continue
        if path.stem in clips:
            left_out.append(f"{path}: the same clip as {clips[path.stem].path}")
        elif with_song or clip.channel == "speech":
            clips[path.stem] = clip
    if not clips:
        suffixes = " or ".join(sorted(SOUND_SUFFIXES))
        raise CorpusError(
            f"{root}: no RAVDESS clip in it (03-01-06-01-02-01-12 and the like, {suffixes})"
        )
    return Corpus(clips=tuple(clips.values()), left_out=tuple(left_out))


def parse_actors(text: str) -> frozenset[int]:
    """Numbers and ranges, such as "1-4,17".

    Raises:
        CorpusError: anything else.
    """
    actors: set[int] = set()
    for part in filter(None, text.split(",")):
        bounds = re.fullmatch(r"\s*(\d{1,3})\s*(?:-\s*(\d{1,3})\s*)?", part)
        if bounds is None:
            raise CorpusError(f"Bad actors {text!r}, expected numbers and ranges such as 1-4,17")
        first = int(bounds[1])
        last = int(bounds[2] or first)
        if last < first:
            raise CorpusError(f"Bad actors {text!r}: {part.strip()} runs backwards")
        actors.update(range(first, last + 1))
    return frozenset(actors)


def format_actors(actors: Iterable[int]) -> str:
    """The text that ``parse_actors`` reads, with runs as ranges."""
    runs: list[list[int]] = []
    for actor in sorted(actors):
        if runs and actor == runs[-1][-1] + 1:
            runs[-1].append(actor)
        else:
            runs.append([actor])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def split_actors(
    present: frozenset[int],
    *,
    test: frozenset[int] = frozenset(),
    validation: frozenset[int] = frozenset(),
) -> Split:
    """Hold actors out; whoever is left is learnt from.

    Raises:
        CorpusError: an actor is missing or in two groups, or nobody is left.
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


def fingerprint(clips: Sequence[Clip]) -> str:
    """SHA-256 over the names and sizes of the files, in the order of their names."""
    digest = hashlib.sha256()
    for clip in sorted(clips, key=lambda clip: clip.path.stem):
        digest.update(f"{clip.path.name} {clip.path.stat().st_size}\n".encode())
    return digest.hexdigest()

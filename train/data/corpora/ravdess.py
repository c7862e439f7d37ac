"""RAVDESS: clips from file names, and what a folder lacks of the release.

S. R. Livingstone and F. A. Russo, "The Ryerson Audio-Visual Database of Emotional Speech and Song
(RAVDESS)", PLoS ONE 13(5): e0196391, 2018. A name holds seven fields, 03-01-06-01-02-01-12.wav:
modality, vocal channel, emotion, intensity, statement, repetition, actor.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from serd.model.labels import EMOTIONS
from train.data.clips import RAVDESS, Actors, Channel, Clip, CorpusError, OtherNameError
from train.data.corpora.reader import CorpusReader, stem_of

NAME: Final = RAVDESS
TITLE: Final = "RAVDESS"
LICENSE: Final = (
    "CC BY-NC-SA 4.0. Trained on RAVDESS: S. R. Livingstone and F. A. Russo, 2018, The Ryerson"
    " Audio-Visual Database of Emotional Speech and Song (RAVDESS), PLoS ONE 13(5): e0196391,"
    " licensed CC BY-NC-SA 4.0; its non-commercial and share-alike terms are carried over."
)

CLASSES: Final = EMOTIONS
"""Emotions of the corpus: all of serd's."""
N_ACTORS: Final = 24
"""Actors of the release: odd numbers are men, even ones women."""
_N_SUNG_EMOTIONS: Final = 6
"""Disgust and surprised, the last two, are not sung."""
_WITHOUT_SONG: Final = 18
"""The actor without song in the release."""

_NAME = re.compile(
    r"03-(?P<channel>0[12])-(?P<emotion>0[1-8])-(?P<intensity>0[12])"
    r"-(?P<statement>0[12])-(?P<repetition>0[12])-(?P<actor>\d\d)"
)


def is_named_so(path: Path) -> bool:
    """Whether a file is named like an audio clip of RAVDESS."""
    return _NAME.fullmatch(stem_of(path)) is not None


def clip_from_path(path: Path) -> Clip:
    """The clip of a file, from its name.

    Raises:
        OtherNameError: it is not named like a clip of RAVDESS.
        CorpusError: RAVDESS has no such audio clip.
    """
    fields = _NAME.fullmatch(stem_of(path))
    if fields is None:
        raise OtherNameError(f"{path}: not named like an audio clip of RAVDESS (03-01-06-01-02-01-12)")
    emotion = EMOTIONS[int(fields["emotion"]) - 1]
    is_strong = fields["intensity"] == "02"
    if emotion == "neutral" and is_strong:
        raise CorpusError(f"{path}: named neutral and strong, which RAVDESS does not have")
    actor = int(fields["actor"])
    if not 1 <= actor <= N_ACTORS:
        raise CorpusError(f"{path}: named after actor {actor}, RAVDESS has 1 to {N_ACTORS}")
    return Clip(
        path=path,
        corpus=NAME,
        actor=str(actor),
        gender="male" if actor % 2 else "female",
        emotion=emotion,
        channel="speech" if fields["channel"] == "01" else "song",
        intensity="strong" if is_strong else "normal",
        statement=str(int(fields["statement"])),
    )


def official_stems() -> tuple[str, ...]:
    """Names of all clips of the release without their suffix, in order: 1,440 spoken, 1,012 sung."""
    stems = []
    for channel, emotion, intensity, statement, repetition, actor in itertools.product(
        (1, 2), range(1, 9), (1, 2), (1, 2), (1, 2), range(1, N_ACTORS + 1)
    ):
        is_sung = channel == 2
        has_no_strong = EMOTIONS[emotion - 1] == "neutral"
        if (is_sung and (emotion > _N_SUNG_EMOTIONS or actor == _WITHOUT_SONG)) or (
            has_no_strong and intensity == 2
        ):
            continue
        fields = (3, channel, emotion, intensity, statement, repetition, actor)
        stems.append("-".join(f"{field:02d}" for field in fields))
    return tuple(sorted(stems))


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """Clips of the release that a folder lacks; each is in one field."""

    actors: Actors = frozenset()
    """Actors without any clip."""
    without_speech: Actors = frozenset()
    """Other actors without a spoken clip."""
    without_song: Actors = frozenset()
    """Other actors without a sung clip that have song in the release."""
    stems: tuple[str, ...] = ()
    """Names of other single clips, without suffix."""
    n_clips: int = 0
    """Number of missing clips."""


def missing_from_release(clips: Iterable[Clip]) -> Missing | None:
    """Compare the clips of RAVDESS with its official list; None without any clip of RAVDESS."""
    found = {stem_of(clip.path) for clip in clips if clip.corpus == NAME}
    if not found:
        return None
    official = [clip_from_path(Path(stem)) for stem in official_stems()]
    absent = [clip for clip in official if clip.path.stem not in found]
    n_due = Counter(map(_part, official))
    n_absent = Counter(map(_part, absent))
    whole = {part for part, n in n_absent.items() if n == n_due[part]}
    actors = {actor for actor, _ in n_due} - {actor for actor, _ in n_due.keys() - whole}
    return Missing(
        actors=frozenset(actors),
        without_speech=frozenset(actor for actor, channel in whole if channel == "speech") - actors,
        without_song=frozenset(actor for actor, channel in whole if channel == "song") - actors,
        stems=tuple(clip.path.stem for clip in absent if _part(clip) not in whole),
        n_clips=len(absent),
    )


def _part(clip: Clip) -> tuple[str, Channel]:
    return clip.actor, clip.channel


CORPUS: Final = CorpusReader(
    name=NAME,
    title=TITLE,
    classes=CLASSES,
    example="03-01-06-01-02-01-12",
    clip_from_path=clip_from_path,
)

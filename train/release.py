"""What the release of RAVDESS has and a folder has not."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from train.actors import Actors
from train.clips import Channel, Clip
from train.corpora import ravdess


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """Clips of the release that are not there; each is in one of the fields."""

    actors: Actors = frozenset()
    """Actors without any clip."""
    without_speech: Actors = frozenset()
    """Other actors without a spoken clip."""
    without_song: Actors = frozenset()
    """Other actors without a sung clip, of whom there is song in the release."""
    stems: tuple[str, ...] = ()
    """Names of single clips of the rest, without suffix."""
    n_clips: int = 0
    """How many clips are missing altogether."""


def missing_from_release(clips: Iterable[Clip]) -> Missing | None:
    """Hold the clips of RAVDESS against its official list; None where there is none of it."""
    found = {clip.path.stem for clip in clips if clip.corpus == ravdess.NAME}
    if not found:
        return None
    official = [ravdess.clip_from_path(Path(stem)) for stem in ravdess.official_stems()]
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

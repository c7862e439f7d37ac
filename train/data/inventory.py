"""Inventory of a folder: clips, actors, sounds, problems, and the protocols that can run."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import soundfile

from serd.model.labels import EMOTIONS
from train.data.clips import UNLABELED, Actors, Clip, CorpusError, actor_order
from train.data.corpora import CORPORA, find_clips, ravdess, title_of
from train.data.corpora.ravdess import Missing, missing_from_release
from train.data.labels import LabelMap
from train.data.protocols import LEAKY, PROTOCOLS, TEXT, missing_actors
from train.data.sounds import content_digest

_BLOCK_FRAMES: Final = 4096
_MAX_NAMES: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class SoundClip:
    """A clip that can be read, and its sound."""

    clip: Clip
    """The clip."""
    duration_s: float
    """Length, in seconds."""
    rate_hz: int
    """Samples a second."""
    n_channels: int
    """1 for mono, 2 for stereo."""
    digest: str
    """``train.data.sounds.content_digest`` of the file."""
    is_silent: bool
    """Whether it holds digital silence alone."""

    @property
    def form(self) -> str:
        """Format of the sound, such as "48 kHz stereo WAV"."""
        channels = {1: "mono", 2: "stereo"}.get(self.n_channels, f"{self.n_channels} channels")
        return f"{self.rate_hz / 1000:g} kHz {channels} {self.clip.path.suffix[1:].upper()}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Inventory:
    """Clips and problems found below a folder."""

    sounds: tuple[SoundClip, ...]
    """Clips that can be read, in the order of ``find_clips``."""
    left_out: tuple[str, ...] = ()
    """One line for each file, or row of a table, that is not used, with the reason."""
    unreadable: tuple[str, ...] = ()
    """One line for each clip whose sound cannot be read."""
    missing: Missing | None = None
    """Missing clips of RAVDESS; None without any clip of RAVDESS."""

    @property
    def corpora(self) -> dict[str, tuple[SoundClip, ...]]:
        """The sounds of each corpus."""
        return _grouped(self.sounds, (sound.clip.corpus for sound in self.sounds))

    @property
    def duplicates(self) -> tuple[tuple[Path, ...], ...]:
        """Groups of clips with the same sound under several names."""
        alike = _grouped(self.sounds, (sound.digest for sound in self.sounds)).values()
        return tuple(tuple(sound.clip.path for sound in same) for same in alike if len(same) > 1)

    @property
    def protocols(self) -> dict[str, Actors]:
        """The missing test actors of each protocol; it can run without any."""
        labeled = (sound.clip for sound in self.sounds if sound.clip.emotion != UNLABELED)
        present = frozenset(clip.actor for clip in labeled)
        return {name: missing_actors(name, present) for name in (*PROTOCOLS, TEXT, LEAKY)}

    def remarks(self) -> list[str]:
        """One line for each obstacle to training or scoring."""
        lines = []
        for corpus, sounds in self.corpora.items():
            emotions = {sound.clip.emotion for sound in sounds}
            absent = [emotion for emotion in EMOTIONS if emotion not in emotions]
            if corpus == ravdess.NAME and absent:
                lines.append(f"{title_of(corpus)}: no clip of {', '.join(absent)}, so no model of it")
            silent = [sound.clip.path.name for sound in sounds if sound.is_silent]
            if silent:
                names = ", ".join(silent[:_MAX_NAMES]) + (" ..." if len(silent) > _MAX_NAMES else "")
                lines.append(
                    f"{title_of(corpus)}: digital silence alone in {len(silent)} of its clips ({names})"
                )
            for actor, own in by_actor(sounds).items():
                if len(own) < len(EMOTIONS):
                    n_clips = "one clip" if len(own) == 1 else f"{len(own)} clips"
                    lines.append(f"{title_of(corpus)}: actor {actor} has only {n_clips}")
        return lines

    def to_json(self) -> dict[str, Any]:
        """The inventory as a JSON object."""
        return {
            "corpora": {title_of(name): _corpus_json(each) for name, each in self.corpora.items()},
            "missing": _missing_json(self.missing),
            "duplicates": [[str(path) for path in same] for same in self.duplicates],
            "unreadable": list(self.unreadable),
            "left_out": list(self.left_out),
            "remarks": self.remarks(),
            "protocols": {
                name: {"can_run": not missing, "missing_actors": sorted(missing, key=actor_order)}
                for name, missing in self.protocols.items()
            },
        }


def take_inventory(
    root: Path, *, table: Path | None = None, labels: LabelMap | None = None
) -> Inventory:
    """Read the name, header and digest of every clip below a folder.

    Args:
        root: folder with any of the corpora that serd knows.
        table: a CSV that lists the clips of one more corpus.
        labels: the emotions of words that serd does not know; None for none.

    Raises:
        CorpusError: no such folder, no clip in it that can be read, or a table that cannot be used.
    """
    corpus = find_clips(
        root, corpora=CORPORA, table=table, labels=labels, with_folders=True, with_unlabeled=True
    )
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        looked_at = list(pool.map(_look, corpus.clips))
    sounds = tuple(each for each in looked_at if isinstance(each, SoundClip))
    unreadable = tuple(each for each in looked_at if isinstance(each, str))
    if not sounds:
        raise CorpusError(f"{root}: none of its {len(unreadable)} clips can be read; {unreadable[0]}")
    return Inventory(
        sounds=sounds,
        left_out=corpus.left_out,
        unreadable=unreadable,
        missing=missing_from_release(corpus.clips),
    )


def by_actor(sounds: Sequence[SoundClip]) -> dict[str, tuple[SoundClip, ...]]:
    """The sounds of each actor, numbers before names."""
    groups = _grouped(sounds, (sound.clip.actor for sound in sounds))
    return {actor: groups[actor] for actor in sorted(groups, key=actor_order)}


def _grouped(sounds: Iterable[SoundClip], keys: Iterable[str]) -> dict[str, tuple[SoundClip, ...]]:
    groups: dict[str, list[SoundClip]] = {}
    for key, sound in zip(keys, sounds, strict=True):
        groups.setdefault(key, []).append(sound)
    return {key: tuple(group) for key, group in groups.items()}


def _look(clip: Clip) -> SoundClip | str:
    """A clip's sound, or the reason that it cannot be read."""
    try:
        info = soundfile.info(str(clip.path))
    except soundfile.LibsndfileError as exc:
        reason = str(exc.error_string).rstrip(".")
        return f"{clip.path}: no sound that can be read ({reason})"
    if info.frames == 0:
        return f"{clip.path}: holds no sound (0 samples)"
    return SoundClip(
        clip=clip,
        duration_s=info.frames / info.samplerate,
        rate_hz=info.samplerate,
        n_channels=info.channels,
        digest=content_digest(clip.path),
        is_silent=_is_silent(clip.path),
    )


def _is_silent(path: Path) -> bool:
    """Whether all samples of a file are 0; it is read up to the first that is not."""
    with soundfile.SoundFile(path) as file:
        return not any(block.any() for block in file.blocks(_BLOCK_FRAMES, dtype="int16"))


def _corpus_json(sounds: Sequence[SoundClip]) -> dict[str, Any]:
    durations_s = [sound.duration_s for sound in sounds]
    return {
        "n_clips": len(sounds),
        "duration_s": {
            "total": round(sum(durations_s), 1),
            "shortest": round(min(durations_s), 3),
            "median": round(median(durations_s), 3),
            "longest": round(max(durations_s), 3),
        },
        **_counts(sounds),
        "sounds": dict(Counter(sound.form for sound in sounds).most_common()),
        "actors": {
            actor: {"gender": own[0].clip.gender, "n_clips": len(own), **_counts(own)}
            for actor, own in by_actor(sounds).items()
        },
    }


def _counts(sounds: Sequence[SoundClip]) -> Mapping[str, Mapping[str, int]]:
    emotions = Counter(sound.clip.emotion for sound in sounds)
    return {
        "emotions": {emotion: emotions[emotion] for emotion in EMOTIONS if emotions[emotion]},
        "channels": dict(Counter(sound.clip.channel for sound in sounds)),
        "genders": dict(Counter(sound.clip.gender for sound in sounds)),
    }


def _missing_json(missing: Missing | None) -> dict[str, Any] | None:
    if missing is None:
        return None
    return {
        "n_clips": missing.n_clips,
        "actors": sorted(missing.actors, key=actor_order),
        "actors_without_speech": sorted(missing.without_speech, key=actor_order),
        "actors_without_song": sorted(missing.without_song, key=actor_order),
        "clips": list(missing.stems),
    }

"""What a person looks at before training: sounds of each emotion, and how loud and high they are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from serd.audio.files import read_samples
from serd.errors import SoundFileError
from serd.model.labels import EMOTIONS
from train.actors import Actors, actor_order, format_actors
from train.clips import Clip, CorpusError
from train.pitch import voice_frames


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """How loud and how high a clip is."""

    clip: Clip
    """The clip."""
    level_dbfs: float
    """RMS level of its voiced frames, in dB relative to full scale."""
    pitch_hz: float
    """Median of its pitch, in hertz."""


def choose_actors(clips: Sequence[Clip], wanted: Actors) -> tuple[str, ...]:
    """The wanted actors in order; if none is named, the first woman and the first man.

    Raises:
        CorpusError: an actor has no spoken clip.
    """
    genders = {clip.actor: clip.gender for clip in clips if clip.channel == "speech"}
    present = sorted(genders, key=actor_order)
    missing = wanted - genders.keys()
    if missing or not present:
        there = f"; there are actors {format_actors(present)}" if present else ""
        raise CorpusError(f"no speech of actor {format_actors(missing or {'any'})}{there}")
    if wanted:
        return tuple(actor for actor in present if actor in wanted)
    first = {genders[actor]: actor for actor in reversed(present)}
    pair = {first[gender] for gender in ("female", "male") if gender in first} or {present[0]}
    return tuple(actor for actor in present if actor in pair)


def typical_clips(clips: Iterable[Clip], actor: str) -> tuple[Clip, ...]:
    """One spoken clip of each emotion that an actor shows, of normal intensity if there is one.

    Where there are several, the first statement and repetition: the same sentence for all emotions.
    """
    typical: dict[str, Clip] = {}
    for clip in sorted(clips, key=lambda clip: (clip.intensity == "strong", clip.path.stem)):
        if clip.actor == actor and clip.channel == "speech":
            typical.setdefault(clip.emotion, clip)
    return tuple(typical[emotion] for emotion in EMOTIONS if emotion in typical)


def measure(clips: Iterable[Clip]) -> tuple[tuple[Measure, ...], tuple[str, ...]]:
    """Level and pitch of each clip.

    Returns:
        The measures, and one line for each clip that cannot be read or has no pitch.
    """
    measures, left_out = [], []
    for clip in clips:
        try:
            voice = voice_frames(read_samples(clip.path))
        except SoundFileError as exc:
            left_out.append(str(exc))
        else:
            if voice.median_hz > 0.0:
                measures.append(
                    Measure(clip=clip, level_dbfs=voice.level_dbfs, pitch_hz=voice.median_hz)
                )
            else:
                left_out.append(f"{clip.path}: no pitch is found in it")
    return tuple(measures), tuple(left_out)

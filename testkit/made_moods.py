"""Speech of a made household: hours of windows, some minutes of which are angry."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from serd.events.event import Dimensions
from serd.events.mood import HeardSpeech

_CALM = ("neutral", "happy", "sad", "surprised", "uncertain", "angry")
_CALM_WEIGHTS = (50, 15, 8, 7, 15, 5)
_ANGRY_WEIGHTS = (8, 0, 2, 4, 11, 75)


def heard(
    emotion: str = "angry", speech_s: float = 1.0, *, arousal: float = 0.0, valence: float = 0.0
) -> HeardSpeech:
    """The new speech of one window."""
    return HeardSpeech(
        speech_s=speech_s, emotion=emotion, dimensions=Dimensions(valence=valence, arousal=arousal)
    )


@dataclass(frozen=True, slots=True)
class Moment:
    """The new speech of one window, and when it was heard."""

    now_s: float
    speech: HeardSpeech


def household(seed: int, hours: float) -> tuple[list[Moment], list[tuple[float, float]]]:
    """Windows of speech in order of time, and the start and end of each angry stretch, in seconds.

    Utterances of 1 to 20 s, each with windows as serd cuts them, fill about half of the time. In each
    hour two stretches of 70 to 240 s are angry; there, three windows of four are.
    """
    rng = random.Random(seed)  # noqa: S311 - a test repeats it
    angry: list[tuple[float, float]] = []
    for hour in range(round(hours)):
        for half in range(2):
            start_s = 3600.0 * hour + 1800.0 * half + rng.uniform(60, 1500)
            angry.append((start_s, start_s + rng.uniform(70, 240)))
    return list(_utterances(rng, hours * 3600.0, angry)), angry


def _utterances(rng: random.Random, end_s: float, angry: list[tuple[float, float]]) -> Iterator[Moment]:
    now_s = 0.0
    while now_s < end_s:
        is_angry = any(start_s <= now_s < stop_s for start_s, stop_s in angry)
        now_s += rng.expovariate(1 / (2.0 if is_angry else 9.0))
        left_s = rng.uniform(1, 20)
        speech_s = min(3.0, left_s)
        while left_s > 0.6:
            now_s += speech_s
            left_s -= speech_s
            is_angry = any(start_s <= now_s < stop_s for start_s, stop_s in angry)
            (emotion,) = rng.choices(_CALM, _ANGRY_WEIGHTS if is_angry else _CALM_WEIGHTS)
            yield Moment(now_s, heard(emotion, round(speech_s, 2)))
            speech_s = min(1.0, left_s)

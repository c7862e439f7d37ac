"""The parts of messages that ``serd watch`` shows.

Messages are untrusted: nothing of a malformed one is shown, and control characters are replaced, so
that no message can control the terminal.
"""

import json
import math
from dataclasses import dataclass
from typing import Any, Final

from serd.publishers.screen import local_time

_MAX_TEXT: Final = 40
"""Longest text of a message that is shown, in characters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EventView:
    """The displayed fields of an event."""

    time: str
    """Local time, HH:MM:SS."""
    node: str
    source: str
    kind: str
    emotion: str
    confidence: float
    """0 to 1."""
    scores: tuple[tuple[str, float], ...]
    """Labels and their probabilities, in descending order."""
    valence: str
    duration_s: float
    """Length of the sound, in seconds."""
    is_provisional: bool
    """Whether it is an early estimate."""
    is_replayed: bool
    """Whether it waited for the broker, so that it says nothing about now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MoodView:
    """The displayed fields of a mood: those of its medium span."""

    emotion: str
    """The emotion with the largest share."""
    share: float
    """Its share of the speech, 0 to 1."""
    speech_s: float
    """Speech in the span, in seconds."""
    span_s: float
    """Length of the span, in seconds."""


def event_view(node: str, source: str, payload: bytes) -> EventView | None:
    """The event in a message; None if it is malformed."""
    try:
        body = json.loads(payload)
        scores = {printable(str(label)): _share(value) for label, value in body["scores"].items()}
        return EventView(
            time=local_time(body["time"]),
            node=node,
            source=source,
            kind=printable(str(body["kind"])),
            emotion=printable(str(body["emotion"])),
            confidence=_share(body["confidence"]),
            scores=tuple(sorted(scores.items(), key=lambda item: -item[1])),
            valence=printable(str(body["valence"])),
            duration_s=_finite(body["end_s"]) - _finite(body["start_s"]),
            is_provisional=body.get("provisional") is True,
            is_replayed=body.get("replayed") is True,
        )
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None


def mood_view(text: str) -> MoodView | None:
    """The mood in a message; None if it is malformed or without speech."""
    try:
        body = json.loads(text)["medium"]
        emotion = str(body["emotion"])
        return MoodView(
            emotion=printable(emotion),
            share=_share(body["shares"][emotion]),
            speech_s=_finite(body["speech_s"]),
            span_s=_finite(body["span_s"]),
        )
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def read_level(text: str) -> float | None:
    """The level in a message, -100 to 0 dBFS; None if it is malformed."""
    try:
        return min(0.0, max(-100.0, _finite(json.loads(text)["level_dbfs"])))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def _share(value: Any) -> float:  # noqa: ANN401
    return min(1.0, max(0.0, _finite(value)))


def _finite(value: Any) -> float:  # noqa: ANN401
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(value)
    return number


def printable(text: str, max_length: int = _MAX_TEXT) -> str:
    """A text of at most so many characters, with "?" for each that cannot be shown."""
    return "".join(char if char.isprintable() else "?" for char in text[:max_length])

"""The mood of a source: how much of the speech of its last minutes sounded like each emotion.

Each window counts with the speech that no earlier window holds, so overlapping windows count no speech
twice; provisional windows are left out. The time is an argument, in seconds on a clock of the caller; a
time before the latest one counts as the latest. Speech is summed up in sixty slots of each span, so
memory is bounded, and leaves the span slot by slot. The sums are whole numbers, which adding and
removing never make inexact.
"""

import json
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Final

from serd.events.event import Dimensions
from serd.model.labels import NONE

SCHEMA_VERSION: Final = 1
"""Version of the JSON of a mood; within it fields may be added."""
MAX_SPAN_S: Final = 3600.0
"""Longest span, in seconds."""
N_SLOTS: Final = 60
"""Slots of a span; those of a minute are a second long."""
_THOUSANDTHS: Final = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class MoodSettings:
    """The mood of each source, which is the shares of the emotions in the speech of its last minutes."""

    short_s: float = 60.0
    """The short span of the mood, in seconds, 10 or more."""
    medium_s: float = 300.0
    """The medium span, in seconds, longer than the short one; Home Assistant shows its mood."""
    long_s: float = 900.0
    """The long span, in seconds, longer than the medium one, 3600 at most."""
    interval_s: float = 5.0
    """Minimum time between two moods of a source over MQTT, in seconds, 1 to 3600; 0 for no mood."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, expected values) for each bad value."""
        if self.short_s < 10:
            yield "short_s", "10 or more seconds"
        if self.medium_s <= self.short_s:
            yield "medium_s", f"more than short_s, which is {self.short_s:g}"
        if not self.medium_s < self.long_s <= MAX_SPAN_S:
            yield "long_s", f"more than medium_s, which is {self.medium_s:g}, to {MAX_SPAN_S:g} seconds"
        if self.interval_s != 0 and not 1 <= self.interval_s <= 3600:
            yield "interval_s", "0, or 1 to 3600 seconds"


@dataclass(frozen=True, kw_only=True, slots=True)
class SpanMood:
    """The mood over one span."""

    span_s: float
    """Length of the span, in seconds."""
    speech_s: float
    """Speech in the span, in seconds."""
    emotion: str
    """The emotion with the largest share, which can be "uncertain"; "none" without speech."""
    shares: dict[str, float]
    """Share of the speech that sounded like each emotion, 0 to 1, "uncertain" included; emotions without
    a share are left out."""
    arousal: float | None
    """Mean arousal of the speech, from -1, passive, to 1, excited; null without speech."""
    valence: float | None
    """Mean valence of the speech, from -1, unpleasant, to 1, pleasant; null without speech."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceMood:
    """The mood of a source over its three spans."""

    short: SpanMood
    """The mood over ``[mood] short_s``, by default the last minute."""
    medium: SpanMood
    """The mood over ``[mood] medium_s``, by default the last 5 minutes."""
    long: SpanMood
    """The mood over ``[mood] long_s``, by default the last 15 minutes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeardSpeech:
    """The new speech of one window, with the emotion of the window."""

    speech_s: float
    """Voiced sound that no earlier window holds, in seconds."""
    emotion: str
    """A label of the model, or "uncertain"."""
    dimensions: Dimensions
    """Valence and arousal."""


@dataclass(slots=True)
class _Sums:
    """Sums over speech, in whole milliseconds, and in thousandths of them for the dimensions."""

    speech_ms: Counter[str] = field(default_factory=Counter)
    """Speech by its emotion."""
    arousal: int = 0
    valence: int = 0

    def add(self, other: "_Sums", sign: int = 1) -> None:
        """Add other sums, or subtract them with ``sign`` -1."""
        for emotion, speech_ms in other.speech_ms.items():
            self.speech_ms[emotion] += sign * speech_ms
            if not self.speech_ms[emotion]:
                del self.speech_ms[emotion]
        self.arousal += sign * other.arousal
        self.valence += sign * other.valence


class RecentSpeech:
    """The emotions in the speech of one source over a span that ends at the present."""

    def __init__(self, span_s: float) -> None:
        """Create an empty span.

        Args:
            span_s: length of the span, in seconds.
        """
        self._span_s = span_s
        self._slot_s = span_s / N_SLOTS
        self._slots: deque[tuple[int, _Sums]] = deque()
        """The numbers of the slots with speech, in order, and the speech in each."""
        self._total = _Sums()
        self._slot = 0
        """Number of the present slot."""

    def __len__(self) -> int:
        """The number of slots with speech."""
        return len(self._slots)

    def add(self, speech: HeardSpeech, now_s: float) -> None:
        """Add speech that was heard by a time."""
        self.advance(now_s)
        speech_ms = round(speech.speech_s * _THOUSANDTHS)
        if speech_ms <= 0:
            return
        dimensions = speech.dimensions
        sums = _Sums(
            Counter({speech.emotion: speech_ms}),
            arousal=round(dimensions.arousal * _THOUSANDTHS) * speech_ms,
            valence=round(dimensions.valence * _THOUSANDTHS) * speech_ms,
        )
        self._total.add(sums)
        if self._slots and self._slots[-1][0] == self._slot:
            self._slots[-1][1].add(sums)
        else:
            self._slots.append((self._slot, sums))

    def advance(self, now_s: float) -> None:
        """Advance to a time: speech from before the span no longer counts."""
        self._slot = max(self._slot, int(now_s // self._slot_s))
        while self._slots and self._slots[0][0] <= self._slot - N_SLOTS:
            self._total.add(self._slots.popleft()[1], sign=-1)

    @property
    def mood(self) -> SpanMood:
        """The mood over the span."""
        speech_ms = self._total.speech_ms
        total_ms = speech_ms.total()
        if not total_ms:
            return SpanMood(
                span_s=self._span_s, speech_s=0.0, emotion=NONE, shares={}, arousal=None, valence=None
            )
        ranked = sorted(speech_ms.items(), key=lambda item: (-item[1], item[0]))
        return SpanMood(
            span_s=self._span_s,
            speech_s=total_ms / _THOUSANDTHS,
            emotion=ranked[0][0],
            shares={emotion: each_ms / total_ms for emotion, each_ms in ranked},
            arousal=self._total.arousal / (_THOUSANDTHS * total_ms),
            valence=self._total.valence / (_THOUSANDTHS * total_ms),
        )


class MoodTracker:
    """The mood of one source over three spans, and the time at which it is reported."""

    def __init__(self, settings: MoodSettings) -> None:
        """Create three empty spans.

        Args:
            settings: settings of the mood.
        """
        self._interval_s = settings.interval_s
        self._spans = [
            RecentSpeech(each) for each in (settings.short_s, settings.medium_s, settings.long_s)
        ]
        self._reported: SourceMood | None = None
        self._due_s = 0.0
        """The earliest time of the next report, in seconds."""

    def add(self, speech: HeardSpeech, now_s: float) -> None:
        """Add speech that was heard by a time."""
        for span in self._spans:
            span.add(speech, now_s)

    @property
    def mood(self) -> SourceMood:
        """The mood as of the latest time, with rounded numbers."""
        short, medium, long = (_rounded(span.mood) for span in self._spans)
        return SourceMood(short=short, medium=medium, long=long)

    def due(self, now_s: float) -> SourceMood | None:
        """Advance to a time; returns the mood if it has changed and is to be reported, else None."""
        for span in self._spans:
            span.advance(now_s)
        if not self._interval_s or now_s < self._due_s:
            return None
        return None if self.mood == self._reported else self.report(now_s)

    def report(self, now_s: float) -> SourceMood:
        """The mood as of the latest time, which counts as reported at ``now_s``."""
        self._reported = self.mood
        self._due_s = now_s + self._interval_s
        return self._reported


def mood_json(mood: SourceMood, time: str) -> str:
    """The JSON of a mood, as its topic has it.

    Args:
        mood: the mood.
        time: when it was computed, RFC 3339 with zone.
    """
    return json.dumps({"schema": SCHEMA_VERSION, "time": time} | asdict(mood), ensure_ascii=False)


def _rounded(mood: SpanMood) -> SpanMood:
    return replace(
        mood,
        speech_s=round(mood.speech_s, 1),
        shares={emotion: round(share, 3) for emotion, share in mood.shares.items()},
        arousal=None if mood.arousal is None else round(mood.arousal, 3),
        valence=None if mood.valence is None else round(mood.valence, 3),
    )

"""The state of a live source between its events: last emotion, level, and cooldown.

All times are times of the sound, so this module has no clock.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from serd.audio.format import SAMPLE_RATE_HZ, level_dbfs
from serd.events.controls import MAX_COOLDOWN_S
from serd.events.event import Event
from serd.model.labels import NONE, UNCERTAIN
from serd.speech.segments import VoicedFrames


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportSettings:
    """Reports, and the events among them."""

    quiet_s: float = 30.0
    """Time without speech after which the state of a source returns to "none", in seconds."""
    cooldown_s: float = 0.0
    """Minimum time between two published events of one kind and emotion, in seconds, 0 to 3600, until
    it is changed over MQTT; 0 publishes all."""
    provisional_s: float = 1.0
    """Speech after which an utterance has its early estimate, a window event marked as provisional, in
    seconds, 0.3 or more; 0 for no early estimate."""
    level_s: float = 10.0
    """Time between two levels of a source over MQTT, in seconds, 0.1 or more; 0 for none. The screen and
    the metrics have a level each second."""
    stats_s: float = 60.0
    """Time between two reports of statistics, in seconds; 1 or more."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, expected values) for each bad value."""
        if self.quiet_s <= 0:
            yield "quiet_s", "more than 0 seconds"
        if not 0 <= self.cooldown_s <= MAX_COOLDOWN_S:
            yield "cooldown_s", f"0 to {MAX_COOLDOWN_S:g} seconds"
        if self.provisional_s != 0 and self.provisional_s < 0.3:
            yield "provisional_s", "0, or 0.3 or more seconds"
        if self.level_s != 0 and self.level_s < 0.1:
            yield "level_s", "0, or 0.1 or more seconds"
        if self.stats_s < 1:
            yield "stats_s", "1 or more seconds"


class Cooldown:
    """Suppresses events that repeat the emotion of a recent event."""

    def __init__(self) -> None:
        self._latest_s: dict[tuple[str, bool, str], float] = {}

    def accepts(self, event: Event, cooldown_s: float) -> bool:
        """Whether an event is published; not within ``cooldown_s`` of one of its kind and emotion.

        A provisional event suppresses only provisional events.
        """
        key = event.kind, event.provisional, event.emotion
        latest_s = self._latest_s.get(key)
        if latest_s is not None and 0.0 <= event.end_s - latest_s < cooldown_s:
            return False
        self._latest_s[key] = event.end_s
        return True


class LastEmotion:
    """The last emotion that was named; "none" after ``quiet_s`` seconds without speech."""

    def __init__(self, quiet_s: float) -> None:
        self._quiet_s = quiet_s
        self._last_speech_s = 0.0
        self.emotion = NONE

    def update(self, event: Event) -> bool:
        """Update with an event; returns whether the emotion changed. "uncertain" changes nothing."""
        self._last_speech_s = event.end_s
        if event.emotion in {UNCERTAIN, self.emotion}:
            return False
        self.emotion = event.emotion
        return True

    def advance(self, now_s: float, *, is_speaking: bool) -> bool:
        """Advance to a time of the sound; returns whether the emotion changed to "none"."""
        if is_speaking:
            self._last_speech_s = now_s
        if self.emotion == NONE or now_s - self._last_speech_s < self._quiet_s:
            return False
        self.emotion = NONE
        return True


@dataclass(frozen=True, slots=True)
class Level:
    """The level of a source over one interval."""

    dbfs: float
    """RMS level, in dB relative to full scale; -100 to 0."""
    is_due: bool
    """Whether the time between two published levels has passed."""


class LevelMeter:
    """Measures the level of sound over intervals of equal length, a second at most."""

    def __init__(self, period_s: float) -> None:
        """Create a meter.

        Args:
            period_s: time between two levels that are due, in seconds; 0 for none.
        """
        self._n_in_period = math.ceil(period_s)
        """Intervals in a period; 0 if no level is ever due."""
        interval_s = period_s / self._n_in_period if self._n_in_period else 1.0
        self._interval_samples = round(interval_s * SAMPLE_RATE_HZ)
        self._n_intervals = 0
        self._n_samples = 0
        self._energy = 0.0

    @property
    def missing_samples(self) -> int:
        """Samples until the next level."""
        return self._interval_samples - self._n_samples

    def measure(self, frames: VoicedFrames) -> Level | None:
        """Add frames; returns the level at the end of an interval, else None."""
        n_frames = max(1, len(frames.mean_square))
        self._energy += sum(frames.mean_square) * frames.samples.size / n_frames
        self._n_samples += frames.samples.size
        if self._n_samples < self._interval_samples:
            return None
        self._n_intervals += 1
        is_due = self._n_in_period > 0 and self._n_intervals % self._n_in_period == 0
        level = Level(level_dbfs(self._energy / self._n_samples), is_due)
        self._n_samples, self._energy = 0, 0.0
        return level

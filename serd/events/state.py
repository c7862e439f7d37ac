"""The state of a live source between its events: last emotion, level, and cooldown.

All times are times of the sound, so this module has no clock.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from serd.audio.format import SAMPLE_RATE_HZ, level_dbfs
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
    level_s: float = 0.0
    """Time between two reports of the level, in seconds; 0 for none."""
    stats_s: float = 60.0
    """Time between two reports of statistics, in seconds; 1 or more."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, expected values) for each bad value."""
        if self.quiet_s <= 0:
            yield "quiet_s", "more than 0 seconds"
        if not 0 <= self.cooldown_s <= 3600:
            yield "cooldown_s", "0 to 3600 seconds"
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


class LevelMeter:
    """Measures the level of sound over intervals of equal length."""

    def __init__(self, interval_s: float) -> None:
        """Create a meter.

        Args:
            interval_s: length of an interval, in seconds; 0 to measure nothing.
        """
        self._interval_samples = round(interval_s * SAMPLE_RATE_HZ)
        self._n_samples = 0
        self._energy = 0.0

    @property
    def missing_samples(self) -> int:
        """Samples until the next level; one second of samples if nothing is measured."""
        return (self._interval_samples or SAMPLE_RATE_HZ) - self._n_samples

    def measure(self, frames: VoicedFrames) -> float | None:
        """Add frames; returns the level in dBFS at the end of an interval, else None."""
        if not self._interval_samples:
            return None
        n_frames = max(1, len(frames.mean_square))
        self._energy += sum(frames.mean_square) * frames.samples.size / n_frames
        self._n_samples += frames.samples.size
        if self._n_samples < self._interval_samples:
            return None
        level = level_dbfs(self._energy / self._n_samples)
        self._n_samples, self._energy = 0, 0.0
        return level

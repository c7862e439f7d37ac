"""The moods and alerts of the daemon's sources, which outlive the loss of a source and a restart.

The time of a source is the later of two: that of its sound, which also holds for a file that is read
faster than it plays, and that of a clock, which goes on while the source gives no sound.
"""

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from serd.daemon.state import SavedState, SavedValues, StateFile
from serd.events.alert import Alert, AlertKey, AlertSettings
from serd.events.mood import HeardSpeech, MoodSettings, MoodTracker
from serd.events.reports import AlertReport, MoodReport, Report
from serd.mqtt.clock import steady_s

_log = logging.getLogger("serd.state")

SAVE_INTERVAL_S: Final = 60.0
"""Time between two saves while an alert is on and none turns on or off, in seconds."""
MAX_GONE: Final = 100
"""Most alerts that are remembered after they were removed from the settings."""


class LiveMood:
    """The mood and the alerts of one live source."""

    def __init__(self, source: str, settings: MoodSettings, alerts: Sequence[Alert] = ()) -> None:
        """Begin without speech.

        Args:
            source: name of the source.
            settings: settings of the mood.
            alerts: the alerts of the source.
        """
        self.alerts = {alert.settings.name: alert for alert in alerts}
        """The alerts of the source, by their names."""
        self._source = source
        self._settings = settings
        self._mood = MoodTracker(settings)
        self._sound_start_s = 0.0
        """Time at which the present sound has started, in seconds."""
        self._now_s = 0.0
        self._advanced_s = -1.0
        """Time of the latest decision on the alerts, in seconds."""
        self._has_news = False
        """Whether there was speech since that decision."""

    def start_sound(self, now_s: float) -> None:
        """Begin with new sound, whose positions count from zero, at a time of the clock."""
        self._now_s = max(self._now_s, now_s)
        self._sound_start_s = self._now_s

    def change(self, settings: MoodSettings, alerts: Sequence[Alert]) -> None:
        """Follow a change of the settings: speech is forgotten where a span has changed."""
        if settings != self._settings:
            self._settings, self._mood = settings, MoodTracker(settings)
        self.alerts = {alert.settings.name: alert for alert in alerts}

    def add(self, speech: HeardSpeech, end_s: float) -> None:
        """Add the new speech of a window that ends at a position of the sound, in seconds."""
        self._now_s = max(self._now_s, self._sound_start_s + end_s)
        self._mood.add(speech, self._now_s)
        for alert in self.alerts.values():
            alert.add(speech, self._now_s)
        self._has_news = True

    def hear(self, end_s: float) -> Iterator[Report]:
        """Advance to a position of the sound, in seconds; yields the reports."""
        return self.advance(self._sound_start_s + end_s)

    def advance(self, now_s: float) -> Iterator[Report]:
        """Advance to a time of the clock; yields changed alerts, and the mood if it is due."""
        self._now_s = max(self._now_s, now_s)
        if self._now_s - self._advanced_s < 1.0 and not self._has_news:
            return
        self._advanced_s, self._has_news = self._now_s, False
        for alert in self.alerts.values():
            if alert.advance(self._now_s):
                yield self._alert_report(alert)
        if (mood := self._mood.due(self._now_s)) is not None:
            yield MoodReport(source=self._source, mood=mood)

    def snapshot(self) -> Iterator[Report]:
        """Yield the state of all alerts and the mood, for a new publisher."""
        for alert in self.alerts.values():
            yield self._alert_report(alert)
        if self._settings.interval_s:
            yield MoodReport(source=self._source, mood=self._mood.report(self._now_s))

    def _alert_report(self, alert: Alert) -> Report:
        return AlertReport(source=self._source, name=alert.settings.name, is_on=alert.is_on)


class SourceMoods:
    """The moods of all sources; their alerts are saved in ``alerts.json`` of the state folder.

    For each alert that is on, the file has the time at which its condition held last, in seconds since
    1970. After a restart such an alert is still on, and holds for the rest of its time. Speech from
    before a restart is not known any more, so the moods begin without speech.
    """

    def __init__(
        self,
        folder: Path,
        *,
        steady: Callable[[], float] = steady_s,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Read the file; no alert is on, and a warning is in the log, if that fails.

        Args:
            folder: the state folder.
            steady: a clock without jumps, in seconds.
            wall: the wall clock, in seconds since 1970.
        """
        self._file = StateFile(folder / "alerts.json", _log, fallback="no alert is on")
        self._saved = self._file.read()
        self._steady = steady
        self._wall = wall
        self._saved_s = steady()
        self._mood_settings = MoodSettings()
        self._alert_settings: Sequence[AlertSettings] = ()
        self._live: dict[str, LiveMood] = {}

    @property
    def alerts(self) -> tuple[AlertKey, ...]:
        """The alerts of all sources."""
        return tuple(
            AlertKey(source, name) for source, live in self._live.items() for name in live.alerts
        )

    @property
    def gone_alerts(self) -> tuple[AlertKey, ...]:
        """The latest alerts that were removed from the settings, or whose source was."""
        saved = (AlertKey(source, name) for source, values in self._saved.items() for name in values)
        present = set(self.alerts)
        return tuple(key for key in saved if key not in present)[-MAX_GONE:]

    def apply_settings(self, mood: MoodSettings, alerts: Sequence[AlertSettings]) -> None:
        """Use other settings, for the present sources as well; an alert that is on stays on."""
        self.save()  # so that alerts which are no longer there are known to be gone
        self._mood_settings, self._alert_settings = mood, alerts
        for source, live in self._live.items():
            live.change(mood, [self._alert(source, each, live.alerts) for each in self._of(source)])

    def start(self, source: str) -> LiveMood:
        """The mood of a source that begins with new sound."""
        if source not in self._live:
            alerts = [self._alert(source, each, {}) for each in self._of(source)]
            self._live[source] = LiveMood(source, self._mood_settings, alerts)
        self._live[source].start_sound(self._steady())
        return self._live[source]

    def remove(self, source: str) -> None:
        """Forget the mood of a source; its alerts are saved, for the case that it comes back."""
        self.save(is_last=True)
        self._live.pop(source, None)

    def advance(self) -> Iterator[Report]:
        """Advance all sources to the present; yields their reports."""
        for live in tuple(self._live.values()):
            yield from live.advance(self._steady())

    def save(self, *, is_last: bool = False) -> None:
        """Write which alerts are on, if that has changed, and else once a minute while one is on."""
        now_s = self._steady()
        current = self._current(now_s)
        is_same = _states(current) == _states(self._saved)
        if is_same and (not is_last and now_s - self._saved_s < SAVE_INTERVAL_S):
            return
        self._saved_s = now_s
        if current != self._saved:
            self._saved = current
            self._file.write(current)

    def _of(self, source: str) -> Iterable[AlertSettings]:
        return (each for each in self._alert_settings if each.concerns(source))

    def _alert(self, source: str, settings: AlertSettings, present: Mapping[str, Alert]) -> Alert:
        """The alert of a rule; it goes on as the present one or the saved one of its name."""
        before = present.get(settings.name)
        if before is not None and before.settings == settings:
            return before
        now_s = self._steady()
        held_at_s = before.held_at_s if before is not None else self._saved_at_s(source, settings.name)
        alert = Alert(settings, held_at_s)
        alert.advance(now_s)  # one that was on for long enough begins off, instead of turning off
        return alert

    def _saved_at_s(self, source: str, name: str) -> float | None:
        """Time at which the condition of a saved alert held last; None if it was off.

        A time in the future comes from a wall clock that was wrong, and counts as the present.
        """
        saved = self._saved.get(source, {}).get(name)
        if not isinstance(saved, int | float) or not math.isfinite(saved):
            return None
        return self._steady() - max(0.0, self._wall() - saved)

    def _current(self, now_s: float) -> SavedState:
        """What the file is to have: the present alerts, and those that are gone."""
        current: SavedState = {}
        for source, name in self.gone_alerts:
            current.setdefault(source, {})[name] = self._saved[source][name]
        for source, live in self._live.items():
            values: SavedValues = {}
            for name, alert in live.alerts.items():
                held_at_s = alert.held_at_s
                values[name] = None if held_at_s is None else round(self._wall() - now_s + held_at_s, 1)
            if values:
                current.setdefault(source, {}).update(values)
        return current


def _states(saved: SavedState) -> dict[AlertKey, bool]:
    """Whether each alert is on."""
    return {
        AlertKey(source, name): value is not None
        for source, values in saved.items()
        for name, value in values.items()
    }

"""Alerts: named rules on the mood of a source, each of which is on or off.

An alert turns on with speech after which its condition holds for the last ``over_s`` seconds, if there
is enough speech in these. It turns off when that has not been the case for ``hold_s`` seconds. While it
is on, the limits of the condition are relaxed by ``hysteresis``, so that a value close to a limit does
not turn it on and off.

A source that is quiet, muted or lost gives no speech. So none of its alerts turns on, the speech from
before grows too old, and an alert that is on turns off ``hold_s`` after too little of it is left.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from serd.audio.names import NAME_RULE, is_name
from serd.errors import InputError, SettingsError
from serd.events.condition import Condition, parse_condition
from serd.events.mood import MAX_SPAN_S, HeardSpeech, RecentSpeech
from serd.model.labels import UNCERTAIN

MAX_ALERTS: Final = 32
"""Most alerts in the settings."""
_MAX_HOLD_S: Final = 86_400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertSettings:
    """A rule on the mood of a source, which turns an alert on and off."""

    name: str = field(default="angry", metadata={"form": "name"})
    """Name of the alert in its topic: letters, digits, "-", "_" and "."; different for each alert."""
    when: str = "angry >= 0.5"
    """The condition: an emotion's share of the speech, 0 to 1, or arousal or valence, -1 to 1, and its
    limit. Shares can be added and conditions joined: "angry + fearful >= 0.5 and arousal > 0.2"."""
    over_s: float = 60.0
    """The condition is about the speech of the last so many seconds, 10 to 3600."""
    min_speech_s: float = 10.0
    """Least speech in that time for the condition to hold, in seconds, more than 0, over_s at most."""
    hold_s: float = 300.0
    """The alert turns off when its condition has not held for so many seconds, 0 to 86400."""
    hysteresis: float = 0.1
    """While the alert is on, by how much each value may be beyond its limit, 0 or more."""
    source: str = field(default="", metadata={"form": "name"})
    """Name of the only source with this alert; empty for all sources."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, expected values) for each bad value."""
        if not is_name(self.name):
            yield "name", NAME_RULE
        if not 10 <= self.over_s <= MAX_SPAN_S:
            yield "over_s", f"10 to {MAX_SPAN_S:g} seconds"
        if not 0 < self.min_speech_s <= self.over_s:
            yield "min_speech_s", f"more than 0 seconds, to over_s, which is {self.over_s:g}"
        if not 0 <= self.hold_s <= _MAX_HOLD_S:
            yield "hold_s", f"0 to {_MAX_HOLD_S:g} seconds"
        try:
            room = parse_condition(self.when).room
        except InputError as exc:
            yield "when", str(exc)
            return
        if self.hysteresis < 0:
            yield "hysteresis", "0 or more"
        elif self.hysteresis and self.hysteresis >= room:
            yield "hysteresis", f"0, or less than {room:g}, else the alert could never turn off"

    def concerns(self, source: str) -> bool:
        """Whether a source has this alert."""
        return self.source in {"", source}


def check_alerts(alerts: Sequence[AlertSettings], sources: Sequence[str]) -> None:
    """Check the names and sources of all alerts.

    Args:
        alerts: all alerts.
        sources: names of all sources.

    Raises:
        SettingsError: there are too many alerts, two have the same name, or one names no source.
    """
    if len(alerts) > MAX_ALERTS:
        raise SettingsError(f"{len(alerts)} [[alert]], expected {MAX_ALERTS} at most")
    names = [alert.name for alert in alerts]
    for alert in alerts:
        if names.count(alert.name) > 1:
            raise SettingsError(f"two [[alert]] are named {alert.name!r}, expected a name for each")
        if not any(map(alert.concerns, sources)):
            raise SettingsError(
                f"[[alert]] {alert.name}: source = {alert.source!r}, expected one of:"
                f" {', '.join(sources)}"
            )


def check_emotions(alerts: Sequence[AlertSettings], labels: Sequence[str]) -> None:
    """Check that the model knows the emotions of all alerts.

    Args:
        alerts: all alerts.
        labels: labels of the model.

    Raises:
        SettingsError: an alert names another emotion.
    """
    for alert in alerts:
        if unknown := sorted(parse_condition(alert.when).emotions - {*labels, UNCERTAIN}):
            raise SettingsError(
                f'[[alert]] {alert.name}: when = "{alert.when}", got {unknown[0]!r}, expected arousal,'
                f" valence or one of: {', '.join((*labels, UNCERTAIN))}"
            )


class AlertKey(NamedTuple):
    """Identifies an alert."""

    source: str
    """Name of its source."""
    name: str
    """Its own name."""


def alert_keys(alerts: Sequence[AlertSettings], sources: Sequence[str]) -> tuple[AlertKey, ...]:
    """The alerts of all sources, one source after the other."""
    return tuple(
        AlertKey(source, alert.name) for source in sources for alert in alerts if alert.concerns(source)
    )


class Alert:
    """One alert of one source. The time is an argument, as in ``serd.events.mood``."""

    def __init__(self, settings: AlertSettings, held_at_s: float | None = None) -> None:
        """Prepare the condition, and a span without speech.

        Args:
            settings: the rule.
            held_at_s: time at which the condition of an alert that is on held last, in seconds; None for
                an alert that is off.
        """
        self.settings = settings
        self.held_at_s = held_at_s
        """Time at which the condition held last, in seconds; None while the alert is off."""
        self._condition: Condition = parse_condition(settings.when)
        self._speech = RecentSpeech(settings.over_s)
        self._has_news = False
        """Whether there was speech since the latest decision."""

    @property
    def is_on(self) -> bool:
        """Whether the alert is on."""
        return self.held_at_s is not None

    def add(self, speech: HeardSpeech, now_s: float) -> None:
        """Add speech that was heard by a time; ``advance`` then decides."""
        self._speech.add(speech, now_s)
        self._has_news = True

    def advance(self, now_s: float) -> bool:
        """Advance to a time, not before the latest; returns whether the alert turned on or off."""
        was_on = self.is_on
        self._speech.advance(now_s)
        mood = self._speech.mood
        slack = self.settings.hysteresis if was_on else 0.0
        holds = mood.speech_s >= self.settings.min_speech_s and self._condition.holds(mood, slack)
        if holds and (was_on or self._has_news):
            self.held_at_s = now_s
        elif self.held_at_s is not None and now_s - self.held_at_s >= self.settings.hold_s:
            self.held_at_s = None
        self._has_news = False
        return self.is_on != was_on

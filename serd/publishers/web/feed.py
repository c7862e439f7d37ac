"""State and messages for the pages: the present state of each source, and the latest changes.

Messages are numbered, so a page that was away continues after the last one it has. Levels are not: only
the latest of each source matters. Memory is bounded, however many pages there are, since a page has only
the number of its latest message and no queue.
"""

import json
import secrets
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from serd import __version__
from serd.events.alert import AlertKey
from serd.events.controls import Controls
from serd.events.event import Event
from serd.events.mood import SourceMood
from serd.events.reports import (
    AlertReport,
    AvailabilityReport,
    ControlReport,
    LevelReport,
    MoodReport,
    RefusalReport,
    Report,
    SpeechReport,
    StateReport,
    StatsReport,
)
from serd.model.labels import NONE
from serd.publishers import Context
from serd.publishers.web.hearing import clip_folder, keeps_events

MAX_MESSAGES: Final = 500
"""Messages that a page can catch up on."""
MAX_UTTERANCES: Final = 300
"""Utterances that are kept, in case there is no history, or they are not in its file yet."""
MAX_ALERT_CHANGES: Final = 100

Message = tuple[int, bytes]
"""Number of a message, and the message as a server-sent event."""


@dataclass(kw_only=True, slots=True)
class _Source:
    """The latest reports on a source."""

    is_alive: bool | None = None
    reason: str = ""
    is_speaking: bool = False
    emotion: str = NONE
    level_dbfs: float | None = None
    controls: Controls = field(default_factory=Controls)
    mood: SourceMood | None = None
    latest: Event | None = None
    """Its latest event."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertChange:
    """An alert turned on or off."""

    time: str
    """When, RFC 3339 with zone."""
    source: str
    """Name of the source."""
    name: str
    """Name of the alert."""
    on: bool
    """Whether it turned on."""


class Feed:
    """Takes the reports of the daemon's loop, and gives them to pages; any thread may read."""

    def __init__(self, context: Context) -> None:
        """Begin without reports.

        Args:
            context: the daemon.
        """
        self.wake: Callable[[], None] = lambda: None
        """Called after each report that pages get."""
        self._lock = threading.Lock()
        self._context = context
        self._run = secrets.token_hex(4)
        """Tells the numbers of this run from those of earlier ones."""
        self._started = _now()
        self._sources = {name: _Source() for name in context.sources}
        self._alerts: dict[AlertKey, AlertChange] = {}
        self._alert_changes: deque[AlertChange] = deque(maxlen=MAX_ALERT_CHANGES)
        self._stats: StatsReport | None = None
        self._utterances: deque[Event] = deque(maxlen=MAX_UTTERANCES)
        self._n_messages = 0
        self._messages: deque[Message] = deque(maxlen=MAX_MESSAGES)
        self._n_levels = 0
        self._levels: dict[str, Message] = {}

    def follow(self, context: Context) -> None:
        """Forget what was removed by a reload, and tell pages to read the state again."""
        with self._lock:
            self._context = context
            self._sources = {name: self._sources.get(name, _Source()) for name in context.sources}
            self._levels = {name: each for name, each in self._levels.items() if name in self._sources}
            self._alerts = {key: each for key, each in self._alerts.items() if key in context.alerts}
            self._add("reload", {})
        self.wake()

    def publish(self, report: Report) -> None:
        """Take a report; those that no page shows are ignored."""
        with self._lock:
            is_news = self._take(report)
        if is_news:
            self.wake()

    def state(self) -> dict[str, Any]:
        """The present state of the daemon, as JSON."""
        broker = self._context.broker()
        with self._lock:
            context = self._context
            card = context.card
            return {
                "node": context.node,
                "version": __version__,
                "started": self._started,
                "time": _now(),
                "labels": list(context.labels),
                "model": None if card is None else {"name": card.name, "version": card.version},
                "keeps_sound": clip_folder(context) is not None,
                "keeps_events": keeps_events(context),
                "broker": None if broker is None else asdict(broker),
                "parts": dict(context.threads.states()),
                "silent_parts": list(context.threads.silent()),
                "stats": None if self._stats is None else asdict(self._stats),
                "sources": [self._source_json(name) for name in self._sources],
            }

    @property
    def context(self) -> Context:
        """The daemon."""
        return self._context

    @property
    def utterances(self) -> tuple[Event, ...]:
        """The latest utterances of all sources, in the order in which they came."""
        with self._lock:
            return tuple(self._utterances)

    @property
    def alert_changes(self) -> tuple[AlertChange, ...]:
        """When alerts turned on or off since the start, the newest last."""
        with self._lock:
            return tuple(self._alert_changes)

    def position(self, message_id: str) -> int | None:
        """The number of a message from its id; None if it is of another run, or too old."""
        run, _, number = message_id.partition("-")
        if run != self._run or not number.isdecimal() or len(number) > 15:
            return None
        with self._lock:
            oldest = self._messages[0][0] if self._messages else self._n_messages + 1
            return int(number) if oldest - 1 <= int(number) <= self._n_messages else None

    def after(self, number: int) -> list[Message] | None:
        """The messages after a number; None if some of them are forgotten."""
        with self._lock:
            if number >= self._n_messages:
                return []
            if self._messages[0][0] > number + 1:
                return None
            n_new = self._n_messages - number
            return [self._messages[index] for index in range(-n_new, 0)]

    def levels_after(self, number: int) -> list[Message]:
        """The latest level of each source whose number is greater."""
        with self._lock:
            return [each for each in self._levels.values() if each[0] > number]

    def snapshot(self) -> Message:
        """The whole state as a message, with the number of the latest message that is in it."""
        with self._lock:
            number = self._n_messages
        # Messages that come meanwhile are in the state and follow it as well, which does no harm.
        return number, self._encoded("state", self.state(), number)

    def _source_json(self, name: str) -> dict[str, Any]:
        source = self._sources[name]
        latest = source.latest
        return {
            "name": name,
            "online": source.is_alive,
            "reason": source.reason,
            "speaking": source.is_speaking,
            "emotion": source.emotion,
            "level_dbfs": source.level_dbfs,
            "controls": asdict(source.controls),
            "mood": None if source.mood is None else asdict(source.mood),
            "alerts": {key.name: each.on for key, each in self._alerts.items() if key.source == name},
            "event": None if latest is None else json.loads(latest.to_json()),
        }

    def _take(self, report: Report) -> bool:
        """Take a report; returns whether pages get it."""
        match report:
            case Event():
                self._source(report.source).latest = report
                if report.kind == "utterance" and report.time is not None:
                    self._utterances.append(report)
                self._add_text("event", report.to_json())
            case LevelReport():
                self._source(report.source).level_dbfs = report.level_dbfs
                self._n_levels += 1
                body = {"source": report.source, "level_dbfs": report.level_dbfs}
                self._levels[report.source] = self._n_levels, self._encoded("level", body)
            case AlertReport():
                return self._take_alert(report)
            case RefusalReport():
                self._add("refusal", asdict(report))
            case StatsReport():
                self._stats = report
                self._add("stats", asdict(report))
            case _:
                return self._take_change(report)
        return True

    def _take_change(self, report: Report) -> bool:
        """Take the change of one value of a source; returns whether pages get it."""
        match report:
            case SpeechReport():
                self._source(report.source).is_speaking = report.is_speaking
                change: Mapping[str, Any] = {"speaking": report.is_speaking}
            case StateReport():
                self._source(report.source).emotion = report.emotion
                change = {"emotion": report.emotion}
            case MoodReport():
                self._source(report.source).mood = report.mood
                change = {"mood": asdict(report.mood)}
            case ControlReport():
                self._source(report.source).controls = report.controls
                change = {"controls": asdict(report.controls)}
            case AvailabilityReport():
                source = self._source(report.source)
                source.is_alive, source.reason = report.is_alive, report.reason
                change = {"online": report.is_alive, "reason": report.reason}
                if not report.is_alive:
                    source.level_dbfs, change = None, {**change, "level_dbfs": None}
                    self._levels.pop(report.source, None)
            case _:
                return False
        self._add("source", {"name": report.source, **change})
        return True

    def _take_alert(self, report: AlertReport) -> bool:
        key = AlertKey(report.source, report.name)
        known = self._alerts.get(key)
        if known is not None and known.on == report.is_on:
            return False
        change = AlertChange(time=_now(), source=report.source, name=report.name, on=report.is_on)
        self._alerts[key] = change
        if known is not None or report.is_on:
            self._alert_changes.append(change)
        self._add("alert", asdict(change))
        return True

    def _source(self, name: str) -> _Source:
        return self._sources.setdefault(name, _Source())

    def _add(self, kind: str, body: Mapping[str, Any]) -> None:
        self._add_text(kind, json.dumps(body, ensure_ascii=False))

    def _add_text(self, kind: str, text: str) -> None:
        self._n_messages += 1
        message = _framed(kind, text, f"{self._run}-{self._n_messages}")
        self._messages.append((self._n_messages, message))

    def _encoded(self, kind: str, body: Mapping[str, Any], number: int | None = None) -> bytes:
        message_id = "" if number is None else f"{self._run}-{number}"
        return _framed(kind, json.dumps(body, ensure_ascii=False), message_id)


def _framed(kind: str, text: str, message_id: str) -> bytes:
    """A server-sent event; JSON has no line breaks."""
    head = f"id: {message_id}\n" if message_id else ""
    return f"{head}event: {kind}\ndata: {text}\n\n".encode()


def _now() -> str:
    return datetime.now(UTC).astimezone().isoformat(timespec="milliseconds")

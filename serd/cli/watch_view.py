"""The state of the nodes on a broker, as far as ``serd watch`` shows it.

Only what holds now is shown: scores and level are forgotten when they are old, or when their source is
lost or muted, and mood and alerts when their node is offline.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeVar

from serd.cli.watch_messages import EventView, MoodView, event_view, mood_view, printable, read_level
from serd.events.alert import MAX_ALERTS
from serd.events.controls import MUTE, ON
from serd.model.labels import NONE
from serd.mqtt import topics
from serd.mqtt.topics import (
    ALERT,
    AVAILABILITY,
    EVENT,
    LEVEL,
    MOOD,
    OFFLINE,
    ONLINE,
    PROBLEM,
    SPEECH,
    STATE,
    STATUS,
    parse_topic,
    topic_level,
)

_View = TypeVar("_View")

STALE_S: Final = 30.0
"""Age from which an event or a level is no longer shown, in seconds."""
_VALUES: Final = (STATE, MOOD, AVAILABILITY, PROBLEM, SPEECH, LEVEL, MUTE)
"""Topics of a source with a value that is shown."""
_N_HISTORY: Final = 20
_MAX_VIEWS: Final = 200
"""Nodes that are shown, and sources of each."""
_MAX_PROBLEM: Final = 200
"""Longest reason of a problem that is shown, in characters."""
_MAX_PAYLOAD: Final = 4000
"""Longest payload that is read of a message that is no event, in bytes."""


@dataclass(slots=True)
class SourceView:
    """The known state of a source."""

    state: str = NONE
    """The last emotion that was certain."""
    is_unavailable: bool = False
    """Whether its availability is "offline"."""
    problem: str = ""
    """Why it is unavailable, or what is wrong with its sound; empty if nothing."""
    is_speaking: bool = False
    is_muted: bool = False
    latest: EventView | None = None
    """The latest event, unless it is stale."""
    level_dbfs: float | None = None
    """The latest level, unless it is stale."""
    mood: MoodView | None = None
    """The mood, unless there was no speech."""
    alerts: dict[str, bool] = field(default_factory=dict)
    """Whether each alert is on."""
    history: deque[str] = field(default_factory=lambda: deque(maxlen=_N_HISTORY))
    """Emotions of the latest utterances, the newest last."""
    _event_s: float = 0.0
    """Time at which the latest event arrived, in seconds."""
    _level_s: float = 0.0
    """Time at which the latest level arrived, in seconds."""

    @property
    def emotion(self) -> str:
        """The emotion to show: that of the scores, or the state if there are none."""
        return self.state if self.latest is None else self.latest.emotion

    def update(self, name: str, text: str, now_s: float) -> None:
        """Apply the text of one of the source's topics except events."""
        match name:
            case topics.STATE:
                self.state = printable(text) or NONE
                if self.state == NONE:
                    self.latest = None
            case topics.MOOD:
                self.mood = mood_view(text)
            case topics.AVAILABILITY:
                self.is_unavailable = text == OFFLINE
            case topics.PROBLEM:
                self.problem = "" if text == NONE else printable(text, _MAX_PROBLEM)
            case topics.SPEECH:
                self.is_speaking = text == ON
            case topics.LEVEL:
                self.level_dbfs, self._level_s = read_level(text), now_s
            case _:
                self.is_muted = text == ON
        if self.is_unavailable or self.is_muted:
            self.forget()

    def set_alert(self, name: str, text: str) -> None:
        """Apply the text of the topic of an alert; an empty one removes it."""
        self.alerts.pop(name, None)
        if text and len(self.alerts) < MAX_ALERTS:
            self.alerts[name] = text == ON

    def add(self, event: EventView, now_s: float) -> None:
        """Add an event; one that was replayed belongs to the history alone."""
        if not event.is_replayed:
            self.latest, self._event_s = event, now_s
        if event.kind == "utterance":
            self.history.append(event.emotion)

    def forget(self) -> None:
        """Forget what no longer holds without sound: event, level and speech."""
        self.latest = self.level_dbfs = None
        self.is_speaking = False

    def forget_all(self) -> None:
        """Forget what no longer holds without the daemon: also mood and alerts."""
        self.forget()
        self.mood = None
        self.alerts.clear()

    def forget_stale(self, now_s: float) -> None:
        """Forget an event and a level that are older than ``STALE_S``."""
        if now_s - self._event_s > STALE_S and not self.is_speaking:
            self.latest = None
        if now_s - self._level_s > STALE_S:
            self.level_dbfs = None

    @property
    def marks(self) -> str:
        """The conditions besides the state, separated by commas."""
        conditions = {
            "unavailable": self.is_unavailable,
            "muted": self.is_muted,
            "speaking": self.is_speaking,
        }
        return ", ".join(name for name, holds in conditions.items() if holds)


@dataclass(slots=True)
class NodeView:
    """The known state of a machine."""

    is_online: bool = False
    sources: dict[str, SourceView] = field(default_factory=dict)


class WatchState:
    """The state of all nodes on a broker, or of a single one."""

    def __init__(
        self, *, prefix: str, node: str | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Create the state without any node.

        Args:
            prefix: first part of the topics.
            node: name of the only node; None for all.
            clock: gives the time in seconds, from any start.
        """
        self._clock = clock
        self.nodes: dict[str, NodeView] = {}
        self._prefix = prefix
        self._node = None if node is None else topic_level(node)

    @property
    def topic_filters(self) -> tuple[str, ...]:
        """The topic filters to subscribe to: those of the topics that ``apply`` uses."""
        root = f"{self._prefix}/{'+' if self._node is None else self._node}"
        return f"{root}/{STATUS}", *(f"{root}/+/{name}" for name in (EVENT, *_VALUES, f"{ALERT}/+"))

    def apply(self, topic: str, payload: bytes) -> EventView | None:
        """Apply a message; returns its event, or None if it is no event."""
        parsed = parse_topic(topic, self._prefix)
        if parsed is None or self._node not in (None, parsed.node):
            return None
        node, name = printable(parsed.node), parsed.what
        if parsed.source is None:
            if name == STATUS:
                self._set_status(node, is_online=payload == ONLINE.encode())
            return None
        source = printable(parsed.source)
        text = payload[:_MAX_PAYLOAD].decode("utf-8", "replace")
        if name in _VALUES:
            self._source_view(node, source).update(name, text, self._clock())
        elif name.startswith(f"{ALERT}/"):
            self._source_view(node, source).set_alert(printable(name.removeprefix(f"{ALERT}/")), text)
        if name != EVENT or (event := event_view(node, source, payload)) is None:
            return None
        self._source_view(node, source).add(event, self._clock())
        return event

    def forget_stale(self, *, is_connected: bool) -> None:
        """Forget what is old; without a connection everything that could have changed since."""
        for source in self._sources():
            if is_connected:
                source.forget_stale(self._clock())
            else:
                source.forget_all()

    def _set_status(self, node: str, *, is_online: bool) -> None:
        view = self._node_view(node)
        view.is_online = is_online
        if not is_online:
            for source in view.sources.values():
                source.forget_all()

    def _sources(self) -> Iterator[SourceView]:
        for node in self.nodes.values():
            yield from node.sources.values()

    def _node_view(self, node: str) -> NodeView:
        return _view_of(node, self.nodes, NodeView)

    def _source_view(self, node: str, source: str) -> SourceView:
        return _view_of(source, self._node_view(node).sources, SourceView)


def _view_of(name: str, views: dict[str, _View], new_view: Callable[[], _View]) -> _View:
    """The view of a name; anybody may publish names, so a new one too many replaces the oldest."""
    if name not in views and len(views) >= _MAX_VIEWS:
        del views[next(iter(views))]
    return views.setdefault(name, new_view())

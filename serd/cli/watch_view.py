"""The state of the nodes on a broker, and its view for the terminal.

Pure: messages go in, a renderable of rich comes out. Messages are untrusted: malformed ones are ignored,
and control characters are replaced, so that no message can control the terminal.
"""

import json
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from serd.events.controls import ON
from serd.model.labels import NONE, UNCERTAIN
from serd.mqtt import topics
from serd.mqtt.topics import (
    AVAILABILITY,
    EVENT,
    OFFLINE,
    ONLINE,
    SPEECH,
    STATE,
    STATUS,
    parse_topic,
    topic_level,
)
from serd.publishers.screen import local_time
from serd.publishers.terminal import bar as confidence_bar

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

_MUTE: Final = "mute"
_N_SCORES: Final = 4
_N_HISTORY: Final = 20
_BAR_WIDTH: Final = 40
_MAX_TEXT: Final = 40
"""Longest text of a message that is shown, in characters."""
_STYLES: Final[Mapping[str, str]] = {
    "neutral": "white",
    "calm": "cyan",
    "happy": "yellow",
    "sad": "blue",
    "angry": "red",
    "fearful": "magenta",
    "disgust": "green",
    "surprised": "bright_cyan",
    UNCERTAIN: "bright_black",
    NONE: "bright_black",
}


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


@dataclass(slots=True)
class SourceView:
    """The known state of a source."""

    state: str = NONE
    is_unavailable: bool = False
    """Whether its availability is "offline"."""
    is_speaking: bool = False
    is_muted: bool = False
    latest: EventView | None = None
    history: deque[str] = field(default_factory=lambda: deque(maxlen=_N_HISTORY))
    """Emotions of the latest utterances, the newest last."""

    def update(self, name: str, text: str) -> None:
        """Apply the text of one of the source's retained topics."""
        match name:
            case topics.STATE:
                self.state = _printable(text) or NONE
            case topics.AVAILABILITY:
                self.is_unavailable = text == OFFLINE
            case topics.SPEECH:
                self.is_speaking = text == ON
            case _:
                self.is_muted = text == ON

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

    def __init__(self, *, prefix: str, node: str | None = None) -> None:
        """Create the state without any node.

        Args:
            prefix: first part of the topics.
            node: name of the only node; None for all.
        """
        self.nodes: dict[str, NodeView] = {}
        self._prefix = prefix
        self._node = None if node is None else topic_level(node)

    @property
    def topic_filter(self) -> str:
        """The topic filter of the subscription."""
        return f"{self._prefix}/#" if self._node is None else f"{self._prefix}/{self._node}/#"

    def apply(self, topic: str, payload: bytes) -> EventView | None:
        """Apply a message; returns its event, or None if it is no event."""
        parsed = parse_topic(topic, self._prefix)
        if parsed is None or self._node not in (None, parsed.node):
            return None
        node, name = _printable(parsed.node), parsed.what
        if parsed.source is None:
            if name == STATUS:
                self._node_view(node).is_online = payload == ONLINE.encode()
            return None
        source = _printable(parsed.source)
        if name in {STATE, AVAILABILITY, SPEECH, _MUTE}:
            self._source_view(node, source).update(name, payload.decode("utf-8", "replace"))
        if name != EVENT or (event := _event_view(node, source, payload)) is None:
            return None
        view = self._source_view(node, source)
        view.latest = event
        if event.kind == "utterance":
            view.history.append(event.emotion)
        return event

    def _node_view(self, node: str) -> NodeView:
        return self.nodes.setdefault(node, NodeView())

    def _source_view(self, node: str, source: str) -> SourceView:
        return self._node_view(node).sources.setdefault(source, SourceView())


def plain_line(event: EventView) -> str:
    """An event as a line of text, for pipes and files."""
    where = f"{event.node}/{event.source}"
    return (
        f"{event.time}  {where:<20}  {event.kind:<9}  {event.emotion:<10}"
        f" {_percent(event.confidence)}  {event.valence:<8} {event.duration_s:>5.1f} s"
    )


def render(state: WatchState, connection: str, *, is_up: bool) -> "RenderableType":
    """The view: a line with the connection, and a box for each node."""
    from rich.console import Group  # noqa: PLC0415
    from rich.padding import Padding  # noqa: PLC0415
    from rich.panel import Panel  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    head = Text.assemble(("serd watch  ", "bold"), (connection, "green" if is_up else "yellow"))
    parts: list[RenderableType] = [head]
    for name, node in sorted(state.nodes.items()):
        color = "green" if node.is_online else "red"
        status = "online" if node.is_online else "offline"
        title = Text.assemble((" ● ", color), (name, "bold"), (f" {status} ", color))
        sources = [_source(name, view) for name, view in sorted(node.sources.items())]
        body = Text("\n\n").join(sources) or Text("no sound source yet", style="bright_black")
        parts.append(Panel(Padding(body, (0, 1)), title=title, title_align="left", border_style="dim"))
    if not state.nodes:
        parts.append(Text("no message from any node yet", style="bright_black"))
    return Group(*parts)


def _source(name: str, view: SourceView) -> "Text":
    from rich.text import Text  # noqa: PLC0415

    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{name:<12}", "bold").append(f"{view.state:<10}", f"bold {_style(view.state)}")
    if view.marks:
        text.append(f" {view.marks}", "red" if view.is_unavailable else "green")
    latest = view.latest
    if latest is not None:
        text.append(
            f"   {latest.time}  {latest.kind}, {latest.duration_s:.1f} s, {latest.valence}",
            "bright_black",
        )
        for label, score in latest.scores[:_N_SCORES]:
            bar = confidence_bar(score, _BAR_WIDTH)
            text.append(f"\n  {label:<10}").append(bar, _style(label))
            text.append(f" {_percent(score)}")
    if view.history:
        text.append("\n  newest ←  ", "bright_black")
        for emotion in reversed(view.history):
            text.append(f"{emotion[:3]} ", _style(emotion))
    return text


def _event_view(node: str, source: str, payload: bytes) -> EventView | None:
    try:
        body = json.loads(payload)
        scores = {_printable(str(label)): _share(value) for label, value in body["scores"].items()}
        return EventView(
            time=local_time(body["time"]),
            node=node,
            source=source,
            kind=_printable(str(body["kind"])),
            emotion=_printable(str(body["emotion"])),
            confidence=_share(body["confidence"]),
            scores=tuple(sorted(scores.items(), key=lambda item: -item[1])),
            valence=_printable(str(body["valence"])),
            duration_s=_finite(body["end_s"]) - _finite(body["start_s"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None


def _share(value: Any) -> float:  # noqa: ANN401
    return min(1.0, max(0.0, _finite(value)))


def _finite(value: Any) -> float:  # noqa: ANN401
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(value)
    return number


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text[:_MAX_TEXT])


def _percent(share: float) -> str:
    return f"{round(100 * share):>3} %"


def _style(emotion: str) -> str:
    return _STYLES.get(emotion, "white")

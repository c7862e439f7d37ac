"""The MQTT topics of serd and the words that are published on them.

    <prefix>/<node>/status                    online or offline, retained
    <prefix>/<node>/stats                     how the daemon fares, as JSON
    <prefix>/<node>/<source>/availability     online or offline: the sound source, retained
    <prefix>/<node>/<source>/event            every event, as JSON
    <prefix>/<node>/<source>/state            the last emotion, plain text, retained
    <prefix>/<node>/<source>/speech           ON or OFF, retained
    <prefix>/<node>/<source>/level            level and likeliest emotions, as JSON
    <prefix>/<node>/<source>/<control>        a control's value, retained
    <prefix>/<node>/<source>/<control>/set    changes it
    <prefix>/<node>/<source>/<control>/error  why a change was refused
    <prefix>/<node>/<source>/forget/set       the source forgets the voices that it is used to

Pure: what is published where is decided here, how it gets there is the business of ``serd.mqtt.link``.
"""

from dataclasses import dataclass
from typing import Final

ONLINE: Final = "online"
OFFLINE: Final = "offline"

STATUS: Final = "status"
STATS: Final = "stats"
AVAILABILITY: Final = "availability"
EVENT: Final = "event"
STATE: Final = "state"
SPEECH: Final = "speech"
LEVEL: Final = "level"
FORGET: Final = "forget"
SET: Final = "set"
ERROR: Final = "error"

_FORBIDDEN: Final = str.maketrans(dict.fromkeys("/+#\0", "_"))


def topic_level(name: str) -> str:
    """A name as one level of a topic: what has a meaning in topics becomes an underscore."""
    return name.translate(_FORBIDDEN) or "_"


def is_prefix(text: str) -> bool:
    """Whether topics may begin with ``text``: no empty level, no wildcard, none of the broker's own."""
    return all(text.split("/")) and not set(text) & set("+#\0") and not text.startswith("$")


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeTopics:
    """The topics of one machine."""

    prefix: str
    """First part of every topic."""
    node: str
    """Name of the machine, as it is called in events."""

    @property
    def status(self) -> str:
        """Whether the daemon is there."""
        return f"{self._root}/{STATUS}"

    @property
    def stats(self) -> str:
        """How the daemon fares."""
        return f"{self._root}/{STATS}"

    def availability(self, source: str) -> str:
        """Whether a source of sound is alive, apart from the daemon."""
        return self._of(source, AVAILABILITY)

    def event(self, source: str) -> str:
        """Where the events of a source go."""
        return self._of(source, EVENT)

    def state(self, source: str) -> str:
        """Where the last emotion of a source stands."""
        return self._of(source, STATE)

    def speech(self, source: str) -> str:
        """Whether somebody speaks at a source."""
        return self._of(source, SPEECH)

    def level(self, source: str) -> str:
        """How loud it is at a source, and what is likeliest at the moment."""
        return self._of(source, LEVEL)

    def control(self, source: str, control: str) -> str:
        """Where the present value of a control stands."""
        return self._of(source, control)

    def control_set(self, source: str, control: str) -> str:
        """Where a control is changed."""
        return self._of(source, f"{control}/{SET}")

    def control_error(self, source: str, control: str) -> str:
        """Where a refused change is answered."""
        return self._of(source, f"{control}/{ERROR}")

    @property
    def _root(self) -> str:
        return f"{self.prefix}/{topic_level(self.node)}"

    def _of(self, source: str, what: str) -> str:
        return f"{self._root}/{topic_level(source)}/{what}"


@dataclass(frozen=True, slots=True)
class ParsedTopic:
    """What a topic of serd is about."""

    node: str
    source: str | None
    """None where the topic is about the whole machine."""
    what: str
    """What is left of the topic: STATUS, EVENT, "mute/set" or one that a later version knows."""


def parse_topic(topic: str, prefix: str) -> ParsedTopic | None:
    """Take a topic apart; None where it is none of serd's."""
    if not topic.startswith(f"{prefix}/"):
        return None
    match topic.removeprefix(f"{prefix}/").split("/"):
        case [node, what]:
            return ParsedTopic(node, None, what)
        case [node, source, *what] if 1 <= len(what) <= 2:
            return ParsedTopic(node, source, "/".join(what))
        case _:
            return None

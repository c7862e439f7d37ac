"""The MQTT topics of serd and the words that are published on them.

    <prefix>/<node>/status           online or offline, retained
    <prefix>/<node>/<source>/event   every event, as JSON
    <prefix>/<node>/<source>/state   the last emotion, plain text, retained

Pure: what is published where is decided here, how it gets there is the business of ``serd.link``.
"""

from dataclasses import dataclass
from typing import Final

ONLINE: Final = "online"
OFFLINE: Final = "offline"

STATUS: Final = "status"
EVENT: Final = "event"
STATE: Final = "state"

_FORBIDDEN: Final = str.maketrans(dict.fromkeys("/+#\0", "_"))


def topic_level(name: str) -> str:
    """A name as one level of a topic: what has a meaning in topics becomes an underscore."""
    return name.translate(_FORBIDDEN) or "_"


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
        return f"{self.prefix}/{topic_level(self.node)}/{STATUS}"

    def event(self, source: str) -> str:
        """Where the events of a source go."""
        return self._of(source, EVENT)

    def state(self, source: str) -> str:
        """Where the last emotion of a source stands."""
        return self._of(source, STATE)

    def _of(self, source: str, what: str) -> str:
        return f"{self.prefix}/{topic_level(self.node)}/{topic_level(source)}/{what}"


@dataclass(frozen=True, slots=True)
class ParsedTopic:
    """What a topic of serd is about."""

    node: str
    source: str | None
    """None where the topic is about the whole machine."""
    what: str
    """Last level: STATUS, EVENT, STATE or one that a later version knows."""


def parse_topic(topic: str, prefix: str) -> ParsedTopic | None:
    """Take a topic apart; None where it is none of serd's."""
    if not topic.startswith(f"{prefix}/"):
        return None
    match topic.removeprefix(f"{prefix}/").split("/"):
        case [node, what]:
            return ParsedTopic(node, None, what)
        case [node, source, what]:
            return ParsedTopic(node, source, what)
        case _:
            return None

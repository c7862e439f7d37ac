"""The MQTT topics of serd.

<prefix>/<node>/status                    online or offline, retained
<prefix>/<node>/instance                  which run of the daemon this is, as JSON
<prefix>/<node>/stats                     statistics of the daemon, as JSON
<prefix>/<node>/<source>/availability     online or offline: the audio source, retained
<prefix>/<node>/<source>/problem          why it is offline, or what is wrong with its sound, retained
<prefix>/<node>/<source>/event            every event, as JSON
<prefix>/<node>/<source>/state            the last emotion, plain text, retained
<prefix>/<node>/<source>/mood             shares of the emotions in the last minutes, JSON, retained
<prefix>/<node>/<source>/alert/<name>     ON or OFF: a rule on the mood, retained
<prefix>/<node>/<source>/speech           ON or OFF, retained
<prefix>/<node>/<source>/level            level and likeliest emotions, as JSON
<prefix>/<node>/<source>/<control>        a control's value, retained
<prefix>/<node>/<source>/<control>/set    changes it
<prefix>/<node>/<source>/<control>/error  why a change was refused
<prefix>/<node>/<source>/forget/set       resets the speaker adaptation of the source
"""

from dataclasses import dataclass
from typing import Final

ONLINE: Final = "online"
OFFLINE: Final = "offline"

STATUS: Final = "status"
INSTANCE: Final = "instance"
STATS: Final = "stats"
AVAILABILITY: Final = "availability"
PROBLEM: Final = "problem"
EVENT: Final = "event"
STATE: Final = "state"
MOOD: Final = "mood"
ALERT: Final = "alert"
SPEECH: Final = "speech"
LEVEL: Final = "level"
FORGET: Final = "forget"
SET: Final = "set"
ERROR: Final = "error"

_FORBIDDEN: Final = str.maketrans(dict.fromkeys("/+#\0", "_"))


def topic_level(name: str) -> str:
    """A name as one level of a topic, with an underscore for each character that topics reserve."""
    return name.translate(_FORBIDDEN) or "_"


def is_prefix(text: str) -> bool:
    """Whether topics may begin with ``text``: no empty level, no wildcard, no leading "$"."""
    return all(text.split("/")) and not set(text) & set("+#\0") and not text.startswith("$")


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeTopics:
    """The topics of one machine."""

    prefix: str
    """First part of every topic."""
    node: str
    """Name of the machine, as in events."""

    @property
    def status(self) -> str:
        """Topic of the daemon's status, online or offline."""
        return f"{self._root}/{STATUS}"

    @property
    def instance(self) -> str:
        """Topic on which daemons with the name of the node introduce themselves."""
        return f"{self._root}/{INSTANCE}"

    @property
    def stats(self) -> str:
        """Topic of the statistics."""
        return f"{self._root}/{STATS}"

    def availability(self, source: str) -> str:
        """Topic of an audio source's availability."""
        return self._of_source(source, AVAILABILITY)

    def problem(self, source: str) -> str:
        """Topic of what is wrong with an audio source."""
        return self._of_source(source, PROBLEM)

    def event(self, source: str) -> str:
        """Topic of a source's events."""
        return self._of_source(source, EVENT)

    def state(self, source: str) -> str:
        """Topic of a source's last emotion."""
        return self._of_source(source, STATE)

    def mood(self, source: str) -> str:
        """Topic of a source's mood."""
        return self._of_source(source, MOOD)

    def alert(self, source: str, alert: str) -> str:
        """Topic of an alert of a source."""
        return self._of_source(source, f"{ALERT}/{topic_level(alert)}")

    def speech(self, source: str) -> str:
        """Topic that says whether there is speech at a source."""
        return self._of_source(source, SPEECH)

    def level(self, source: str) -> str:
        """Topic of a source's level and likeliest emotions."""
        return self._of_source(source, LEVEL)

    def control(self, source: str, control: str) -> str:
        """Topic of a control's value."""
        return self._of_source(source, control)

    def control_set(self, source: str, control: str) -> str:
        """Topic of commands that change a control."""
        return self._of_source(source, f"{control}/{SET}")

    def control_error(self, source: str, control: str) -> str:
        """Topic of the reasons why commands were refused."""
        return self._of_source(source, f"{control}/{ERROR}")

    @property
    def _root(self) -> str:
        return f"{self.prefix}/{topic_level(self.node)}"

    def _of_source(self, source: str, rest: str) -> str:
        return f"{self._root}/{topic_level(source)}/{rest}"


@dataclass(frozen=True, slots=True)
class ParsedTopic:
    """The parts of a topic of serd."""

    node: str
    source: str | None
    """None for a topic of the whole machine."""
    what: str
    """The rest of the topic: STATUS, EVENT, "mute/set", or one of a later version."""


def parse_topic(topic: str, prefix: str) -> ParsedTopic | None:
    """Parse a topic; None if it is not one of serd's."""
    if not topic.startswith(f"{prefix}/"):
        return None
    match topic.removeprefix(f"{prefix}/").split("/"):
        case [node, what]:
            return ParsedTopic(node, None, what)
        case [node, source, *what] if 1 <= len(what) <= 2:
            return ParsedTopic(node, source, "/".join(what))
        case _:
            return None

"""Messages that are no events: retained state, and transient messages."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from serd.mqtt.limits import MAX_PACKET_BYTES, packet_bytes

Document = Callable[[int], Mapping[str, str]]
"""Takes the length of the longest message in bytes; gives the retained messages that make up a document,
by topic, none of them longer if that is possible."""

_MAX_CHANGES: Final = 1000
"""Changes of retained state that are sent one by one; beyond that, only the latest of each topic."""
_MAX_TRANSIENT: Final = 100


class RetainedState:
    """The latest retained value of each topic, and everything to send on the present connection.

    A broker may lose its retained messages, so each connection begins with all values. The owner of this
    object locks it.
    """

    def __init__(self, topic: str, payload: str) -> None:
        """Begin with one value, which each connection sends first."""
        self._values = {topic: payload}
        self._changes: deque[tuple[str, str]] = deque()
        self._transient: deque[tuple[str, str]] = deque(maxlen=_MAX_TRANSIENT)
        self._documents: dict[str, Document] = {}
        self._topics: dict[str, set[str]] = {}
        """Topics of each document, by its name."""
        self._max_bytes = MAX_PACKET_BYTES
        """Longest message that the present broker says it takes."""
        self._max_part_bytes = MAX_PACKET_BYTES
        """Longest message of a document in bytes; each one that is left out halves it."""
        self._left_out: dict[str, int] = {}
        """Length in bytes from which a value is not sent, by topic."""
        self._is_connected = False

    @property
    def has_unsent(self) -> bool:
        """Whether there is a message to send."""
        return bool(self._changes or self._transient)

    def connected(self, max_bytes: int = MAX_PACKET_BYTES) -> None:
        """Schedule all values for the new connection.

        Args:
            max_bytes: longest message that the broker says it takes.
        """
        self._is_connected = True
        self._max_bytes = max_bytes
        for name in self._documents:
            self._set_parts(name)
        self._changes = deque(filter(self._is_sent, self._values.items()))

    def disconnected(self) -> None:
        """Schedule nothing until the next connection."""
        self._is_connected = False
        self._changes.clear()
        self._transient.clear()

    def retain(self, topic: str, payload: str) -> None:
        """Set the retained value of a topic."""
        self._values[topic] = payload
        self._schedule([topic])

    def retain_document(self, name: str, document: Document) -> None:
        """Set a document, in as many messages as the broker needs."""
        self._documents[name] = document
        self._set_parts(name)
        self._schedule(sorted(self._topics[name]))

    def _schedule(self, topics: Sequence[str]) -> None:
        """Send the values of topics, if there is a connection."""
        if self._is_connected:
            self._changes += filter(self._is_sent, ((topic, self._values[topic]) for topic in topics))
            if len(self._changes) > _MAX_CHANGES:
                self._changes = deque(filter(self._is_sent, self._values.items()))

    def leave_out(self, topic: str, n_bytes: int) -> None:
        """No longer send ``n_bytes`` or more on a topic; the next connection divides documents."""
        self._left_out[topic] = n_bytes
        if any(topic in topics for topics in self._topics.values()):
            self._max_part_bytes = n_bytes // 2

    def _set_parts(self, name: str) -> None:
        """Set the values of a document; topics that it no longer needs become empty."""
        parts = self._documents[name](min(self._max_bytes, self._max_part_bytes))
        topics = self._topics.setdefault(name, set())
        self._values.update(dict.fromkeys(topics, "") | dict(parts))
        topics.update(parts)

    def _is_sent(self, value: tuple[str, str]) -> bool:
        """Whether a topic's value is not left out."""
        topic, payload = value
        return topic not in self._left_out or packet_bytes(topic, payload) < self._left_out[topic]

    def repeat(self) -> None:
        """Schedule all values again, after another program has changed them at the broker."""
        self._changes.clear()
        self._schedule(tuple(self._values))

    def send(self, topic: str, payload: str) -> None:
        """Schedule a transient message if there is a connection; beyond 100 the oldest is dropped."""
        if self._is_connected and self._is_sent((topic, payload)):
            self._transient.append((topic, payload))

    def pop(self) -> tuple[str, str, bool]:
        """The next message to send: topic, payload and whether the broker retains it.

        Raises:
            IndexError: there is no message to send.
        """
        if self._changes:
            return *self._changes.popleft(), True
        return *self._transient.popleft(), False

    @property
    def next_topic(self) -> str:
        """The topic of the next message to send; empty if there is none."""
        waiting = self._changes or self._transient
        return waiting[0][0] if waiting else ""

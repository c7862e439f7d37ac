"""Messages of a connection that are no events: retained state, transient messages, subscriptions."""

from collections import deque
from collections.abc import Callable
from typing import Final

Handler = Callable[[str, bytes], None]
"""Takes topic and payload of a received message, on the link's thread; must return soon."""

_MAX_CHANGES: Final = 1000
"""Changes of retained state that are sent one by one; beyond it only the latest value of each topic."""
_MAX_TRANSIENT: Final = 100


class RetainedState:
    """The latest retained value of each topic, and everything to send on the present connection.

    A broker may forget what it retains, so each connection begins with all values. The owner of this
    object locks it.
    """

    def __init__(self, topic: str, payload: str) -> None:
        """Begin with one value, which each connection sends first."""
        self._values = {topic: payload}
        self._changes: deque[tuple[str, str]] = deque()
        self._transient: deque[tuple[str, str]] = deque(maxlen=_MAX_TRANSIENT)
        self._handlers: dict[str, list[Handler]] = {}
        self._is_connected = False

    @property
    def has_unsent(self) -> bool:
        """Whether there is a message to send."""
        return bool(self._changes or self._transient)

    @property
    def topic_filters(self) -> tuple[str, ...]:
        """Topic filters to subscribe to; each once, however many handlers it has."""
        return tuple(self._handlers)

    def connected(self) -> None:
        """Schedule all values for the new connection."""
        self._is_connected = True
        self._changes = deque(self._values.items())

    def disconnected(self) -> None:
        """Schedule nothing until the next connection."""
        self._is_connected = False
        self._changes.clear()
        self._transient.clear()

    def retain(self, topic: str, payload: str) -> None:
        """Set the retained value of a topic."""
        self._values[topic] = payload
        if self._is_connected:
            self._changes.append((topic, payload))
            if len(self._changes) > _MAX_CHANGES:
                self._changes = deque(self._values.items())

    def repeat(self) -> None:
        """Schedule all values again, since another program has changed them at the broker."""
        if self._is_connected:
            self._changes = deque(self._values.items())

    def send(self, topic: str, payload: str) -> None:
        """Schedule a transient message; beyond 100 the oldest is dropped, without a connection all."""
        if self._is_connected:
            self._transient.append((topic, payload))

    def pop(self) -> tuple[str, str, bool]:
        """The next message to send: topic, payload and whether the broker retains it.

        Raises:
            IndexError: there is no message to send.
        """
        if self._changes:
            return *self._changes.popleft(), True
        return *self._transient.popleft(), False

    def subscribe(self, topic_filter: str, handler: Handler) -> bool:
        """Add a handler; return whether the present connection must subscribe to the filter."""
        handlers = self._handlers.setdefault(topic_filter, [])
        handlers.append(handler)
        return self._is_connected and len(handlers) == 1

    def handlers_of(self, topic: str) -> list[Handler]:
        """The handlers whose filter matches a topic."""
        from paho.mqtt.client import topic_matches_sub  # noqa: PLC0415

        return [
            handler
            for topic_filter, handlers in self._handlers.items()
            if topic_matches_sub(topic_filter, topic)
            for handler in handlers
        ]

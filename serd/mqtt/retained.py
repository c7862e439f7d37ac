"""What each new connection to a broker begins with: present values and subscriptions."""

from collections import deque
from collections.abc import Callable
from typing import Final

Handler = Callable[[str, bytes], None]
"""Takes topic and payload of a message, on the network's thread; must return soon."""

_MAX_DUE: Final = 1000
"""Changes of present values that are told one by one; beyond it only what stands there in the end."""
_MAX_PASSING: Final = 100


class RetainedState:
    """Present values by topic, what the broker must be told of them, and what passes by.

    It locks nothing: whoever owns it does.
    """

    def __init__(self, topic: str, payload: str) -> None:
        """Begin with one value, which stays the first that each connection is told."""
        self._present = {topic: payload}
        self._due: deque[tuple[str, str]] = deque()
        self._passing: deque[tuple[str, str]] = deque(maxlen=_MAX_PASSING)
        self._handlers: dict[str, list[Handler]] = {}
        self._is_up = False

    def __bool__(self) -> bool:
        return bool(self._due or self._passing)

    @property
    def filters(self) -> tuple[str, ...]:
        """What is subscribed to; each once, however many handlers it has."""
        return tuple(self._handlers)

    def begin(self) -> None:
        """A connection is there: all values are due."""
        self._is_up = True
        self._due = deque(self._present.items())

    def end(self) -> None:
        """It is gone: nothing is due until the next."""
        self._is_up = False
        self._due.clear()
        self._passing.clear()

    def retain(self, topic: str, payload: str) -> None:
        """Set what stands on a topic."""
        self._present[topic] = payload
        if self._is_up:
            self._due.append((topic, payload))
            if len(self._due) > _MAX_DUE:
                self._due = deque(self._present.items())

    def send(self, topic: str, payload: str) -> None:
        """Take a message that is worth nothing later; the oldest of too many gives way."""
        if self._is_up:
            self._passing.append((topic, payload))

    def next(self) -> tuple[str, str, bool] | None:
        """What must be sent next: topic, payload and whether it is retained; None if there is none."""
        if self._due:
            return *self._due.popleft(), True
        if self._passing:
            return *self._passing.popleft(), False
        return None

    def subscribe(self, topic_filter: str, handler: Handler) -> bool:
        """Add a handler; whether the broker must be asked now."""
        handlers = self._handlers.setdefault(topic_filter, [])
        handlers.append(handler)
        return self._is_up and len(handlers) == 1

    def handlers(self, topic: str) -> list[Handler]:
        """Who wants the messages on a topic."""
        from paho.mqtt.client import topic_matches_sub  # noqa: PLC0415

        return [
            handler
            for topic_filter, handlers in self._handlers.items()
            if topic_matches_sub(topic_filter, topic)
            for handler in handlers
        ]

"""The topics that serd receives, and who takes their messages."""

from collections.abc import Callable

Handler = Callable[[str, bytes], None]
"""Takes topic and payload of a received message, on the link's thread; must return soon."""


class Subscriptions:
    """The handlers of each topic, over all connections. The owner of this object locks it.

    No topic has a wildcard, so that nobody else chooses topics that serd receives.
    """

    def __init__(self) -> None:
        self._handlers: dict[str, list[Handler]] = {}

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics to subscribe to; each once, however many handlers it has."""
        return tuple(self._handlers)

    def add(self, topic: str, handler: Handler) -> bool:
        """Add a handler; return whether the topic is new."""
        handlers = self._handlers.setdefault(topic, [])
        handlers.append(handler)
        return len(handlers) == 1

    def handlers_of(self, topic: str) -> tuple[Handler, ...]:
        """The handlers of a topic, in the order in which they were added."""
        return tuple(self._handlers.get(topic, ()))

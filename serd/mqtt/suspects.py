"""Finds the message that makes a broker close the connection."""

from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Suspects(Generic[Key]):
    """Messages that were in flight when a connection broke.

    A broker may close the connection because of a message, for example one that is too long, and MQTT
    3.1.1 has no way to say which. After a break with messages in flight, the next connection carries one
    message at a time. If two connections in a row break while the same message alone is in flight, each
    after the broker has answered another one, that message is the cause. One such break proves nothing:
    a broker that restarts interrupts whatever is in flight. So that a second restart proves nothing
    either, the queue sends the message again only after the connection has lasted for a while. A broker
    or a network that fails altogether answers no message and so gives no evidence. The owner of this
    object locks it.
    """

    def __init__(self) -> None:
        self._suspects: set[Key] = set()
        self.alone: Key | None = None
        """The message that was alone in flight at the last break, after others were answered."""
        self._has_answer = False

    @property
    def are_there(self) -> bool:
        """Whether messages are to be sent one at a time."""
        return bool(self._suspects)

    def connected(self) -> None:
        """Begin a connection."""
        self._has_answer = False

    def answered(self, key: Key) -> None:
        """Note that the broker has answered a message."""
        self._has_answer = True
        self._suspects.discard(key)
        if key == self.alone:
            self.alone = None

    def drained(self) -> None:
        """Clear all suspects: everything that could be sent was answered."""
        self._suspects.clear()

    def broken(self, in_flight: Sequence[Key]) -> Key | None:
        """Note the end of a connection with its messages in flight; return the cause, if it is known."""
        if not in_flight:
            return None
        only = in_flight[0] if len(in_flight) == 1 and self._has_answer else None
        is_cause = only is not None and only == self.alone
        self.alone = None if is_cause else only
        self._suspects = set() if is_cause else set(in_flight)
        return only if is_cause else None

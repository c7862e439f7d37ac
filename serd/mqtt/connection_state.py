"""The state of the connection to the broker, as the event queue sees it."""

from collections.abc import Callable
from typing import Final

_FIRST_CONNECTION_S: Final = 3.0
"""Time for the first connection, in seconds, after which the broker counts as away."""


class ConnectionState:
    """The state of the connection to the broker. The owner of this object locks it."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Begin with the first connection under way.

        Args:
            monotonic: the clock, in seconds.
        """
        self._monotonic = monotonic
        self._started_s = monotonic()
        self._is_lost = False
        self.is_up = False
        """Whether there is a connection."""
        self._connected_s = 0.0
        self.epoch = 0
        """Number of connections, of their ends and of failed attempts so far."""
        self.first_live_number = 1
        """Number of the first event that is not marked as replayed."""

    @property
    def is_first(self) -> bool:
        """Whether the first connection is still under way."""
        return self.epoch == 0

    @property
    def is_away(self) -> bool:
        """Whether the connection was lost, or the first takes too long."""
        is_overdue = self.is_first and self._monotonic() - self._started_s > _FIRST_CONNECTION_S
        return self._is_lost or is_overdue

    @property
    def age_s(self) -> float:
        """How long the present connection has lasted, in seconds; without one 0."""
        return self._monotonic() - self._connected_s if self.is_up else 0.0

    def connected(self, next_number: int) -> None:
        """Note a new connection; ``next_number`` is that of the event that will be put next."""
        if self.is_away:
            self.first_live_number = next_number
        self.epoch += 1
        self.is_up, self._is_lost = True, False
        self._connected_s = self._monotonic()

    def disconnected(self) -> None:
        """Note the end of a connection, or a failed attempt."""
        self.epoch += 1
        self.is_up, self._is_lost = False, True

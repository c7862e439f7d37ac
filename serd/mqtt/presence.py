"""Whether the broker is there, and since when."""

from collections.abc import Callable
from typing import Final

_FIRST_ATTEMPT_S: Final = 3.0
"""How long the first connection may take before the broker counts as away."""


class Presence:
    """How the connection to a broker stands. It locks nothing: whoever owns it does."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """The first connection is under way.

        Args:
            monotonic: the clock, in seconds.
        """
        self._monotonic = monotonic
        self._started_s = monotonic()
        self._is_lost = False
        self.is_up = False
        """Whether there is a connection."""
        self.number = 0
        """Counts connections and their ends."""
        self.first_fresh = 1
        """Events with a smaller number were taken while the broker was away."""

    @property
    def is_first(self) -> bool:
        """Whether the first connection is still under way."""
        return self.number == 0

    @property
    def is_away(self) -> bool:
        """Whether the connection was lost, or the first takes too long."""
        is_overdue = self.is_first and self._monotonic() - self._started_s > _FIRST_ATTEMPT_S
        return self._is_lost or is_overdue

    def came(self, next_number: int) -> None:
        """There is a connection; ``next_number`` is that of the event that will be taken next."""
        if self.is_away:
            self.first_fresh = next_number
        self.number += 1
        self.is_up, self._is_lost = True, False

    def went(self) -> None:
        """It is gone."""
        self.number += 1
        self.is_up, self._is_lost = False, True

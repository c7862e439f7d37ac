"""How long to wait between attempts at something that may come back at any time.

The pauses grow, so that nobody is stormed, and are spread at random, so that many machines which lost
the same thing at the same moment do not come back to it at the same moment.
"""

from collections.abc import Callable


class Pauses:
    """Pauses that double from ``first_s`` on, each spread by half of itself, up to ``most_s``."""

    def __init__(self, *, first_s: float, most_s: float, random: Callable[[], float]) -> None:
        """Begin with the shortest.

        Args:
            first_s: middle of the first pause, in seconds, above 0.
            most_s: the longest pause, in seconds.
            random: numbers from 0 to below 1, ``random.random`` for one.
        """
        self._first_s = first_s
        self._most_s = most_s
        self._random = random
        self._middle_s = first_s

    def next_s(self) -> float:
        """The pause before the next attempt, in seconds."""
        pause_s = min(self._most_s, self._middle_s * (0.5 + self._random()))
        self._middle_s = min(self._most_s / 1.5, 2.0 * self._middle_s)
        return pause_s

    def reset(self) -> None:
        """Begin anew: what came back has stayed."""
        self._middle_s = self._first_s

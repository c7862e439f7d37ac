"""The pauses between attempts to connect to a broker."""

from collections.abc import Callable


class Backoff:
    """Pauses that double from ``first_s`` up to ``max_s``, each with a jitter of half its length."""

    def __init__(self, *, first_s: float, max_s: float, random: Callable[[], float]) -> None:
        """Begin with the shortest pause.

        Args:
            first_s: mean of the first pause, in seconds, above 0.
            max_s: the longest pause, in seconds.
            random: gives numbers from 0 to below 1, like ``random.random``.
        """
        self._first_s = first_s
        self._max_s = max_s
        self._random = random
        self._mean_s = first_s

    def next_s(self) -> float:
        """The pause before the next attempt, in seconds."""
        pause_s = min(self._max_s, self._mean_s * (0.5 + self._random()))
        self._mean_s = min(self._max_s / 1.5, 2.0 * self._mean_s)
        return pause_s

    def reset(self) -> None:
        """Return to the shortest pause, after a connection that lasted."""
        self._mean_s = self._first_s

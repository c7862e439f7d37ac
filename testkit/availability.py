"""The availability of a source that a daemon publishes, as it is lost and comes back."""

import itertools
import time
from typing import Final

from testkit.brokers import Listener, wait_until
from testkit.daemons import Daemon

PATIENCE_S: Final = 45.0
"""Time limit for one change, in seconds: more than the longest pause between two attempts."""


class Availability:
    """What a daemon has published about one source."""

    def __init__(self, daemon: Daemon, listener: Listener, topic: str) -> None:
        """Watch a source.

        Args:
            daemon: has the source.
            listener: hears the daemon.
            topic: of the availability.
        """
        self._daemon = daemon
        self._listener = listener
        self._topic = topic

    @property
    def states(self) -> list[str]:
        """The states so far, without repeats."""
        return [text for text, _ in itertools.groupby(self._listener.of(self._topic))]

    def wait_for(self, states: list[str]) -> float:
        """Wait until the source went through exactly these states; returns the time it took, in seconds.

        Raises:
            AssertionError: it went through others, or not in time, or the daemon ended.
        """
        started_s = time.monotonic()
        wait_until(
            lambda: len(self.states) >= len(states) or self._daemon.process.poll() is not None,
            f"availability {states[-1]}",
            PATIENCE_S,
        )
        elapsed_s = time.monotonic() - started_s
        if self.states != states:
            raise AssertionError(f"got {self.states}, expected {states}; the log: {self._daemon.log}")
        return elapsed_s

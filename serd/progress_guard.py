"""Decides from the progress of the sound sources whether the daemon is alive.

A daemon may look well and be deaf: its process is there, its threads wait, and no sound passes. Hence
the watchdog is fed only while each source shows signs: blocks of sound, or the attempts to find a
source again that is known to be away.
"""

from collections.abc import Iterable


class ProgressGuard:
    """Remembers the latest sign of each source. All times are of one monotonic clock, in seconds."""

    def __init__(self, sources: Iterable[str], *, limit_s: float, at_s: float) -> None:
        """Begin to watch.

        Args:
            sources: names of the sources that must show signs from now on.
            limit_s: longest time without a sign, in seconds; above 0.
            at_s: now; a source that never shows a sign is stuck ``limit_s`` later.
        """
        if not limit_s > 0.0:
            raise ValueError(f"limit_s = {limit_s}, expected more than 0 seconds")
        self.limit_s = limit_s
        self._latest_s = dict.fromkeys(sources, at_s)

    def progress(self, source: str, at_s: float) -> None:
        """A source has shown a sign. One that is not watched yet is watched from now on."""
        self._latest_s[source] = max(at_s, self._latest_s.get(source, at_s))

    def forget(self, source: str) -> None:
        """A source has ended, and owes no sign any more."""
        self._latest_s.pop(source, None)

    def stuck(self, at_s: float) -> tuple[str, ...]:
        """Names of the sources without a sign for more than ``limit_s`` seconds."""
        return tuple(name for name, seen_s in self._latest_s.items() if at_s - seen_s > self.limit_s)

    def is_alive(self, at_s: float) -> bool:
        """Whether no source is stuck; with no source there is nothing that could be."""
        return not self.stuck(at_s)

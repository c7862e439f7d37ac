"""Feeds the service manager's watchdog with the progress of the sound, never by a timer.

    a block of sound, an attempt to find a microphone again -> ProgressGuard -> WATCHDOG=1

There is no thread here: if nothing progresses, nothing calls, and the watchdog starves.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Final

from serd.daemon.systemd import ServiceManager


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


_log = logging.getLogger("serd.watchdog")

_FEEDS: Final = 3
"""Feeds in the time that the manager allows; sd_watchdog_enabled(3) recommends two at least."""
_SHARE: Final = 0.5
"""Share of the manager's time after which a source without a sign is stuck."""
_MAX_PAUSE_S: Final = 1.0
"""Longest pause between two feeds while sound passes, in seconds."""


class Watchdog:
    """Told by the daemon's loop of each sign of progress of every source."""

    def __init__(
        self, manager: ServiceManager, sources: Iterable[str], monotonic: Callable[[], float]
    ) -> None:
        """Begin to watch; where the manager keeps no watchdog, nothing is ever done.

        Args:
            manager: who is fed.
            sources: names of the sources that must show signs, each in less than half the manager's
                time.
            monotonic: the clock, in seconds.
        """
        self._manager = manager
        self._monotonic = monotonic
        self._stuck: tuple[str, ...] = ()
        allowed_s = manager.watchdog_s
        self._guard: ProgressGuard | None = None
        if allowed_s is not None:
            now_s = monotonic()
            self._guard = ProgressGuard(sources, limit_s=_SHARE * allowed_s, at_s=now_s)
            self._pause_s = min(allowed_s / _FEEDS, _MAX_PAUSE_S)
            self._next_s = now_s

    def progress(self, source: str) -> None:
        """A source gave sound, or is away and was looked for; feeds if that is due and all are well."""
        if self._guard is None:
            return
        now_s = self._monotonic()
        self._guard.progress(source, now_s)
        if now_s < self._next_s:
            return
        self._next_s = now_s + self._pause_s
        stuck = self._guard.stuck(now_s)
        changed, self._stuck = stuck != self._stuck, stuck
        if not stuck:
            self._manager.watchdog()
        elif changed:
            _log.error(
                "no sign of source %s for more than %g s: the watchdog is fed no more",
                ", ".join(stuck),
                self._guard.limit_s,
            )

    def forget(self, source: str) -> None:
        """A source has ended for good."""
        if self._guard is not None:
            self._guard.forget(source)

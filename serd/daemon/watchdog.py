"""Notifies the service manager's watchdog as long as every source makes progress.

A block of sound is progress, and so is an attempt to reopen a lost source. Each one comes from the
daemon's loop:

    feeder -> inbox -> daemon's loop -> Watchdog.progress -> ProgressGuard -> WATCHDOG=1

Neither a thread nor a timer sends the notification. If the loop hangs, or a source blocks inside its
library without an error, there is no progress, the notifications stop, and the service manager restarts
serd. With several sources, one without progress is enough.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Final

from serd.daemon.systemd import ServiceManager

_log = logging.getLogger("serd.watchdog")

_NOTIFICATIONS_PER_TIMEOUT: Final = 3
"""Notifications within the watchdog's timeout; sd_watchdog_enabled(3) recommends at least two."""
_STUCK_SHARE: Final = 0.5
"""Share of the watchdog's timeout after which a source without progress is stuck."""
_MAX_INTERVAL_S: Final = 1.0
"""Longest time between two notifications while sound arrives, in seconds."""


class ProgressGuard:
    """Finds sources without progress. All times are of one monotonic clock, in seconds."""

    def __init__(self, sources: Iterable[str], *, limit_s: float, at_s: float) -> None:
        """Create a guard for some sources.

        Args:
            sources: names of the sources.
            limit_s: longest time without progress, in seconds; above 0.
            at_s: the present time; a source that never makes progress is stuck ``limit_s`` later.

        Raises:
            ValueError: ``limit_s`` is not above 0.
        """
        if not limit_s > 0.0:
            raise ValueError(f"limit_s = {limit_s}, expected more than 0 seconds")
        self.limit_s = limit_s
        self._latest_s = dict.fromkeys(sources, at_s)

    def progress(self, source: str, at_s: float) -> None:
        """Record progress of a source; a new source is guarded from now on."""
        self._latest_s[source] = max(at_s, self._latest_s.get(source, at_s))

    def forget(self, source: str) -> None:
        """Stop guarding a source that has ended."""
        self._latest_s.pop(source, None)

    def stuck(self, at_s: float) -> tuple[str, ...]:
        """Names of the sources without progress for more than ``limit_s`` seconds."""
        return tuple(name for name, last_s in self._latest_s.items() if at_s - last_s > self.limit_s)


class Watchdog:
    """Sends the watchdog's notifications; the daemon's loop calls it on each progress of a source."""

    def __init__(
        self, manager: ServiceManager, sources: Iterable[str], monotonic: Callable[[], float]
    ) -> None:
        """Create the watchdog; it does nothing if the service manager has none.

        Args:
            manager: receives the notifications.
            sources: names of the sources; each must make progress within half the watchdog's timeout.
            monotonic: the clock, in seconds.
        """
        self._manager = manager
        self._monotonic = monotonic
        self._stuck: tuple[str, ...] = ()
        timeout_s = manager.watchdog_s
        self._guard: ProgressGuard | None = None
        if timeout_s is not None:
            now_s = monotonic()
            self._guard = ProgressGuard(sources, limit_s=_STUCK_SHARE * timeout_s, at_s=now_s)
            self._interval_s = min(timeout_s / _NOTIFICATIONS_PER_TIMEOUT, _MAX_INTERVAL_S)
            self._due_s = now_s

    def progress(self, source: str) -> None:
        """Record progress of a source; send a notification if one is due and no source is stuck."""
        if self._guard is None:
            return
        now_s = self._monotonic()
        self._guard.progress(source, now_s)
        if now_s < self._due_s:
            return
        self._due_s = now_s + self._interval_s
        stuck = self._guard.stuck(now_s)
        has_changed, self._stuck = stuck != self._stuck, stuck
        if not stuck:
            self._manager.watchdog()
        elif has_changed:
            _log.error(
                "no progress of source %s for more than %g s: watchdog notifications stop",
                ", ".join(stuck),
                self._guard.limit_s,
            )

    def forget(self, source: str) -> None:
        """Stop watching a source that has ended."""
        if self._guard is not None:
            self._guard.forget(source)

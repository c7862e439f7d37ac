"""Notifies the service manager's watchdog as long as every part of the daemon gives signs of life.

A block of sound is a sign of life of its source, and so is an attempt to reopen a lost source. Each one
comes from the daemon's loop:

    feeder -> inbox -> daemon's loop -> Feeder.progress -> Watchdog.progress -> WATCHDOG=1

Neither a thread nor a timer sends the notification. If the loop hangs, if a source blocks inside its
library without an error, or if another thread hangs (``serd.daemon.supervisor``), the notifications
stop, and the service manager restarts serd. One part without a sign of life is enough.
"""

import logging
from collections.abc import Callable
from typing import Final

from serd.daemon.supervisor import SILENCE_S, Supervisor
from serd.daemon.systemd import ServiceManager

_log = logging.getLogger("serd.watchdog")

_NOTIFICATIONS_PER_TIMEOUT: Final = 3
"""Notifications within the watchdog's timeout; sd_watchdog_enabled(3) recommends at least two."""
_SILENT_SHARE: Final = 0.5
"""Share of the watchdog's timeout after which a part without a sign of life is stuck."""
_MAX_INTERVAL_S: Final = 1.0
"""Longest time between two notifications while sound arrives, in seconds."""


def silence_s(manager: ServiceManager) -> float:
    """Time without a sign of life after which a part of the daemon is stuck, in seconds."""
    return SILENCE_S if manager.watchdog_s is None else _SILENT_SHARE * manager.watchdog_s


class Watchdog:
    """Sends the watchdog's notifications; the daemon's loop calls it on each progress of a source."""

    def __init__(
        self, manager: ServiceManager, supervisor: Supervisor, monotonic: Callable[[], float]
    ) -> None:
        """Create the watchdog; it does nothing if the service manager has none.

        Args:
            manager: receives the notifications.
            supervisor: watches the parts of the daemon.
            monotonic: the clock, in seconds.
        """
        self._manager = manager
        self._supervisor = supervisor
        self._monotonic = monotonic
        self._silent: tuple[str, ...] = ()
        self._interval_s = min((manager.watchdog_s or 0.0) / _NOTIFICATIONS_PER_TIMEOUT, _MAX_INTERVAL_S)
        self._due_s = monotonic()

    def progress(self) -> None:
        """Send a notification if one is due and no part is stuck."""
        now_s = self._monotonic()
        if self._manager.watchdog_s is None or now_s < self._due_s:
            return
        self._due_s = now_s + self._interval_s
        silent = self._supervisor.silent()
        has_changed, self._silent = silent != self._silent, silent
        if not silent:
            self._manager.watchdog()
        elif has_changed:
            _log.error(
                "no sign of life of %s for more than %g s: watchdog notifications stop",
                ", ".join(silent),
                self._supervisor.silence_s,
            )

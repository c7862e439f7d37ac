"""Notifications to the service manager, in systemd's protocol.

Datagrams of ``NAME=value`` lines to the socket that ``$NOTIFY_SOCKET`` names, as sd_notify(3) and
sd_watchdog_enabled(3) describe them. Without this variable nothing is sent.
"""

import contextlib
import os
import socket
import time
from collections.abc import Mapping
from typing import Final

UNIT: Final = "serd.service"
"""Name of the unit of the service, of the machine's and of a user's."""
_SOCKET: Final = "NOTIFY_SOCKET"
_WATCHDOG_USEC: Final = "WATCHDOG_USEC"
_WATCHDOG_PID: Final = "WATCHDOG_PID"
_READY_TIMEOUT_S: Final = 1.0
_RETRY_S: Final = 0.01


class ServiceManager:
    """The service manager that started the daemon. No method fails, and only ``ready`` may block.

    A notification that does not fit into the manager's queue is dropped, since another status or
    watchdog notification follows soon. ``ready`` is sent once, and the start of the service fails
    without it, so it retries for up to one second.
    """

    def __init__(self, environment: Mapping[str, str], *, pid: int | None = None) -> None:
        """Open the socket that the environment names.

        Args:
            environment: variables of the process.
            pid: id of the process that the watchdog must watch; by default that of this process.
        """
        self._socket: socket.socket | None = None
        self._address = environment.get(_SOCKET, "")
        self._status = ""
        self.watchdog_s = _watchdog_s(environment, os.getpid() if pid is None else pid)
        """Timeout of the watchdog, in seconds; None without a watchdog."""
        if self._address.startswith(("/", "@")):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)

    @property
    def is_present(self) -> bool:
        """Whether there is a service manager that expects notifications."""
        return self._socket is not None

    def ready(self, status: str) -> None:
        """Notify that the start, or a reload, is complete."""
        self._send("READY=1", _status_line(status), timeout_s=_READY_TIMEOUT_S)

    def status(self, text: str) -> None:
        """Set the line that ``systemctl status`` shows; sent only if it has changed."""
        if text != self._status:
            self._send(_status_line(text))
        self._status = text

    def reloading(self) -> None:
        """Notify that a reload of the settings has begun; ``ready`` completes it."""
        self._send(
            "RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"
        )

    def stopping(self) -> None:
        """Notify that the shutdown has begun."""
        self._send("STOPPING=1")

    def watchdog(self) -> None:
        """Notify the watchdog; required at least once in ``watchdog_s``."""
        self._send("WATCHDOG=1")

    def close(self) -> None:
        """Close the socket; later notifications are dropped."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, *lines: str, timeout_s: float = 0.0) -> None:
        if self._socket is None:
            return
        # An abstract address begins with a zero byte, written as "@".
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        deadline_s = time.monotonic() + timeout_s
        with contextlib.suppress(OSError):
            while True:
                try:
                    self._socket.sendto("\n".join(lines).encode(), address)
                except BlockingIOError:
                    if time.monotonic() >= deadline_s:
                        return
                    time.sleep(_RETRY_S)
                else:
                    return


def _status_line(text: str) -> str:
    return f"STATUS={' '.join(text.split())}"


def _watchdog_s(environment: Mapping[str, str], pid: int) -> float | None:
    try:
        interval_s = int(environment.get(_WATCHDOG_USEC, "")) / 1e6
        watched_pid = int(environment.get(_WATCHDOG_PID) or pid)
    except ValueError:
        return None
    return interval_s if interval_s > 0.0 and watched_pid == pid else None

"""Tells the service manager how the daemon fares, in systemd's protocol.

Datagrams of ``NAME=value`` lines to the socket that ``$NOTIFY_SOCKET`` names, as sd_notify(3) and
sd_watchdog_enabled(3) describe them. Where there is no such variable, nothing is sent.
"""

import contextlib
import os
import socket
import time
from collections.abc import Mapping
from typing import Final

_SOCKET: Final = "NOTIFY_SOCKET"
_WATCHDOG_USEC: Final = "WATCHDOG_USEC"
_WATCHDOG_PID: Final = "WATCHDOG_PID"
_READY_WAIT_S: Final = 1.0
_RETRY_S: Final = 0.01


class ServiceManager:
    """Who started us and wants to know. No method fails, and none but ``ready`` waits.

    A message that does not fit into the manager's queue is left out; another status, another sign of
    life comes soon. ``ready`` comes once, and the start fails without it: it waits for a second.
    """

    def __init__(self, environment: Mapping[str, str], *, pid: int | None = None) -> None:
        """Open the socket.

        Args:
            environment: the variables of the process; nothing in them is changed.
            pid: number of the process that the watchdog must watch; by default our own.
        """
        self._socket: socket.socket | None = None
        self._address = environment.get(_SOCKET, "")
        self._status = ""
        self.watchdog_s = _watchdog_s(environment, os.getpid() if pid is None else pid)
        """Longest silence that the watchdog accepts, in seconds; None where nobody watches."""
        if self._address.startswith(("/", "@")):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)

    @property
    def is_there(self) -> bool:
        """Whether somebody wants to know."""
        return self._socket is not None

    def ready(self, status: str) -> None:
        """All is up (also: up again behind ``reloading``)."""
        self._send("READY=1", _status_line(status), wait_s=_READY_WAIT_S)

    def status(self, text: str) -> None:
        """One line for ``systemctl status``; sent if it differs from the last one."""
        if text != self._status:
            self._send(_status_line(text))
        self._status = text

    def reloading(self) -> None:
        """The settings are read again; ``ready`` ends it."""
        self._send(
            "RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"
        )

    def stopping(self) -> None:
        """The end has begun."""
        self._send("STOPPING=1")

    def watchdog(self) -> None:
        """Still at work; must come more often than each ``watchdog_s``."""
        self._send("WATCHDOG=1")

    def close(self) -> None:
        """Close the socket; nothing is sent any more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, *lines: str, wait_s: float = 0.0) -> None:
        if self._socket is None:
            return
        # "@" stands for the zero byte that an abstract address begins with.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        deadline = time.monotonic() + wait_s
        with contextlib.suppress(OSError):
            while True:
                try:
                    self._socket.sendto("\n".join(lines).encode(), address)
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        return
                    time.sleep(_RETRY_S)
                else:
                    return


def _status_line(text: str) -> str:
    return f"STATUS={' '.join(text.split())}"


def _watchdog_s(environment: Mapping[str, str], pid: int) -> float | None:
    try:
        interval_s = int(environment.get(_WATCHDOG_USEC, "")) / 1e6
        watched = int(environment.get(_WATCHDOG_PID) or pid)
    except ValueError:
        return None
    return interval_s if interval_s > 0.0 and watched == pid else None

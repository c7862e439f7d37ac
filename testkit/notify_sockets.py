"""A substitute for systemd: the socket that receives a daemon's notifications."""

import contextlib
import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from testkit.brokers import DEADLINE_S


class NotifySocket:
    """The receiving end; ``address`` is the value for ``$NOTIFY_SOCKET``."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0", 1))

    def read(self, timeout_s: float = DEADLINE_S) -> dict[str, str]:
        """Wait for the next message.

        Raises:
            TimeoutError: none came in time.
        """
        self._socket.settimeout(timeout_s)
        lines = self._socket.recv(65536).decode().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def read_until(self, name: str, timeout_s: float = DEADLINE_S) -> list[dict[str, str]]:
        """Wait for all messages up to the first that contains the field ``name``.

        Raises:
            TimeoutError: the next one did not come in time.
        """
        messages = [self.read(timeout_s)]
        while name not in messages[-1]:
            messages.append(self.read(timeout_s))
        return messages

    def becomes_silent(self, span_s: float) -> bool:
        """Whether the messages stop, that is, none comes for ``span_s`` seconds."""
        deadline_s = time.monotonic() + 4 * DEADLINE_S
        while time.monotonic() < deadline_s:
            try:
                self.read(span_s)
            except TimeoutError:
                return True
        return False

    def waiting(self) -> list[dict[str, str]]:
        """The messages that have arrived, without waiting."""
        messages = []
        with contextlib.suppress(TimeoutError, BlockingIOError):
            while True:
                messages.append(self.read(0.0))
        return messages

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


@contextlib.contextmanager
def notify_socket(folder: Path, *, is_abstract: bool = False) -> Iterator[NotifySocket]:
    """A notification socket at a path in ``folder`` or at an abstract address."""
    name = f"serd-notify-{secrets.token_hex(4)}"
    manager = NotifySocket(f"@{name}" if is_abstract else str(folder / name))
    try:
        yield manager
    finally:
        manager.close()

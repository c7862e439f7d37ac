"""Service managers for tests: a socket that reads what a daemon tells systemd."""

import contextlib
import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from testkit.brokers import DEADLINE_S


class NotifySocket:
    """The reading end; ``address`` belongs into ``$NOTIFY_SOCKET``."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0", 1))

    def read(self, timeout_s: float = DEADLINE_S) -> dict[str, str]:
        """The next message, waiting for it.

        Raises:
            TimeoutError: none came in time.
        """
        self._socket.settimeout(timeout_s)
        lines = self._socket.recv(65536).decode().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def read_until(self, name: str, timeout_s: float = DEADLINE_S) -> list[dict[str, str]]:
        """All messages up to the first that holds ``name``.

        Raises:
            TimeoutError: the next one did not come in time.
        """
        messages = [self.read(timeout_s)]
        while name not in messages[-1]:
            messages.append(self.read(timeout_s))
        return messages

    def falls_silent(self, span_s: float) -> bool:
        """Whether, after what is under way, nothing comes for so long; False if that never ends."""
        deadline_s = time.monotonic() + 4 * DEADLINE_S
        while time.monotonic() < deadline_s:
            try:
                self.read(span_s)
            except TimeoutError:
                return True
        return False

    def waiting(self) -> list[dict[str, str]]:
        """All messages that are there already."""
        messages = []
        with contextlib.suppress(TimeoutError, BlockingIOError):
            while True:
                messages.append(self.read(0.0))
        return messages

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()


@contextlib.contextmanager
def notify_socket(folder: Path, *, is_abstract: bool = False) -> Iterator[NotifySocket]:
    """A fake service manager, at a path in ``folder`` or at an abstract address."""
    name = f"serd-notify-{secrets.token_hex(4)}"
    manager = NotifySocket(f"@{name}" if is_abstract else str(folder / name))
    try:
        yield manager
    finally:
        manager.close()

"""Pipes and connections whose bytes a test defines."""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from typing import Final

_DRIP_S: Final = 0.02
"""Time between two writes of a dripping connection, in seconds."""


def fed_pipe(parts: list[bytes]) -> int:
    """Write the parts to a pipe, and return its reading end."""
    read, write = os.pipe()

    def write_all() -> None:
        for part in parts:
            os.write(write, part)
        os.close(write)

    threading.Thread(target=write_all).start()
    return read


@contextlib.contextmanager
def dripping(address: tuple[str, int], data: bytes) -> Iterator[socket.socket]:
    """Connect, and send the same bytes again and again, until the block or the connection ends."""
    is_over = threading.Event()

    def drip() -> None:
        with contextlib.suppress(OSError):
            while not is_over.wait(_DRIP_S):
                client.sendall(data)

    with socket.create_connection(address) as client:
        thread = threading.Thread(target=drip)
        thread.start()
        try:
            yield client
        finally:
            is_over.set()
            with contextlib.suppress(OSError):  # a write that waits for the other side ends
                client.shutdown(socket.SHUT_RDWR)
            thread.join()

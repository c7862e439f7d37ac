"""Pipes whose bytes a test defines."""

import os
import threading


def fed_pipe(parts: list[bytes]) -> int:
    """Write the parts to a pipe, and return its reading end."""
    read, write = os.pipe()

    def write_all() -> None:
        for part in parts:
            os.write(write, part)
        os.close(write)

    threading.Thread(target=write_all).start()
    return read

"""Keeps what C libraries print out of the log.

PortAudio and ALSA write a dozen lines to file descriptor 2 each time that a device does not open, and
the TFLite runtime one when it starts. None of them says more than the error that serd raises.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO


def own_stderr() -> TextIO:
    """Take standard error for this process's Python alone; C libraries write into the void from now on.

    Returns:
        A stream on what standard error was, line by line; ``sys.stderr`` is the same.
    """
    stream = os.fdopen(os.dup(sys.stderr.fileno()), "w", buffering=1, errors="backslashreplace")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stderr.fileno())
    os.close(nowhere)
    sys.stderr = stream
    return stream


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Let file descriptor 2 lead into the void for a while, for this whole process."""
    saved = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(null)
        os.close(saved)

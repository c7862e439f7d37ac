"""Standard output of the daemon, whose reader may stop reading.

A terminal after Ctrl-S, a pager and a program that hangs leave a full pipe. A daemon that listens to a
microphone must not wait for them, or it stops listening and publishing. So lines for a reader that does
not take them wait here, and beyond ``MAX_LINES`` the oldest are dropped. Recordings and standard input
can wait: they are read no faster than the reader takes their events, and nothing is dropped.
"""

import contextlib
import logging
import math
import os
import select
import time
from collections import deque
from typing import Final, TextIO

from serd.errors import PublishError

MAX_LINES: Final = 1000
"""Lines that wait for a reader at most; an event is a line."""
_CHUNK_BYTES: Final = 4096
"""Bytes that a pipe takes without blocking once it is writable (PIPE_BUF)."""
_RETRY_S: Final = 0.01
"""Pause before another try at a terminal that is writable, but has no room for a whole character."""

_log = logging.getLogger("serd.output")


class Output:
    """Writes lines to a stream, in order."""

    def __init__(self, stream: TextIO, *, is_live: bool) -> None:
        """Write nothing yet.

        Args:
            stream: the output; one without a file descriptor is never waited for.
            is_live: whether a source gives sound that is lost if the daemon waits.
        """
        self.is_live = is_live
        """As the argument; it may change at any time."""
        self._stream = stream
        self._lines: deque[str] = deque()
        self._rest = b""
        """What is left of a line that was written in part."""
        self._n_dropped = 0
        stream.flush()
        self._terminal = _opened_terminal(stream)
        self._descriptor = _descriptor(stream) if self._terminal is None else self._terminal

    def write(self, line: str) -> None:
        """Write a line, or keep it until the reader takes it.

        Raises:
            BrokenPipeError: the reader of the pipe has ended.
            OSError: the stream cannot be written, for example because the disk is full.
        """
        self._lines.append(line)
        self._send(0.0 if self.is_live else math.inf)
        if len(self._lines) > MAX_LINES:
            if not self._n_dropped:
                _log.warning(
                    "nobody reads standard output: of the events for it, the latest %d wait, and earlier"
                    " ones are dropped",
                    MAX_LINES,
                )
            self._lines.popleft()
            self._n_dropped += 1

    def show(self, text: str) -> None:
        """Write a text that the next one replaces; it is left out if the reader does not take it now.

        Raises:
            OSError: as ``write``.
        """
        self.retry()
        if not self._n_waiting and (self._descriptor is None or _is_writable(self._descriptor, 0.0)):
            self._lines.append(text)
            self._send(0.0)

    def retry(self) -> None:
        """Write the lines that wait, as far as the reader takes them now.

        Raises:
            OSError: as ``write``.
        """
        if self._n_waiting:
            self._send(0.0)

    def close(self, timeout_s: float) -> None:
        """Write the lines that wait; the stream stays open.

        Args:
            timeout_s: longest time for it, in seconds.

        Raises:
            OSError: as ``write``.
            PublishError: the reader does not take them in time.
        """
        try:
            self._send(timeout_s)
        finally:
            if self._terminal is not None:
                os.close(self._terminal)
        if self._n_waiting:
            raise PublishError(f"nobody reads standard output: {self._n_waiting} events for it are lost")

    @property
    def _n_waiting(self) -> int:
        return len(self._lines) + bool(self._rest)

    def _send(self, timeout_s: float) -> None:
        """Write what waits, for at most ``timeout_s`` seconds, which may be infinite."""
        try:
            if self._descriptor is None:
                self._stream.write("".join(self._lines))
                self._stream.flush()
                self._lines.clear()
            else:
                self._send_to(self._descriptor, time.monotonic() + timeout_s)
        except OSError:
            self._lines.clear()
            self._rest = b""
            raise
        if self._n_dropped and not self._n_waiting:
            _log.warning("standard output is read again; %d events for it were dropped", self._n_dropped)
            self._n_dropped = 0

    def _send_to(self, descriptor: int, deadline_s: float) -> None:
        while self._n_waiting and _is_writable(descriptor, deadline_s - time.monotonic()):
            if not self._rest:
                line = self._lines.popleft()
                self._rest = line.encode(self._stream.encoding, self._stream.errors or "strict")
            try:
                self._rest = self._rest[os.write(descriptor, self._rest[:_CHUNK_BYTES]) :]
            except BlockingIOError:
                if time.monotonic() >= deadline_s:
                    return
                time.sleep(_RETRY_S)


def _is_writable(descriptor: int, timeout_s: float) -> bool:
    """Whether a file takes some bytes within ``timeout_s`` seconds, which may be infinite."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(None if timeout_s == math.inf else max(0.0, 1000.0 * timeout_s)))


def _opened_terminal(stream: TextIO) -> int | None:
    """The terminal of a stream, opened again so that writing never blocks; None if it has none.

    A terminal can be writable without room for a whole line. The flag is not set for the stream itself,
    since other processes share it.
    """
    with contextlib.suppress(OSError):  # no file, or the terminal of another user
        if stream.isatty():
            name = os.ttyname(stream.fileno())
            return os.open(name, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    return None


def _descriptor(stream: TextIO) -> int | None:
    """The file descriptor of a stream; None if it has none."""
    try:
        return stream.fileno()
    except OSError:
        return None

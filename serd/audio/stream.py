"""Reads bytes from a pipe, a FIFO or a socket, which may stay open without giving any sound."""

import contextlib
import os
import select
import threading
import time
import weakref
from collections.abc import Callable, Collection, Iterator
from typing import Final

from serd.errors import SoundFileError, SourceError, SourceStalledError

STALL_S: Final = 5.0
"""Time without sound after which a stream has stalled, in seconds, whatever bytes it gives."""
_STALLED_READ_S: Final = 2.0
"""Longest time for which a stalled stream is read, in seconds; the watchdog needs a sign of life."""
_MAX_READ_BYTES: Final = 32_000


class ByteStream:
    """The bytes of one file descriptor, until its end, ``stop`` or ``close``."""

    def __init__(self, descriptor: int, name: str, *, is_owned: bool = False) -> None:
        """Prepare to read a descriptor.

        Args:
            descriptor: the file descriptor.
            name: of the stream, for messages.
            is_owned: whether ``close`` closes the descriptor as well.

        Raises:
            SourceError: no more files can be opened; a descriptor that is owned is closed.
        """
        self.name = name
        self.is_stopped = False
        """Whether ``stop`` was called."""
        self._descriptor = descriptor
        self._patience_s = STALL_S
        self._deadline_s: float | None = None
        """Monotonic time at which the stream has stalled, in seconds; None until sound is waited for."""
        try:
            self._wake_read, self._wake_write = os.pipe()
        except OSError as exc:
            if is_owned:
                os.close(descriptor)
            raise SourceError(f"{name} cannot be opened: {exc.strerror}") from exc
        self._lock = threading.RLock()
        """Held while the wake-up pipe is written or closed: ``stop`` may come from another thread."""
        owned = (self._wake_read, self._wake_write, *([descriptor] if is_owned else []))
        self._close_all = weakref.finalize(self, _close_all, owned)

    @property
    def descriptor(self) -> int:
        """The file descriptor."""
        return self._descriptor

    def wait(self) -> bool:
        """Wait until there is something to read; returns False after ``stop``.

        Raises:
            SourceStalledError: no sound came for ``STALL_S``; the stream is open, and can be read again.
            SourceError: the stream cannot be read.
        """
        return bool(self.wait_for([self._descriptor]))

    def wait_for(self, readable: Collection[int], writable: Collection[int] = ()) -> set[int]:
        """Wait until one of some descriptors is ready, and return those that are; empty after ``stop``.

        Args:
            readable: descriptors to read from.
            writable: descriptors to write to.

        Raises:
            SourceStalledError: as ``wait``.
            SourceError: as ``wait``.
        """
        if self._deadline_s is None:
            self._deadline_s = time.monotonic() + self._patience_s
        left_s = self._deadline_s - time.monotonic()
        try:
            can_read, can_write, _ = select.select(
                [*readable, self._wake_read], writable, [], max(0.0, left_s)
            )
        except OSError as exc:
            raise SourceError(f"{self.name} cannot be read: {exc.strerror}") from exc
        if self._wake_read in can_read:
            return set()
        if left_s <= 0.0 or not (can_read or can_write):
            self._patience_s, self._deadline_s = _STALLED_READ_S, None
            raise SourceStalledError(f"{self.name} gave no sound for {STALL_S:.0f} s")
        return {*can_read, *can_write}

    def note_progress(self) -> None:
        """Record that sound, or whatever is waited for, has come: the time to a stall starts again."""
        self._patience_s, self._deadline_s = STALL_S, None

    def read(self) -> bytes:
        """Return the next bytes; empty at the end of the stream and after ``stop``.

        Raises:
            SourceStalledError: as ``wait``.
            SoundFileError: the descriptor is a folder.
            SourceError: the stream cannot be read.
        """
        return self.read_ready() if self.wait() else b""

    def read_ready(self) -> bytes:
        """Return the bytes that are there after ``wait``; empty at the end of the stream.

        Raises:
            SoundFileError: the descriptor is a folder.
            SourceError: the stream cannot be read.
        """
        try:
            return os.read(self._descriptor, _MAX_READ_BYTES)
        except IsADirectoryError as exc:
            raise SoundFileError(f"{self.name} is a folder, expected sound") from exc
        except OSError as exc:
            raise SourceError(f"{self.name} cannot be read: {exc.strerror}") from exc

    def send(self, data: bytes) -> None:
        """Send a short answer over a connection that does not block.

        Raises:
            SourceError: the other side does not take it.
        """
        try:
            n_sent = os.write(self._descriptor, data)
        except BlockingIOError:
            n_sent = 0
        except OSError as exc:
            raise SourceError(f"{self.name} takes no answer: {exc.strerror}") from exc
        if n_sent < len(data):
            raise SourceError(f"{self.name} does not read its answers")

    def stop(self) -> None:
        """Let ``read`` return at once; may be called from a signal handler or another thread."""
        with self._lock:
            self.is_stopped = True
            if self._close_all.alive:
                os.write(self._wake_write, b"x")

    def give_up(self) -> None:
        """Put an empty file in the place of the descriptor, so that nobody reads on in the middle.

        Raises:
            SourceError: no more files can be opened.
        """
        try:
            empty = os.open(os.devnull, os.O_RDONLY)
        except OSError as exc:
            raise SourceError(f"{self.name} cannot be given up: {exc.strerror}") from exc
        os.dup2(empty, self._descriptor, inheritable=os.get_inheritable(self._descriptor))
        os.close(empty)

    def close(self) -> None:
        """Close the stream; may be called more than once."""
        with self._lock:
            self._close_all()


@contextlib.contextmanager
def closing_unless_stalled(close: Callable[[], object]) -> Iterator[None]:
    """Close a source at the end of its iteration, unless it has stalled and may be iterated again."""
    try:
        yield
    except SourceStalledError:
        raise
    except BaseException:
        close()
        raise
    close()


def _close_all(descriptors: tuple[int, ...]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)

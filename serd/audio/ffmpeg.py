"""Runs ffmpeg as a child process, and decodes files with it that libsndfile cannot read.

ffmpeg writes the first audio track of its input as AU with float samples (``serd.audio.au``).
"""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from serd.audio.au import AuDecoder
from serd.audio.format import Sound
from serd.audio.paths import printable
from serd.errors import LibraryError, SoundFileError, SourceError

_OUTPUT: Final = ("-map", "0:a:0", "-vn", "-f", "au", "-c:a", "pcm_f32be", "-flush_packets", "1", "-")
_MAX_READ_BYTES: Final = 65_536
_END_S: Final = 1.0
"""Time that ffmpeg has to end, in seconds; beyond it, it is killed."""
_MAX_REASON_BYTES: Final = 2_000
_UNSAID: Final = r"//[^/\s]*@|[?]\S+|^\[\S+ @ 0x[0-9a-f]+\] "
"""What is left out of a message: user, password and query of a URL, and the address of a decoder."""


class FfmpegChild:
    """A running ffmpeg, whose output is an AU stream of float samples; ``close`` ends it."""

    def __init__(self, *arguments: str, takes_input: bool = False) -> None:
        """Start ffmpeg.

        Args:
            arguments: its options, up to the name of its input.
            takes_input: whether its input is ``pipe:0``, which is written to ``input``.

        Raises:
            LibraryError: it is not installed.
            SourceError: no more files can be opened, or no more programs started.
        """
        program = shutil.which("ffmpeg")
        if program is None:
            raise LibraryError(
                "ffmpeg is not installed, and this sound needs it: sudo apt-get install ffmpeg"
            )
        # If serd is killed, the kernel ends the child.
        guard = ("setpriv", "--pdeathsig", "TERM", "--") if shutil.which("setpriv") else ()
        command = [
            *guard,
            program,
            "-nostdin",
            "-hide_banner",
            "-loglevel",
            "error",
            *arguments,
            *_OUTPUT,
        ]
        try:
            self._errors, child_errors = os.pipe()
        except OSError as exc:
            raise SourceError(f"ffmpeg cannot be started: {exc.strerror}") from exc
        # With nobody reading, messages are dropped instead of blocking ffmpeg.
        os.set_blocking(self._errors, False)
        os.set_blocking(child_errors, False)
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE if takes_input else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=child_errors,
                bufsize=0,
            )
        except OSError as exc:
            os.close(self._errors)
            raise SourceError(f"ffmpeg cannot be started: {exc.strerror}") from exc
        finally:
            os.close(child_errors)
        if self.process.stdin is not None:
            os.set_blocking(self.process.stdin.fileno(), False)
        self._messages = b""

    @property
    def input(self) -> int:
        """The file descriptor of its input, which does not block."""
        assert self.process.stdin is not None  # noqa: S101 - it was asked for
        return self.process.stdin.fileno()

    def end_input(self) -> None:
        """Close its input, so that it ends with what it has got."""
        if self.process.stdin is not None:
            self.process.stdin.close()

    @property
    def descriptor(self) -> int:
        """The file descriptor of its output."""
        assert self.process.stdout is not None  # noqa: S101 - it is a pipe
        return self.process.stdout.fileno()

    def drain(self) -> None:
        """Take over its latest messages, of which the last are kept."""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._errors, _MAX_REASON_BYTES):
                self._messages = (self._messages + data)[-_MAX_REASON_BYTES:]

    def wait(self) -> tuple[int, str]:
        """Wait until it has ended by itself; it is ended if it takes long.

        Returns:
            Its exit code, and the reason in its last message; empty if it had none.
        """
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_END_S)
        reason = self.close().rpartition(": ")[2]
        return self.process.returncode, reason

    def close(self) -> str:
        """End it, and return its last message without secrets; empty if it had none."""
        self.end_input()
        if self.process.returncode is None:
            self.process.terminate()
            try:
                self.process.wait(_END_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout is not None and not self.process.stdout.closed:
            self.drain()
            self.process.stdout.close()
            os.close(self._errors)
        lines = self._messages.decode("utf-8", "replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return re.sub(_UNSAID, lambda found: "//" if found[0][0] == "/" else "", last)


def damage(code: int, reason: str) -> str:
    """Return what was wrong with a file that ffmpeg decoded, as a part of a line; empty if nothing.

    ffmpeg passes over damage, and also ends with exit code 0 if a file is cut; its messages say so.

    Args:
        code: its exit code.
        reason: the reason in its last message.
    """
    if not code and not reason:
        return ""
    return f"damaged or cut ({reason or f'ffmpeg ended with code {code}'}), and read as far as possible"


class FfmpegReader:
    """A sound file that ffmpeg decodes; a ``SoundReader``."""

    duration_s: float | None = None
    """Always None: only reading tells."""

    def __init__(self, path: Path) -> None:
        """Start to decode a file.

        Raises:
            LibraryError: ffmpeg is not installed.
            SoundFileError: ffmpeg cannot be started, or finds no sound in the file.
        """
        self._name = printable(path)
        self.problem = ""
        try:
            self._child = FfmpegChild("-protocol_whitelist", "file,crypto,data", "-i", f"file:{path}")
        except SourceError as exc:
            raise SoundFileError(f"{self._name}: cannot be read: {exc}") from exc
        self._decoder = AuDecoder()
        self._first: Sound | None = None
        while self._first is None:
            data = os.read(self._child.descriptor, _MAX_READ_BYTES)
            if not data:
                _, reason = self._child.wait()
                raise SoundFileError(
                    f"{self._name}: is not a sound file that can be read ({reason or 'no sound in it'})"
                )
            try:
                self._first = self._decoder.feed(data)
            except SourceError as exc:
                self._child.close()
                raise SoundFileError(f"{self._name}: {exc}") from exc
        self.rate_hz = self._decoder.rate_hz
        self.n_channels = self._decoder.n_channels

    def blocks(self, block_s: float) -> Iterator[Sound]:
        """Yield the sound; all blocks have the given duration but the last."""
        n_block = max(1, round(self.rate_hz * block_s))
        pending = [self._first] if self._first is not None else []
        n_pending = sum(map(len, pending))
        while True:
            if n_pending >= n_block:
                joined = np.concatenate(pending)
                for start in range(0, len(joined) - n_block + 1, n_block):
                    yield joined[start : start + n_block]
                pending = [joined[len(joined) // n_block * n_block :]]
                n_pending = len(pending[0])
            self._child.drain()
            data = os.read(self._child.descriptor, _MAX_READ_BYTES)
            if not data:
                break
            sound = self._decoder.feed(data)
            if sound is not None:
                pending.append(sound)
                n_pending += len(sound)
        if n_pending:
            yield np.concatenate(pending)
        self.problem = damage(*self._child.wait())

    def close(self) -> None:
        """End ffmpeg."""
        self._child.close()

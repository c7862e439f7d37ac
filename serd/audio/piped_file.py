"""Decodes a sound file while it arrives on a byte stream, with ffmpeg between the stream and serd.

One thread does both: it waits until ffmpeg takes bytes or gives some, whichever comes first. It reads no
further from the stream before ffmpeg has taken what was read, so at most one read is held.
"""

import os
import time
import weakref
from collections.abc import Iterator
from typing import Final

from serd.audio.au import AuSamples
from serd.audio.ffmpeg import FfmpegChild, damage
from serd.audio.format import AudioBlock
from serd.audio.source import LiveTimeline
from serd.audio.stream import ByteStream, closing_unless_stalled
from serd.errors import LibraryError, SoundFileError, SourceError, SourceStalledError

_ARGUMENTS: Final = (
    # A live writer would take seconds to reach the default bounds.
    *("-analyzeduration", "0", "-probesize", "32768"),
    # A playlist must name neither files of this machine nor others.
    *("-protocol_whitelist", "pipe", "-i", "pipe:0"),
)
_MAX_READ_BYTES: Final = 65_536
_HANG_S: Final = 20.0
"""Time for which ffmpeg may hold sound without giving any or taking more, in seconds."""
_MAX_REST_BYTES: Final = 1_000_000
"""Bytes that may follow the end of the sound in a file, such as tags and pictures."""


class PipedFileDecoder:
    """The sound of a file on a byte stream; a ``Decoder``."""

    def __init__(self, stream: ByteStream, start: bytes, kind: str, *, channel: str) -> None:
        """Start ffmpeg.

        Args:
            stream: the bytes of the file.
            start: bytes that were read from the stream before.
            kind: name of the format, for messages.
            channel: "mix", or the number of a channel from 1.

        Raises:
            SoundFileError: ffmpeg is not installed.
            SourceError: ffmpeg cannot be started.
        """
        self._stream = stream
        self._pending = start
        self._kind = kind
        self._samples = AuSamples(stream.name, channel=channel)
        try:
            self._child = FfmpegChild(*_ARGUMENTS, takes_input=True)
        except LibraryError as exc:
            raise SoundFileError(
                f"{stream.name}: begins like a file of the format {kind}, which needs ffmpeg: sudo"
                f" apt-get install ffmpeg; without it, give the file itself (--source FILE) or raw"
                f" 16 kHz mono S16_LE"
            ) from exc
        # A source that has stalled is given up without another iteration when the daemon stops.
        weakref.finalize(self, self._child.close)
        self._takes_input = True
        self._has_input = True
        """Whether the stream has not ended yet."""
        self._has_output = True
        self._problem = ""
        self._latest_s = time.monotonic()

    def blocks(self, timeline: LiveTimeline) -> Iterator[AudioBlock]:
        """Yield the sound until the end of the stream; see ``Decoder``."""
        with closing_unless_stalled(self._close):
            if self._has_output:
                yield from self._decoded(timeline)
            self._pass_over_rest()

    def summary(self) -> str:
        """Return a line for the log about damage in the file; empty if there was none."""
        return f"{self._stream.name}: {self._problem}" if self._problem else ""

    def _decoded(self, timeline: LiveTimeline) -> Iterator[AudioBlock]:
        """Yield what ffmpeg makes of the stream, up to the end of its output."""
        while data := self._exchange():
            self._child.drain()
            samples = self._samples.feed(data)
            if samples.size:
                self._stream.note_progress()
                yield timeline.block(samples, self._samples.problem)
        if self._stream.is_stopped:
            return
        self._has_output = False
        rest = self._samples.flush()
        if rest.size:
            yield timeline.block(rest, self._samples.problem)
        self._check_end()

    def _exchange(self) -> bytes:
        """Feed ffmpeg until it gives some bytes; returns none at its end and after ``stop``."""
        while True:
            readable = [self._child.descriptor]
            if self._has_input and self._takes_input and not self._pending:
                readable.append(self._stream.descriptor)
            writable = [self._child.input] if self._pending else []
            try:
                ready = self._stream.wait_for(readable, writable)
            except SourceStalledError as exc:
                is_due = self._pending or not self._has_input
                if is_due and time.monotonic() - self._latest_s > _HANG_S:
                    raise SourceError(f"{self._stream.name}: ffmpeg hangs") from exc
                raise
            if not ready:
                return b""
            self._latest_s = time.monotonic()
            if self._child.descriptor in ready:
                return os.read(self._child.descriptor, _MAX_READ_BYTES)
            if self._pending:
                self._write()
            else:
                self._pending = self._stream.read_ready()
                self._has_input = bool(self._pending)
                if not self._has_input:
                    self._child.end_input()

    def _write(self) -> None:
        """Give ffmpeg as many of the pending bytes as it takes."""
        try:
            self._pending = self._pending[os.write(self._child.input, self._pending) :]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            self._takes_input = False
            self._pending = b""

    def _check_end(self) -> None:
        """Tell the end of the sound from a failure of ffmpeg.

        Raises:
            SoundFileError: there was no sound.
            SourceError: ffmpeg failed, and the stream goes on.
        """
        code, reason = self._child.wait()
        if not self._samples.n_samples:
            raise SoundFileError(
                f"{self._stream.name}: begins like a file of the format {self._kind}, but ffmpeg finds"
                f" no sound in it ({reason or 'it ended'}); an MP4 whose index is at its end must be"
                f" given as a file (--source FILE)"
            )
        if code and self._has_input:
            raise SourceError(f"{self._stream.name}: ffmpeg ended: {reason or f'exit code {code}'}")
        self._problem = damage(code, reason)

    def _pass_over_rest(self) -> None:
        """Read what follows the sound in the file, such as its tags.

        Raises:
            SourceError: it does not end.
        """
        n_bytes = 0
        while self._has_input and not self._stream.is_stopped:
            n_new = len(self._stream.read())
            self._has_input, n_bytes = n_new > 0, n_bytes + n_new
            if n_bytes > _MAX_REST_BYTES:
                raise SourceError(
                    f"{self._stream.name}: goes on after the end of its {self._kind} sound"
                )

    def _close(self) -> None:
        """End ffmpeg; what it has not taken must not be read as raw samples."""
        self._child.close()
        if self._has_input:
            self._stream.give_up()

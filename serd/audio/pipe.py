"""Reads standard input and FIFOs: raw 16 kHz mono S16_LE, or a sound file."""

import logging
import os
import stat
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from serd.audio.containers import N_SEARCHED_BYTES, container
from serd.audio.decoder import Decoder, DetectingDecoder
from serd.audio.format import AudioBlock
from serd.audio.paths import printable
from serd.audio.pcm import PIPED
from serd.audio.source import MIX, LiveTimeline
from serd.audio.stream import ByteStream, closing_unless_stalled
from serd.errors import SoundFileError, SourceError, SourceStalledError

_log = logging.getLogger("serd.sources")

_STANDARD_INPUT: Final = "standard input"


class PipeSource:
    """A source that reads a pipe to its end, or a FIFO from one writer after another."""

    n_dropped_blocks = 0
    """Always 0: the writer of the pipe waits."""
    n_overflows = 0
    """Always 0: no sound card is involved."""

    def __init__(
        self,
        stream: ByteStream,
        *,
        channel: str = MIX,
        next_writer: Callable[[], ByteStream] | None = None,
    ) -> None:
        """Create a source.

        Args:
            stream: the bytes; the source closes it at its end.
            channel: of a sound file: "mix", or the number of a channel from 1.
            next_writer: opens the stream again after the end of its writer; None if the sound ends then.
        """
        self._stream = stream
        self._channel = channel
        self._next_writer = next_writer
        self._is_stopped = False
        self.is_in_file = False
        """Whether the next bytes belong to a sound file that is being decoded."""
        self._decoder = self._new_decoder()

    def __iter__(self) -> Iterator[AudioBlock]:
        """Yield blocks of sound as they arrive.

        Raises:
            SoundFileError: the stream is empty or a folder, or a sound file that cannot be decoded.
            SourceStalledError: the stream stays open and gives no sound; iterate again to wait for more.
            SourceError: it cannot be read any more.
        """
        with closing_unless_stalled(self._close):
            timeline = LiveTimeline()
            while True:
                has_sound = False
                for block in self._decoder.blocks(timeline):
                    has_sound = True
                    yield block
                if self._next_writer is None or self._is_stopped:
                    return
                self._follow(self._next_writer())
                if not has_sound:
                    raise SourceStalledError(f"{self._stream.name}: a writer gave no sound")

    def stop(self) -> None:
        """End the iteration soon."""
        self._is_stopped = True
        self._stream.stop()

    def describe(self) -> str:
        """Return the name of the input, and the format of raw samples."""
        return f"{self._stream.name} ({PIPED}, or a sound file)"

    def summary(self) -> str:
        """Return a line for the log about the sound of the latest writer; empty if all was well."""
        return self._decoder.summary()

    def _new_decoder(self) -> Decoder:
        may_be_empty = self._next_writer is not None
        return DetectingDecoder(self._stream, PIPED, self._decode_file, may_be_empty=may_be_empty)

    def _decode_file(self, stream: ByteStream, start: bytes, kind: str) -> Decoder:
        from serd.audio.piped_file import PipedFileDecoder  # noqa: PLC0415 - samples need no ffmpeg

        decoder = PipedFileDecoder(stream, start, kind, channel=self._channel)
        self.is_in_file = True
        return decoder

    def _follow(self, stream: ByteStream) -> None:
        """Go on with the next writer, whose bytes may be of another format."""
        if summary := self._decoder.summary():
            _log.warning("%s", summary)
        self._close()
        self._stream = stream
        self._decoder = self._new_decoder()
        if self._is_stopped:
            stream.stop()

    def _close(self) -> None:
        self._stream.close()
        self.is_in_file = False


def standard_input() -> int:
    """Return the file descriptor of standard input.

    Raises:
        SoundFileError: it is closed.
    """
    try:
        return sys.stdin.fileno()
    except (AttributeError, ValueError) as exc:
        raise SoundFileError(f"{_STANDARD_INPUT} is closed, expected sound") from exc


def sound_file_of(descriptor: int) -> Path | None:
    """Return the sound file that a descriptor reads (``serd run --source - < FILE``).

    Returns:
        Its path; None for a pipe, a device, raw samples, and a file that was removed.
    """
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        return None
    path = Path(f"/dev/fd/{descriptor}").resolve()
    return path if container(os.pread(descriptor, N_SEARCHED_BYTES, 0)) and path.is_file() else None


def piped_standard_input(*, channel: str) -> PipeSource:
    """Return the source of standard input, which stays open when the source is closed.

    Args:
        channel: of a sound file: "mix", or the number of a channel from 1.

    Raises:
        SoundFileError: it is closed.
        SourceError: no more files can be opened.
    """
    return PipeSource(ByteStream(standard_input(), _STANDARD_INPUT), channel=channel)


def fifo(path: Path, *, channel: str) -> PipeSource:
    """Return the source of a FIFO or of the pipe of a process substitution.

    A FIFO does not end when its writer does: the source waits for the next one. The pipe of a process
    substitution has one writer.

    Args:
        path: the FIFO.
        channel: of a sound file: "mix", or the number of a channel from 1.

    Raises:
        SourceError: it cannot be opened.
    """
    is_named = Path(os.path.realpath(path)).is_fifo()
    return PipeSource(
        _opened(path), channel=channel, next_writer=partial(_opened, path) if is_named else None
    )


def _opened(path: Path) -> ByteStream:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as exc:
        raise SourceError(f"{printable(path)} cannot be opened: {exc.strerror}") from exc
    return ByteStream(descriptor, printable(path), is_owned=True)

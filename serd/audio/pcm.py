"""Reads raw PCM from a pipe: 16 kHz mono S16_LE, from arecord, ffmpeg or any other program."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from serd.audio.alignment import SampleAligner
from serd.audio.containers import container, needed_bytes
from serd.audio.format import SAMPLE_RATE_HZ, AudioBlock, to_sound
from serd.audio.resample import Converter
from serd.audio.source import MIX, LiveTimeline
from serd.audio.stream import ByteStream, closing_unless_stalled
from serd.errors import SoundFileError, SourceError

_STANDARD_INPUT: Final = "standard input"
_EXPECTED: Final = "expected raw 16 kHz mono S16_LE"


@dataclass(frozen=True, kw_only=True, slots=True)
class PcmFormat:
    """The format of raw 16-bit samples."""

    rate_hz: int = SAMPLE_RATE_HZ
    """Sample rate, in hertz."""
    n_channels: int = 1
    """Number of channels, interleaved."""
    channel: str = MIX
    """Channel in use: "mix", or its number from 1."""

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return 2 * self.n_channels

    def __str__(self) -> str:
        rate = f"{self.rate_hz / 1000:g} kHz"
        return f"{rate} {'mono' if self.n_channels == 1 else f'{self.n_channels} channels'} S16_LE"


class PcmSource:
    """A source that reads raw PCM from a byte stream until its end."""

    n_dropped_blocks = 0
    """Always 0: the writer of the pipe waits."""
    n_overflows = 0
    """Always 0: no sound card is involved."""

    def __init__(self, stream: ByteStream, pcm_format: PcmFormat | None = None) -> None:
        """Create a source.

        Args:
            stream: the bytes; the source closes it at its end.
            pcm_format: of the samples; by default 16 kHz mono.
        """
        self._format = pcm_format or PcmFormat()
        self._stream = stream
        self._aligner = SampleAligner()
        self._start: bytes | None = b""
        """The first bytes, until there are enough to tell samples from a sound file; then None."""

    def __iter__(self) -> Iterator[AudioBlock]:
        """Yield blocks of sound as they arrive.

        Raises:
            SoundFileError: the stream is empty or a folder, or begins like a sound file.
            SourceStalledError: the stream stays open and gives nothing; iterate again to wait for more.
            SourceError: it cannot be read any more.
        """
        with closing_unless_stalled(self._stream.close):
            yield from self._blocks()

    def _blocks(self) -> Iterator[AudioBlock]:
        timeline = LiveTimeline()
        converter = Converter(rate_hz=self._format.rate_hz, channel=self._format.channel)
        rest = b""
        for data in self._checked_bytes():
            frames = rest + self._aligner.align(data)
            n_whole = len(frames) // self._format.frame_bytes * self._format.frame_bytes
            frames, rest = frames[:n_whole], frames[n_whole:]
            raw = np.frombuffer(frames, "<i2").astype(np.int16, copy=False)
            samples = converter.convert(to_sound(raw.reshape(-1, self._format.n_channels)))
            yield timeline.block(samples, converter.monitor.problem)

    def stop(self) -> None:
        """End the iteration soon."""
        self._stream.stop()

    def describe(self) -> str:
        """Return the name of the input and its format."""
        return f"{self._stream.name} ({self._format})"

    def summary(self) -> str:
        """Return a line for the log if bytes were lost or the input ended in the middle of a sample."""
        name, n_shifts = self._stream.name, self._aligner.n_shifts
        if n_shifts:
            times = "once" if n_shifts == 1 else f"{n_shifts} times"
            return f"{name}: half a sample was lost {times}; the samples after it were aligned again"
        return f"{name} ended in the middle of a sample" if self._aligner.has_rest else ""

    def _checked_bytes(self) -> Iterator[bytes]:
        """Yield the bytes of the stream, the first ones when they can be told from a sound file."""
        while data := self._stream.read():
            if self._start is not None:
                data = self._start + data
                if len(data) < needed_bytes(data):
                    self._start = data
                    continue
                _refuse_container(self._stream.name, data)
                self._start = None
            yield data
        if self._start:
            _refuse_container(self._stream.name, self._start)
            yield self._start
        if not self._stream.n_bytes and not self._stream.is_stopped:
            raise SoundFileError(
                f"{self._stream.name}: ended without any sound, expected raw {self._format}"
            )


def standard_input() -> ByteStream:
    """Return standard input, which stays open when the stream is closed.

    Raises:
        SoundFileError: it is closed.
        SourceError: no more files can be opened.
    """
    try:
        descriptor = sys.stdin.fileno()
    except (AttributeError, ValueError) as exc:
        raise SoundFileError(f"{_STANDARD_INPUT} is closed, {_EXPECTED}") from exc
    return ByteStream(descriptor, _STANDARD_INPUT)


def pipe(path: Path) -> ByteStream:
    """Open a FIFO or the pipe of a process substitution.

    A FIFO is opened for writing as well, so that it does not end when its writer does: the next writer
    continues, as after a pause.

    Raises:
        SourceError: it cannot be opened.
    """
    is_named = Path(os.path.realpath(path)).is_fifo()
    try:
        descriptor = os.open(path, (os.O_RDWR if is_named else os.O_RDONLY) | os.O_NONBLOCK)
    except OSError as exc:
        raise SourceError(f"{path} cannot be opened: {exc.strerror}") from exc
    return ByteStream(descriptor, str(path), is_owned=True)


def _refuse_container(name: str, start: bytes) -> None:
    if found := container(start):
        raise SoundFileError(
            f"{name}: begins like a file of the format {found}, {_EXPECTED}; give the file itself"
            f" (--source FILE), or convert the stream: ... | ffmpeg -i - -f s16le -ac 1 -ar 16000 -"
            f" | serd run --source -"
        )

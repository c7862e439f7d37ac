"""Decodes raw 16-bit samples on a pipe or a connection, from arecord, ffmpeg or any other program."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from serd.audio.alignment import SampleAligner
from serd.audio.format import SAMPLE_RATE_HZ, AudioBlock, Samples, to_sound
from serd.audio.resample import Converter
from serd.audio.source import LiveTimeline
from serd.audio.stream import ByteStream


@dataclass(frozen=True, kw_only=True, slots=True)
class PcmFormat:
    """The format of raw 16-bit samples."""

    rate_hz: int = SAMPLE_RATE_HZ
    """Sample rate, in hertz."""
    n_channels: int = 1
    """Number of channels, interleaved."""
    column: int | None = None
    """Channel in use, from 0; None for the mean of all."""

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return 2 * self.n_channels

    def __str__(self) -> str:
        rate = f"{self.rate_hz / 1000:g} kHz"
        return f"{rate} {'mono' if self.n_channels == 1 else f'{self.n_channels} channels'} S16_LE"


PIPED: Final = PcmFormat()
"""The format of samples on standard input and on a FIFO."""


class PcmDecoder:
    """The sound of a byte stream of raw samples; a ``Decoder``."""

    def __init__(self, stream: ByteStream, start: bytes, pcm_format: PcmFormat) -> None:
        """Create a decoder.

        Args:
            stream: the bytes.
            start: bytes that were read from the stream before.
            pcm_format: of the samples.
        """
        self._stream = stream
        self._start = start
        self._format = pcm_format
        self._aligner = SampleAligner()
        self._converter = Converter(rate_hz=pcm_format.rate_hz, column=pcm_format.column)
        self._rest = b""

    def blocks(self, timeline: LiveTimeline) -> Iterator[AudioBlock]:
        """Yield the sound until the end of the stream; see ``Decoder``."""
        start, self._start = self._start, b""
        data = start or self._stream.read()
        while data:
            samples = self._samples(data)
            if samples.size:
                self._stream.note_progress()
                yield timeline.block(samples, self._converter.monitor.problem)
            data = self._stream.read()

    def summary(self) -> str:
        """Return a line for the log if bytes were lost or the input ended in the middle of a sample."""
        name, n_shifts = self._stream.name, self._aligner.n_shifts
        if n_shifts:
            times = "once" if n_shifts == 1 else f"{n_shifts} times"
            return f"{name}: half a sample was lost {times}; the samples after it were aligned again"
        return f"{name} ended in the middle of a sample" if self._aligner.has_rest else ""

    def _samples(self, data: bytes) -> Samples:
        frames = self._rest + self._aligner.align(data)
        n_whole = len(frames) // self._format.frame_bytes * self._format.frame_bytes
        frames, self._rest = frames[:n_whole], frames[n_whole:]
        raw = np.frombuffer(frames, "<i2").astype(np.int16, copy=False)
        return self._converter.convert(to_sound(raw.reshape(-1, self._format.n_channels)))

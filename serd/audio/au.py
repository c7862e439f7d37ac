"""Reads the sound that ffmpeg writes: AU with float samples.

A header of 24 bytes or more names the sample rate and the number of channels; the length may be unknown.
"""

import struct
from typing import Final

import numpy as np

from serd.audio.arrays import MAX_CHANNELS, MAX_RATE_HZ, MIN_RATE_HZ
from serd.audio.format import Samples, Sound
from serd.audio.resample import Converter
from serd.audio.source import channel_column
from serd.errors import SourceError

_HEADER: Final = struct.Struct(">4s5I")
_FLOAT_ENCODING: Final = 6
_MAX_OFFSET: Final = 65_536
_SAMPLE_BYTES: Final = 4


class AuDecoder:
    """Cuts the bytes of an AU stream into blocks of float samples."""

    def __init__(self) -> None:
        self.rate_hz = 0
        """Sample rate in hertz; 0 until the header is complete."""
        self.n_channels = 0
        self._data = b""

    def feed(self, data: bytes) -> Sound | None:
        """Add bytes; returns float32, shape (n, n_channels), or None while the header is incomplete.

        Raises:
            SourceError: the header is not one that ffmpeg writes, or the format is out of bounds.
        """
        self._data += data
        if not self.rate_hz and not self._read_header():
            return None
        frame_bytes = _SAMPLE_BYTES * self.n_channels
        n_whole = len(self._data) // frame_bytes * frame_bytes
        whole, self._data = self._data[:n_whole], self._data[n_whole:]
        return np.frombuffer(whole, ">f4").astype(np.float32).reshape(-1, self.n_channels)

    def _read_header(self) -> bool:
        if len(self._data) < _HEADER.size:
            return False
        magic, offset, _, encoding, rate_hz, n_channels = _HEADER.unpack_from(self._data)
        if magic != b".snd" or encoding != _FLOAT_ENCODING or not _HEADER.size <= offset <= _MAX_OFFSET:
            raise SourceError("ffmpeg wrote no AU stream of float samples")
        if not (MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ and 1 <= n_channels <= MAX_CHANNELS):
            raise SourceError(
                f"{rate_hz} Hz and {n_channels} channels, expected {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz"
                f" and 1 to {MAX_CHANNELS} channels"
            )
        if len(self._data) < offset:
            return False
        self._data = self._data[offset:]
        self.rate_hz, self.n_channels = rate_hz, n_channels
        return True


class AuSamples:
    """Turns the bytes of an AU stream into samples in serd's format."""

    def __init__(self, name: str, *, channel: str) -> None:
        """Create a decoder for one stream.

        Args:
            name: of the source, for messages.
            channel: "mix", or the number of a channel from 1.
        """
        self.n_samples = 0
        """Number of samples so far."""
        self._name = name
        self._channel = channel
        self._decoder = AuDecoder()
        self._converter: Converter | None = None

    @property
    def problem(self) -> str:
        """What is wrong with the sound at present, as a part of a line; empty if nothing."""
        return self._converter.monitor.problem if self._converter is not None else ""

    def feed(self, data: bytes) -> Samples:
        """Add bytes, and return the samples that they complete: int16, shape (n,), 16 kHz mono.

        Raises:
            SourceError: the bytes are no such stream, or the sound lacks the channel.
        """
        sound = self._decoder.feed(data)
        if sound is None:
            return np.empty(0, np.int16)
        if self._converter is None:
            try:
                column = channel_column(self._channel, self._decoder.n_channels)
            except ValueError as exc:
                raise SourceError(f"{self._name}: {exc}") from exc
            self._converter = Converter(rate_hz=self._decoder.rate_hz, column=column)
        return self._counted(self._converter.convert(sound))

    def flush(self) -> Samples:
        """End the stream, and return the samples that the resampler still holds."""
        if self._converter is None:
            return np.empty(0, np.int16)
        rest = np.empty((0, self._decoder.n_channels), np.float32)
        return self._counted(self._converter.convert(rest, is_last=True))

    def _counted(self, samples: Samples) -> Samples:
        self.n_samples += samples.size
        return samples

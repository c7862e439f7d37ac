"""Converts sound to serd's format: picks or mixes channels, resamples a stream, rounds to 16 bits."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from serd.audio.channels import ChannelMonitor
from serd.audio.format import SAMPLE_RATE_HZ, Samples, to_int16

if TYPE_CHECKING:
    import soxr

FloatSound = NDArray[np.float32]


class Converter:
    """Converts a stream of blocks; the resampler's state is carried from block to block."""

    def __init__(self, *, rate_hz: int, column: int | None = None) -> None:
        """Create a converter for one stream.

        Args:
            rate_hz: sample rate of the stream, in hertz.
            column: the channel to use, from 0 (``source.channel_column``); None for the mean of all.
        """
        self._column = column
        self.monitor = ChannelMonitor(rate_hz)
        """What is wrong with the channels in use."""
        self._resampler = None if rate_hz == SAMPLE_RATE_HZ else _resampler(rate_hz)
        self.n_not_finite = 0
        """Number of NaN and infinite samples so far."""

    def convert(self, sound: FloatSound, *, is_last: bool = False) -> Samples:
        """Convert the next block.

        Args:
            sound: float32, shape (n_samples, n_channels), full scale at 1.0.
            is_last: whether the stream ends here, which flushes the resampler.

        Returns:
            int16, shape (n,), 16 kHz mono. NaN and infinite samples become silence and are counted.
        """
        if self._column is not None:
            sound = sound[:, self._column, np.newaxis]
        finite = np.isfinite(sound)
        if not finite.all():
            self.n_not_finite += int(sound.size - np.count_nonzero(finite))
            sound = np.where(finite, sound, np.float32(0.0))
        self.monitor.check(sound)
        if self.monitor.column is not None:
            sound = sound[:, self.monitor.column, np.newaxis]
        mono = (
            sound[:, 0]
            if sound.shape[1] == 1
            else sound.mean(axis=1, dtype=np.float64).astype(np.float32)
        )
        if self._resampler is not None:
            mono = self._resampler.resample_chunk(mono, last=is_last)
        return to_int16(mono)


def _resampler(rate_hz: int) -> "soxr.ResampleStream":
    import soxr  # noqa: PLC0415 - most microphones deliver 16 kHz

    return soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32")

"""Checks sound in NumPy arrays, for the Python API, and converts it to serd's format."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from serd.audio.format import SAMPLE_RATE_HZ, Samples, to_sound
from serd.audio.resample import Converter
from serd.audio.source import MIX, channel_column
from serd.errors import SoundArrayError

MIN_RATE_HZ: Final = 1_000
MAX_RATE_HZ: Final = 768_000
MAX_CHANNELS: Final = 64
"""Most channels of an array; with more, its axes are assumed to be swapped."""
MAX_PEAK: Final = 10.0
"""Largest float sample; beyond it, samples are assumed to be on the scale of integers."""

_SHAPE: Final = "expected (n_samples,) or (n_samples, n_channels)"


class ArrayConverter:
    """Converts the blocks of one stream; the resampler's state is carried from block to block."""

    def __init__(self, rate: int, channels: int, channel: str = MIX) -> None:
        """Create a converter for one stream.

        Args:
            rate: sample rate, in hertz; ``MIN_RATE_HZ`` to ``MAX_RATE_HZ``.
            channels: number of channels, 1 to ``MAX_CHANNELS``.
            channel: "mix" averages all channels, else the number of one, from 1.

        Raises:
            SoundArrayError: one of the arguments cannot be used.
        """
        self._channels = _whole_number(channels, "channels", 1, MAX_CHANNELS)
        self._rate_hz = _whole_number(rate, "rate", MIN_RATE_HZ, MAX_RATE_HZ)
        try:
            column = channel_column(channel, self._channels)
        except ValueError as exc:
            raise SoundArrayError(str(exc)) from exc
        self._converter = Converter(rate_hz=self._rate_hz, column=column)

    def convert(self, samples: NDArray[Any], *, is_last: bool = False) -> Samples:
        """Check and convert the next block.

        Args:
            samples: int16 with full scale at 32768, or float32 or float64 with full scale at 1; shape
                (n_samples,) for one channel, or (n_samples, n_channels).
            is_last: whether the stream ends here, which flushes the resampler.

        Returns:
            int16, shape (n,), 16 kHz mono.

        Raises:
            SoundArrayError: wrong type, shape or number of channels, or a sample that is not a number.
        """
        columns = _columns(samples)
        if columns.shape[1] != self._channels:
            raise SoundArrayError(f"got {columns.shape[1]} channels, expected {self._channels}")
        if columns.dtype == np.int16:
            if self._rate_hz == SAMPLE_RATE_HZ and self._channels == 1:
                return np.ascontiguousarray(columns[:, 0])
            return self._converter.convert(to_sound(columns), is_last=is_last)
        _check_values(columns)
        return self._converter.convert(columns.astype(np.float32), is_last=is_last)


def n_channels(samples: NDArray[Any]) -> int:
    """Return the number of channels of an array.

    Raises:
        SoundArrayError: it is not an array of sound.
    """
    return int(_columns(samples).shape[1])


def _columns(samples: NDArray[Any]) -> NDArray[Any]:
    """Check the type and shape of an array; returns it in shape (n_samples, n_channels)."""
    if not isinstance(samples, np.ndarray):
        raise SoundArrayError(f"samples is a {type(samples).__name__}, expected a NumPy array")
    if samples.dtype not in (np.int16, np.float32, np.float64):
        raise SoundArrayError(f"samples is of {samples.dtype}, expected int16, float32 or float64")
    if samples.ndim not in {1, 2}:
        raise SoundArrayError(f"samples has the shape {samples.shape}, {_SHAPE}")
    columns = samples[:, np.newaxis] if samples.ndim == 1 else samples
    if not 1 <= columns.shape[1] <= MAX_CHANNELS:
        raise SoundArrayError(
            f"samples has the shape {samples.shape}, {_SHAPE} with 1 to {MAX_CHANNELS} channels"
        )
    return columns


def _check_values(columns: NDArray[Any]) -> None:
    is_finite = np.isfinite(columns).all(axis=1)
    if not is_finite.all():
        first = int(np.flatnonzero(~is_finite)[0])
        raise SoundArrayError(f"sample {first} is not a finite number; replace NaN and infinity")
    peak = float(np.abs(columns).max(initial=0.0))
    if peak > MAX_PEAK:
        raise SoundArrayError(
            f"float samples reach {peak:g}, expected -1 to 1; divide 16-bit samples by 32768"
        )


def _whole_number(value: object, name: str, minimum: int, maximum: int) -> int:
    is_whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not is_whole or not minimum <= int(value) <= maximum:  # type: ignore[call-overload]
        raise SoundArrayError(f"{name} = {value!r}, expected a whole number from {minimum} to {maximum}")
    return int(value)  # type: ignore[call-overload,no-any-return]

"""The one sound format inside serd: 16 kHz, mono, 16-bit signed integers.

webrtcvad accepts no other format, and the convention of python_speech_features is defined on the same
scale. Each source converts its sound once.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ: Final = 16_000
"""Sample rate of all sound inside serd, in hertz."""
FULL_SCALE: Final = 32_768
"""Magnitude of the most negative sample; 0 dBFS is the RMS of a constant signal of this size."""

SILENCE_DBFS: Final = -100.0
"""Level of digital silence; 16-bit quantization noise is at about -101 dBFS."""

Samples = NDArray[np.int16]
Sound = NDArray[np.float32]
"""Float samples with full scale at 1, for conversion and augmentation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CaptureTime:
    """Relates a source's sample count to the clocks of the machine that captured it."""

    epoch_s: float | None
    """Unix time of the source's sample 0, in seconds; None if unknown."""
    arrived_s: float
    """Monotonic time at which the block's last sample reached this process, in seconds."""


UNTIMED: Final = CaptureTime(epoch_s=None, arrived_s=0.0)
"""Capture time of sound without a known time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AudioBlock:
    """Consecutive sound from a source, of any length."""

    samples: Samples
    """int16, shape (n_samples,), 16 kHz mono."""
    offset_samples: int
    """Position of the first sample, counted from the source's start; a gap means lost sound."""
    captured: CaptureTime
    """Time of capture; ``UNTIMED`` if unknown."""
    problem: str = ""
    """What is wrong with the sound of a live source at present, for people; empty if nothing."""

    @property
    def end_samples(self) -> int:
        """Position after the last sample, counted from the source's start."""
        return self.offset_samples + self.samples.size


def recording_block(samples: Samples) -> AudioBlock:
    """Return a recording as one block.

    Args:
        samples: int16, shape (n_samples,), 16 kHz mono.
    """
    return AudioBlock(samples=samples, offset_samples=0, captured=UNTIMED)


def to_int16(samples: NDArray[np.floating]) -> Samples:
    """Round and clip float sound in [-1, 1) to 16-bit integers; NaN becomes silence.

    Args:
        samples: float, shape (n_samples,); values beyond full scale (and infinities) are clipped.

    Returns:
        int16, shape (n_samples,).
    """
    bounded = np.clip(np.nan_to_num(samples, nan=0.0), -1.0, 1.0)
    rounded: Samples = np.minimum(np.rint(bounded * FULL_SCALE), FULL_SCALE - 1).astype(np.int16)
    return rounded


def to_sound(samples: Samples) -> Sound:
    """Convert 16-bit integers to float.

    Args:
        samples: int16, of any shape.

    Returns:
        float32, of the same shape, from -1 up to but not including 1.
    """
    sound: Sound = samples.astype(np.float32) / np.float32(FULL_SCALE)
    return sound


def level_dbfs(mean_square: float) -> float:
    """Return the level of a signal with the given mean square.

    Args:
        mean_square: mean of the squared int16 samples, 0 or more.

    Returns:
        Level in dB relative to full scale; not below ``SILENCE_DBFS``.
    """
    if mean_square <= 0.0:
        return SILENCE_DBFS
    return max(SILENCE_DBFS, 10.0 * math.log10(mean_square / FULL_SCALE**2))

"""Measures what a microphone adds below speech: a constant offset and mains hum."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serd.audio.format import SAMPLE_RATE_HZ, SILENCE_DBFS, Samples, level_dbfs

MAINS_HZ: Final = (50, 60)
"""Frequencies of the mains, in hertz."""
_N_HARMONICS: Final = 6
_MIN_S: Final = 1.0
"""Shortest sound in which hum is told from noise, in seconds."""
_TOLERANCE: Final = 0.005
"""Deviation of the mains from its nominal frequency, relative."""
_ABOVE_NOISE_DB: Final = 15.0
"""Level of a line of hum above the noise beside it, in dB."""
_NOISE_HZ: Final = (4.0, 16.0)
"""Distance from a line at which the noise beside it is measured, in hertz."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hum:
    """Mains hum in a sound."""

    mains_hz: int
    """Frequency of the mains, in hertz."""
    level_dbfs: float
    """Level of the hum with its harmonics, in dBFS."""
    harmonics_dbfs: float
    """Level of the harmonics above the first, in dBFS; the high-pass filter does not remove these."""


def offset_dbfs(samples: Samples) -> float:
    """Return the level of the constant offset of a sound, in dBFS.

    Args:
        samples: int16, shape (n_samples,), 16 kHz mono.
    """
    return level_dbfs(float(samples.mean(dtype=np.float64)) ** 2) if samples.size else SILENCE_DBFS


def find_hum(samples: Samples) -> Hum | None:
    """Find mains hum: narrow lines at the mains frequency and its harmonics.

    Args:
        samples: int16, shape (n_samples,), 16 kHz mono.

    Returns:
        The stronger hum of both frequencies; None if there is none, or less than a second of sound.
    """
    if samples.size < _MIN_S * SAMPLE_RATE_HZ:
        return None
    power, step_hz = _spectrum(samples)
    found = [hum for mains_hz in MAINS_HZ if (hum := _hum_at(mains_hz, power, step_hz))]
    return max(found, key=lambda hum: hum.level_dbfs, default=None)


def _spectrum(samples: Samples) -> tuple[NDArray[np.float64], float]:
    """Power of each bin, which adds up to the mean square; and the bins' distance."""
    window = np.hanning(samples.size)
    sound = samples - samples.mean(dtype=np.float64)
    power = 2.0 * np.abs(np.fft.rfft(sound * window)) ** 2 / (samples.size * np.sum(window**2))
    return power, SAMPLE_RATE_HZ / samples.size


def _hum_at(mains_hz: int, power: NDArray[np.float64], step_hz: float) -> Hum | None:
    frequency_hz = np.arange(power.size) * step_hz
    lines = []
    for harmonic in range(1, _N_HARMONICS + 1):
        distance_hz = np.abs(frequency_hz - harmonic * mains_hz)
        line = distance_hz <= harmonic * mains_hz * _TOLERANCE + 2.0 * step_hz
        beside = (distance_hz >= _NOISE_HZ[0]) & (distance_hz <= _NOISE_HZ[1])
        noise = max(float(np.median(power[beside])) * line.sum(), 1e-12)
        strength = float(power[line].sum())
        lines.append(strength if strength > noise * 10.0 ** (_ABOVE_NOISE_DB / 10.0) else 0.0)
    # A voice may hold one steady tone; the mains gives its own frequency, or several harmonics of it.
    if not lines[0] and np.count_nonzero(lines) < 3:
        return None
    return Hum(
        mains_hz=mains_hz,
        level_dbfs=level_dbfs(sum(lines)),
        harmonics_dbfs=level_dbfs(sum(lines[1:])),
    )

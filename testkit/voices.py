"""Synthetic voices and rooms, so that no test needs a recording.

The voice is a source-filter model: a train of glottal pulses excites three formant resonators, which
move on to another vowel with every syllable.
"""

import numpy as np
from numpy.typing import NDArray

from serd.audio.format import FULL_SCALE, SAMPLE_RATE_HZ, Samples

_SYLLABLE_S = 0.22
_VOWELS_HZ = np.array(
    [
        [730.0, 1090.0, 2440.0],  # as in "father"
        [300.0, 2100.0, 2900.0],  # "see"
        [550.0, 900.0, 2400.0],  # "law"
        [500.0, 1700.0, 2450.0],  # "bed"
        [440.0, 1050.0, 2250.0],  # "book"
    ]
)
_BANDWIDTHS_HZ = np.array([80.0, 100.0, 140.0])
_GAINS = np.array([1.0, 0.5, 0.25])


def synthetic_voice(
    duration_s: float, *, seed: int = 0, f0_hz: float = 120.0, level_dbfs: float = -20.0
) -> Samples:
    """A voice that webrtcvad takes for speech in at least nine of ten frames.

    Args:
        duration_s: length, in seconds.
        seed: the same seed gives the same samples.
        f0_hz: mean pitch, in hertz.
        level_dbfs: RMS level, in dB relative to full scale.

    Returns:
        int16, shape (n_samples,), 16 kHz mono.
    """
    n_samples = round(duration_s * SAMPLE_RATE_HZ)
    if n_samples == 0:
        return np.empty(0, np.int16)
    excitation = _glottal_pulses(n_samples, f0_hz, np.random.default_rng(seed))
    n_syllable = round(_SYLLABLE_S * SAMPLE_RATE_HZ)
    n_ring = 576
    voice = np.zeros(n_samples + n_ring)
    for number, start in enumerate(range(0, n_samples, n_syllable)):
        syllable = excitation[start : start + n_syllable]
        response = _vowel(_VOWELS_HZ[number % len(_VOWELS_HZ)], n_ring)
        ringing = np.convolve(syllable, response)
        voice[start : start + ringing.size] += ringing
    voice = voice[:n_samples]
    time_s = np.arange(n_samples) / SAMPLE_RATE_HZ
    voice *= 0.65 + 0.35 * np.sin(2.0 * np.pi * time_s / _SYLLABLE_S)
    voice *= FULL_SCALE * 10.0 ** (level_dbfs / 20.0) / np.sqrt(np.mean(voice**2))
    return _to_int16(voice)


def silence(duration_s: float) -> Samples:
    """Digital silence: int16, shape (n_samples,)."""
    return np.zeros(round(duration_s * SAMPLE_RATE_HZ), np.int16)


def quiet_room(duration_s: float, *, seed: int = 0) -> Samples:
    """The noise of a quiet microphone at -80 dBFS, not speech: int16, shape (n_samples,)."""
    noise = np.random.default_rng(seed).normal(0.0, 3.0, round(duration_s * SAMPLE_RATE_HZ))
    return _to_int16(noise)


def _glottal_pulses(n_samples: int, f0_hz: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Glottal pulses with jitter and shimmer, over a little noise: float64, shape (n_samples,)."""
    period = SAMPLE_RATE_HZ / f0_hz
    n_periods = int(1.5 * n_samples / period) + 2
    at = np.cumsum(period * (1.0 + 0.02 * rng.standard_normal(n_periods))).astype(np.int64)
    at = at[at < n_samples]
    pulses = 0.003 * rng.standard_normal(n_samples)
    pulses[at] += 1.0 + 0.05 * rng.standard_normal(at.size)
    return pulses


def _vowel(formants_hz: NDArray[np.float64], n_samples: int) -> NDArray[np.float64]:
    """Impulse response of parallel resonators: float64, shape (n_samples,)."""
    time_s = np.arange(n_samples)[:, np.newaxis] / SAMPLE_RATE_HZ
    ringing = np.exp(-np.pi * _BANDWIDTHS_HZ * time_s) * np.sin(2.0 * np.pi * formants_hz * time_s)
    response: NDArray[np.float64] = ringing @ _GAINS
    return response


def _to_int16(sound: NDArray[np.float64]) -> Samples:
    return np.clip(np.rint(sound), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)

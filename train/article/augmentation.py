"""Augmentation of the article, on a clip's sound.

The article's listings draw with librosa's floats; here the sound is int16, so what grows beyond full
scale is clipped. Pitch is changed by playing the sound faster or slower, through soxr, so that tempo
changes along with it, by up to 12 % for two semitones: keeping the tempo takes a phase vocoder, and with
it librosa and its compiler, for a difference that the mean over coefficients hardly shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import soxr

from serd.audio.format import SAMPLE_RATE_HZ, Samples, Sound, to_int16, to_sound

Variation = Literal["dynamic", "pitch", "shift", "noise"]


@dataclass(frozen=True, kw_only=True, slots=True)
class VariationSettings:
    """Limits of the variations."""

    gain: tuple[float, float] = (1.5, 3.0)
    """Range of the gain of a dynamic change."""
    pitch_semitones: float = 2.0
    """Pitch changes by up to this, up or down, in semitones."""
    shift_samples: int = 2500
    """Most samples by which the sound is rotated, to either side; the article's 5 x 500."""
    noise_share: float = 0.005
    """Standard deviation of white noise at most, as a share of the clip's peak. The article's listing
    does not show it."""


def vary(
    samples: Samples,
    variations: Sequence[Variation],
    rng: np.random.Generator,
    settings: VariationSettings | None = None,
) -> Samples:
    """A varied copy of a clip.

    Args:
        samples: int16, shape (n_samples,), 16 kHz mono, at least one sample.
        variations: variations, in order.
        rng: random generator.
        settings: limits of the variations.

    Returns:
        int16, shape (n,); n is n_samples unless the pitch is varied.
    """
    settings = settings or VariationSettings()
    sound = to_sound(samples)
    for variation in variations:
        sound = _VARY[variation](sound, settings, rng)
    return to_int16(sound)


def _dynamic(sound: Sound, settings: VariationSettings, rng: np.random.Generator) -> Sound:
    return sound * np.float32(rng.uniform(*settings.gain))


def _pitch(sound: Sound, settings: VariationSettings, rng: np.random.Generator) -> Sound:
    semitones = rng.uniform(-settings.pitch_semitones, settings.pitch_semitones)
    faster = 2.0 ** (semitones / 12.0)
    varied: Sound = soxr.resample(sound, SAMPLE_RATE_HZ * faster, SAMPLE_RATE_HZ, quality="MQ")
    return varied


def _shift(sound: Sound, settings: VariationSettings, rng: np.random.Generator) -> Sound:
    return np.roll(sound, int(rng.integers(-settings.shift_samples, settings.shift_samples + 1)))


def _noise(sound: Sound, settings: VariationSettings, rng: np.random.Generator) -> Sound:
    std = settings.noise_share * rng.random() * float(np.max(np.abs(sound)))
    return sound + np.float32(std) * rng.standard_normal(sound.size, np.float32)


_VARY = {"dynamic": _dynamic, "pitch": _pitch, "shift": _shift, "noise": _noise}

"""Variations of a clip's sound, before the segmenter.

T. Ko et al., "Audio Augmentation for Speech Recognition", Interspeech 2015 (speed).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from serd.audio import FULL_SCALE, SAMPLE_RATE_HZ, Samples, to_int16

Sound = NDArray[np.float32]

_TINY = 1e-12
"""Takes the place of a level of zero."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SoundAugment:
    """How a copy of a clip's sound differs from the original."""

    copies: int = 5
    """Augmented copies of each clip, beside the original."""
    speed: float = 0.10
    """Speed and pitch change by up to this share, up or down."""
    gain_db: float = 6.0
    """Level changes by up to this, up or down, in dB."""
    p_noise: float = 0.5
    """Share of copies with noise."""
    snr_db: tuple[float, float] = (8.0, 35.0)
    """Range of the speech's level above the noise's, in dB."""
    p_recorded: float = 0.5
    """Share of noise that is a recording, where there are any; the rest is made."""
    p_band: float = 0.5
    """Share of copies whose high frequencies are weakened, as by a resampler or a narrow microphone."""
    cutoff_hz: tuple[float, float] = (3000.0, 7500.0)
    """Range of the highest frequency that is left as it is, in hertz."""
    roll_off_hz: tuple[float, float] = (200.0, 1500.0)
    """Range of the width over which higher frequencies fade, in hertz."""
    stop_band_db: tuple[float, float] = (12.0, 60.0)
    """Range of what frequencies above the fade lose, in dB."""


Recorded = Callable[[int, np.random.Generator], Sound]
"""Draws recorded noise of so many samples: float32, of RMS 1."""


def augment_sound(
    samples: Samples,
    settings: SoundAugment,
    rng: np.random.Generator,
    recorded: Recorded | None = None,
) -> Samples:
    """A copy that sounds as if spoken, recorded and placed otherwise.

    Args:
        samples: int16, shape (n_samples,), 16 kHz mono.
        settings: how far it may differ.
        rng: draws the differences.
        recorded: draws recordings of noise, if there are any.

    Returns:
        int16, shape (n,); n differs from n_samples by the change of speed.
    """
    sound: Sound = samples.astype(np.float32) / np.float32(FULL_SCALE)
    speed = 1.0 + rng.uniform(-settings.speed, settings.speed)
    sound = soxr.resample(sound, SAMPLE_RATE_HZ * speed, SAMPLE_RATE_HZ, quality="MQ")
    if rng.random() < settings.p_noise:
        snr_db = rng.uniform(*settings.snr_db)
        is_recorded = recorded is not None and rng.random() < settings.p_recorded
        noise = recorded(sound.size, rng) if recorded and is_recorded else made_noise(sound.size, rng)
        sound = sound + noise * np.float32(_speech_level(sound) * 10.0 ** (-snr_db / 20.0))
    if rng.random() < settings.p_band:
        sound = low_pass(
            sound,
            cutoff_hz=rng.uniform(*settings.cutoff_hz),
            roll_off_hz=rng.uniform(*settings.roll_off_hz),
            stop_band_db=rng.uniform(*settings.stop_band_db),
        )
    gain_db = rng.uniform(-settings.gain_db, settings.gain_db)
    return to_int16(sound * np.float32(10.0 ** (gain_db / 20.0)))


def coloured_noise(n_samples: int, exponent: float, rng: np.random.Generator) -> Sound:
    """Noise whose power falls with frequency as 1 / f ** exponent, of RMS 1.

    Args:
        n_samples: length; 2 or more.
        exponent: 0 white, 1 pink, 2 brown.
        rng: draws the noise.

    Returns:
        float32, shape (n_samples,).
    """
    spectrum = np.fft.rfft(rng.standard_normal(n_samples))
    frequency_hz = np.fft.rfftfreq(n_samples, 1.0 / SAMPLE_RATE_HZ)
    spectrum *= np.maximum(frequency_hz, 50.0) ** (-exponent / 2.0)
    spectrum[0] = 0.0
    noise = np.fft.irfft(spectrum, n_samples)
    rms = max(float(np.sqrt(np.mean(noise**2))), _TINY)
    scaled: Sound = (noise / rms).astype(np.float32)
    return scaled


def low_pass(sound: Sound, *, cutoff_hz: float, roll_off_hz: float, stop_band_db: float) -> Sound:
    """Sound with weaker high frequencies.

    Args:
        sound: float32, shape (n_samples,), 16 kHz.
        cutoff_hz: where the loss begins, in hertz.
        roll_off_hz: width over which it grows, evenly in dB, in hertz.
        stop_band_db: what is lost above that, in dB.

    Returns:
        float32, shape (n_samples,).
    """
    frequency_hz = np.fft.rfftfreq(sound.size, 1.0 / SAMPLE_RATE_HZ)
    share = np.clip((frequency_hz - cutoff_hz) / roll_off_hz, 0.0, 1.0)
    gain = 10.0 ** (-stop_band_db * share / 20.0)
    filtered: Sound = np.fft.irfft(np.fft.rfft(sound) * gain, sound.size).astype(np.float32)
    return filtered


def made_noise(n_samples: int, rng: np.random.Generator) -> Sound:
    """Noise of some colour between white and brown: float32, shape (n_samples,), of RMS 1."""
    return coloured_noise(n_samples, rng.uniform(0.0, 2.0), rng)


def _speech_level(sound: Sound) -> float:
    """RMS of the louder half of the sound, which is the speech in it."""
    power = np.square(sound)
    loud = power[: power.size // 400 * 400].reshape(-1, 400).mean(axis=1)
    return float(np.sqrt(np.mean(np.sort(loud)[loud.size // 2 :]))) if loud.size else 0.0

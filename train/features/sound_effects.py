"""Effects on sound: telephone lines, rooms, filters, and noise that is made up.

J.-D. Polack, "La transmission de l'energie sonore dans les salles", 1988 (reverberation as decaying
noise); ITU-T G.712, "Transmission performance characteristics of pulse code modulation channels"
(telephone band); ITU-T G.711, "Pulse code modulation of voice frequencies" (mu-law).
"""

import io
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from serd.audio.format import SAMPLE_RATE_HZ, Samples, Sound, to_sound

LINE_HZ: Final = (300.0, 3400.0)
"""Band of an analogue line, in hertz."""
_LINE_RATE_HZ: Final = 8_000
_Hz = NDArray[np.floating[Any]]
_FIRST_ECHO_S: Final = (0.001, 0.01)
"""Range of the delay of the first reflection, in seconds."""
_BEFORE_PEAK_SAMPLES: Final = 40
"""Samples of a measured response before its peak that belong to the direct sound."""
_N_HARMONICS: Final = 10
_TINY: Final = 1e-12
"""Least level, in place of zero."""
_FFT_STEP_SAMPLES: Final = 1600
"""Large prime factors in its length make a Fourier transform thirty times slower; multiples of this have
none."""


def over_line(sound: Sound, *, band_hz: tuple[float, float] = LINE_HZ) -> Sound:
    """Sound after a telephone line: a narrow band and eight bits per sample.

    Args:
        sound: float32, shape (n_samples,), 16 kHz, full scale being 1; clipped beyond it.
        band_hz: pass band, within 0 to 4000 Hz.

    Returns:
        float32, shape (n_samples,).
    """
    narrow = soxr.resample(sound, SAMPLE_RATE_HZ, _LINE_RATE_HZ)
    spectrum = np.fft.rfft(narrow)
    frequency_hz = np.fft.rfftfreq(narrow.size, 1.0 / _LINE_RATE_HZ)
    spectrum[(frequency_hz < band_hz[0]) | (frequency_hz > band_hz[1])] = 0.0
    heard = _coded(np.fft.irfft(spectrum, narrow.size))
    return as_long(soxr.resample(heard, _LINE_RATE_HZ, SAMPLE_RATE_HZ), sound.size)


def as_long(sound: Sound, n_samples: int) -> Sound:
    """Sound of an exact length: resampling there and back may give one sample more or less."""
    exact: Sound = np.pad(sound[:n_samples], (0, max(0, n_samples - sound.size)))
    return exact


def _coded(sound: NDArray[np.float64]) -> Sound:
    """Encode and decode with the mu-law of libsndfile."""
    line = io.BytesIO()
    soundfile.write(line, np.clip(sound, -1.0, 1.0), _LINE_RATE_HZ, format="RAW", subtype="ULAW")
    line.seek(0)
    decoded, _ = soundfile.read(
        line, dtype="float32", samplerate=_LINE_RATE_HZ, channels=1, format="RAW", subtype="ULAW"
    )
    heard: Sound = decoded
    return heard


def synthetic_room(*, decay_s: float, direct_db: float, rng: np.random.Generator) -> Sound:
    """A synthetic impulse response: the direct sound, and decaying noise from the first echo on.

    Args:
        decay_s: reverberation time RT60, in seconds.
        direct_db: direct-to-reverberant ratio, in dB.
        rng: random generator.

    Returns:
        float32, shape (decay_s in samples,); the direct sound is its first sample, of 1.
    """
    n_samples = round(decay_s * SAMPLE_RATE_HZ)
    response = rng.standard_normal(n_samples) * 10.0 ** (-3.0 * np.arange(n_samples) / n_samples)
    response[: round(rng.uniform(*_FIRST_ECHO_S) * SAMPLE_RATE_HZ)] = 0.0
    response *= 10.0 ** (-direct_db / 20.0) / max(float(np.sqrt(np.sum(response**2))), _TINY)
    response[0] = 1.0
    return response.astype(np.float32)


def in_room(sound: Sound, response: Sound) -> Sound:
    """Sound with reverberation.

    Args:
        sound: float32, shape (n_samples,), 16 kHz.
        response: impulse response, float32, shape (n,), 16 kHz.

    Returns:
        float32, shape (n_samples,), without the tail after the end.
    """
    size = _fft_samples(sound.size + response.size - 1)
    spectrum = np.fft.rfft(sound, size) * np.fft.rfft(response, size)
    heard: Sound = np.fft.irfft(spectrum, size)[: sound.size].astype(np.float32)
    return heard


def measured_room(samples: Samples) -> Sound:
    """A measured impulse response that keeps the level of the direct sound.

    Args:
        samples: the recorded response: int16, shape (n_samples,), 16 kHz; silence before the direct
            sound is cut away.

    Returns:
        float32, shape (n,), the largest magnitude being 1.
    """
    response = to_sound(samples)
    peak = int(np.abs(response).argmax())
    return response[max(0, peak - _BEFORE_PEAK_SAMPLES) :] / np.float32(abs(response[peak]) or 1.0)


def mains_hum(n_samples: int, rng: np.random.Generator) -> Sound:
    """Hum of 50 or 60 Hz with harmonics, of RMS 1: float32, shape (n_samples,)."""
    time_s = np.arange(n_samples) / SAMPLE_RATE_HZ
    hum = np.zeros(n_samples)
    mains_hz = rng.choice((50.0, 60.0)) * rng.uniform(0.998, 1.002)
    for harmonic in range(1, _N_HARMONICS + 1):
        amplitude = rng.uniform(0.0, 1.0) / harmonic
        hum += amplitude * np.sin(2 * np.pi * (mains_hz * harmonic * time_s + rng.random()))
    scaled: Sound = (hum / max(float(np.sqrt(np.mean(hum**2))), _TINY)).astype(np.float32)
    return scaled


def random_noise(n_samples: int, rng: np.random.Generator) -> Sound:
    """Noise between white and brown: float32, shape (n_samples,), RMS 1."""
    return colored_noise(n_samples, rng.uniform(0.0, 2.0), rng)


def colored_noise(n_samples: int, exponent: float, rng: np.random.Generator) -> Sound:
    """Noise with power proportional to 1 / f ** exponent, of RMS 1.

    Args:
        n_samples: length; 2 or more.
        exponent: 0 white, 1 pink, 2 brown.
        rng: draws the noise.

    Returns:
        float32, shape (n_samples,).
    """
    size = _fft_samples(n_samples)
    spectrum = np.fft.rfft(rng.standard_normal(size))
    frequency_hz = np.fft.rfftfreq(size, 1.0 / SAMPLE_RATE_HZ)
    spectrum *= np.maximum(frequency_hz, 50.0) ** (-exponent / 2.0)
    spectrum[0] = 0.0
    noise = np.fft.irfft(spectrum, size)[:n_samples]
    rms = max(float(np.sqrt(np.mean(noise**2))), _TINY)
    scaled: Sound = (noise / rms).astype(np.float32)
    return scaled


def low_pass(sound: Sound, *, cutoff_hz: float, roll_off_hz: float, stop_band_db: float) -> Sound:
    """Low-pass filtered sound.

    Args:
        sound: float32, shape (n_samples,), 16 kHz.
        cutoff_hz: upper end of the pass band, in hertz.
        roll_off_hz: width of the transition band, linear in dB, in hertz.
        stop_band_db: stop-band attenuation, in dB.

    Returns:
        float32, shape (n_samples,).
    """

    def gain(frequency_hz: _Hz) -> _Hz:
        share = np.clip((frequency_hz - cutoff_hz) / roll_off_hz, 0.0, 1.0)
        kept: _Hz = 10.0 ** (-stop_band_db * share / 20.0)
        return kept

    return _filtered(sound, gain)


def high_pass(sound: Sound, *, cutoff_hz: float, order: float) -> Sound:
    """High-pass filtered sound: a zero-phase Butterworth response.

    Args:
        sound: float32, shape (n_samples,), 16 kHz.
        cutoff_hz: frequency attenuated by 3 dB, in hertz.
        order: order of the response, any number above 0; 6 dB per octave each.

    Returns:
        float32, shape (n_samples,).
    """

    def gain(frequency_hz: _Hz) -> _Hz:
        kept: _Hz = 1.0 / np.sqrt(1.0 + (cutoff_hz / np.maximum(frequency_hz, 1.0)) ** (2.0 * order))
        return kept

    return _filtered(sound, gain)


def _filtered(sound: Sound, gain: Callable[[_Hz], _Hz]) -> Sound:
    """Sound with a gain for each frequency in hertz, of the same length."""
    size = _fft_samples(sound.size)
    spectrum = np.fft.rfft(sound, size) * gain(np.fft.rfftfreq(size, 1.0 / SAMPLE_RATE_HZ))
    filtered: Sound = np.fft.irfft(spectrum, size)[: sound.size].astype(np.float32)
    return filtered


def _fft_samples(n_samples: int) -> int:
    """The next length with a fast Fourier transform."""
    return -(-n_samples // _FFT_STEP_SAMPLES) * _FFT_STEP_SAMPLES

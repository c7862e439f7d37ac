"""Synthetic sounds without speech, of kinds that the recordings lack.

A speech detector that uses little more than energy and its rhythm mistakes music, machines and taps for
speech. The sounds here share one or two of the rhythm, pitch and spectrum of speech, never all.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from serd.audio.format import SAMPLE_RATE_HZ, Sound, to_int16
from train.features.sound_effects import colored_noise

_LENGTH_S: Final = 4.0
_LEVEL_DBFS: Final = (-40.0, -6.0)
_N_SAMPLES: Final = round(_LENGTH_S * SAMPLE_RATE_HZ)


def synthetic_noises(folder: Path, n_sounds: int) -> list[Path]:
    """The files of synthetic sounds, each kind in turn; missing ones are written.

    Args:
        folder: folder of the files.
        n_sounds: number of sounds.

    Returns:
        Paths of FLAC files, 16 kHz mono; the same sounds each time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(n_sounds):
        kind = list(_KINDS)[number % len(_KINDS)]
        path = folder / f"made-{kind}-{number:03d}.flac"
        if not path.is_file():
            part = path.with_suffix(".part")
            sound = synthetic_sound(kind, np.random.default_rng(number))
            soundfile.write(part, to_int16(sound), SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_16")
            part.replace(path)
        paths.append(path)
    return paths


def synthetic_sound(kind: str, rng: np.random.Generator) -> Sound:
    """A synthetic sound.

    Args:
        kind: "steady", "surging", "taps", "hum", "tune", "chords", "siren" or "calls".
        rng: random generator.

    Returns:
        float32, shape (64000,), full scale being 1; its RMS is -40 to -6 dBFS before clipping.
    """
    sound = _KINDS[kind](rng)
    if rng.random() < 0.5:  # rooms are rarely silent
        sound = sound + colored_noise(_N_SAMPLES, rng.uniform(0.0, 2.0), rng) * rng.uniform(0.0, 0.2)
    rms = max(float(np.sqrt(np.mean(np.square(sound)))), 1e-9)
    level = 10.0 ** (rng.uniform(*_LEVEL_DBFS) / 20.0)
    scaled: Sound = np.clip(sound * (level / rms), -1.0, 1.0).astype(np.float32)
    return scaled


def _time_s() -> NDArray[np.float64]:
    return np.arange(_N_SAMPLES) / SAMPLE_RATE_HZ


def _steady(rng: np.random.Generator) -> Sound:
    """Noise of one colour: a fan, rain, a road."""
    return colored_noise(_N_SAMPLES, rng.uniform(-0.5, 2.0), rng)


def _surging(rng: np.random.Generator) -> Sound:
    """Noise modulated at the rate of syllables: waves, wiping, engines."""
    depth = rng.uniform(0.5, 1.0)
    phase = 2.0 * np.pi * np.cumsum(_wandering(rng, 1.0, 8.0)) / SAMPLE_RATE_HZ
    swell = 1.0 - depth * (0.5 + 0.5 * np.sin(phase))
    return (colored_noise(_N_SAMPLES, rng.uniform(0.0, 2.0), rng) * swell**2).astype(np.float32)


def _taps(rng: np.random.Generator) -> Sound:
    """Short bursts: keys, steps, dishes, a clock."""
    sound = np.zeros(_N_SAMPLES, np.float32)
    for _ in range(int(rng.integers(4, 40))):
        length = int(rng.uniform(0.005, 0.15) * SAMPLE_RATE_HZ)
        first = int(rng.integers(_N_SAMPLES - length))
        fade = np.exp(-np.linspace(0.0, rng.uniform(3.0, 9.0), length))
        burst = colored_noise(length, rng.uniform(-1.0, 2.0), rng) * fade
        sound[first : first + length] += burst.astype(np.float32) * np.float32(rng.uniform(0.1, 1.0))
    return sound


def _hum(rng: np.random.Generator) -> Sound:
    """A steady pitch with its harmonics: mains, a motor, a shaver."""
    return _harmonic(np.full(_N_SAMPLES, rng.uniform(40.0, 300.0)), rng)


def _tune(rng: np.random.Generator) -> Sound:
    """Notes one after another, each fading."""
    pitch_hz = np.empty(_N_SAMPLES)
    swell = np.empty(_N_SAMPLES)
    first = 0
    while first < _N_SAMPLES:
        last = min(_N_SAMPLES, first + int(rng.uniform(0.08, 0.8) * SAMPLE_RATE_HZ))
        pitch_hz[first:last] = 110.0 * 2.0 ** (rng.integers(0, 36) / 12.0)
        swell[first:last] = np.exp(-np.linspace(0.0, rng.uniform(0.5, 5.0), last - first))
        first = last
    return (_harmonic(pitch_hz, rng) * swell).astype(np.float32)


def _chords(rng: np.random.Generator) -> Sound:
    """Several simultaneous tunes."""
    sound = np.zeros(_N_SAMPLES, np.float32)
    for _ in range(int(rng.integers(2, 5))):
        sound += _tune(rng)
    return sound


def _siren(rng: np.random.Generator) -> Sound:
    """A gliding pitch: an alarm, a bird, a whistle, a whining dog."""
    low_hz = rng.uniform(200.0, 1500.0)
    return _harmonic(_wandering(rng, low_hz, low_hz * rng.uniform(1.2, 3.0)), rng)


def _calls(rng: np.random.Generator) -> Sound:
    """Repeated cries with fixed resonances: a bark, a crow, a whimper."""
    pitch_hz = rng.uniform(250.0, 1200.0)
    bend, breath = rng.uniform(-0.5, 0.7), rng.uniform(0.0, 0.8)
    length_s, pause_s = rng.uniform(0.08, 1.2), rng.uniform(0.05, 0.6)
    resonances_hz = rng.uniform(500.0, 4000.0, int(rng.integers(1, 4)))
    sound = np.zeros(_N_SAMPLES, np.float32)
    first = int(rng.uniform(0.0, 0.3) * SAMPLE_RATE_HZ)
    while first < _N_SAMPLES - 800:
        length = min(_N_SAMPLES - first, int(length_s * rng.uniform(0.7, 1.3) * SAMPLE_RATE_HZ))
        share = np.linspace(0.0, 1.0, length)
        glide_hz = pitch_hz * rng.uniform(0.9, 1.1) * (1.0 + bend * np.sin(np.pi * share))
        cry = _harmonic(glide_hz, rng) + breath * colored_noise(length, 0.5, rng)
        sound[first : first + length] += (cry * np.sin(np.pi * share) ** 0.5).astype(np.float32)
        first += length + int(pause_s * rng.uniform(0.5, 1.5) * SAMPLE_RATE_HZ)
    return _resonant(sound, resonances_hz, rng)


def _resonant(sound: Sound, resonances_hz: NDArray[np.float64], rng: np.random.Generator) -> Sound:
    """Sound with resonances, as of a throat or a box."""
    frequency_hz = np.fft.rfftfreq(sound.size, 1.0 / SAMPLE_RATE_HZ)
    gain = np.full(frequency_hz.size, rng.uniform(0.02, 0.3))
    for resonance_hz in resonances_hz:
        gain += 1.0 / (1.0 + ((frequency_hz - resonance_hz) / rng.uniform(50.0, 400.0)) ** 2)
    heard: Sound = np.fft.irfft(np.fft.rfft(sound) * gain, sound.size).astype(np.float32)
    return heard


def _harmonic(pitch_hz: NDArray[np.float64], rng: np.random.Generator) -> Sound:
    """A tone with decreasing harmonics and no formants."""
    phase = 2.0 * np.pi * np.cumsum(pitch_hz) / SAMPLE_RATE_HZ
    slope = rng.uniform(0.5, 2.5)
    sound = np.zeros(pitch_hz.size)
    for number in range(1, 1 + int(rng.integers(1, 25))):
        audible = number * pitch_hz < SAMPLE_RATE_HZ / 2
        sound += audible * np.sin(number * phase + rng.uniform(0.0, 6.28)) * number**-slope
    return sound.astype(np.float32)


def _wandering(rng: np.random.Generator, low: float, high: float) -> NDArray[np.float64]:
    """A value that moves smoothly between two bounds, shape (n_samples,)."""
    n_points = int(rng.integers(3, 20))
    points_s = np.linspace(0.0, _LENGTH_S, n_points)
    return np.interp(_time_s(), points_s, rng.uniform(low, high, n_points))


_KINDS: Final[dict[str, Callable[[np.random.Generator], Sound]]] = {
    "steady": _steady,
    "surging": _surging,
    "taps": _taps,
    "hum": _hum,
    "tune": _tune,
    "chords": _chords,
    "siren": _siren,
    "calls": _calls,
}

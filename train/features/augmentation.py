"""Augmentation of a clip's sound, before the segmenter.

T. Ko et al., "Audio Augmentation for Speech Recognition", Interspeech 2015 (speed). The sources of the
other effects are in ``train.features.sound_effects``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import soxr

from serd.audio.format import SAMPLE_RATE_HZ, Samples, Sound, to_int16, to_sound
from train.features.sound_effects import (
    high_pass,
    in_room,
    low_pass,
    mains_hum,
    over_line,
    random_noise,
    synthetic_room,
)

_TINY: Final = 1e-12
"""Least level, in place of zero."""
Recorded = Callable[[int, np.random.Generator], Sound]
"""Draws recorded noise of a number of samples: float32, RMS 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SoundAugment:
    """Parameters of the augmented copies of a clip."""

    copies: int = 16
    """Augmented copies of each clip of RAVDESS, of which there are the fewest."""
    other_copies: int = 12
    """Augmented copies of each other clip; never more than ``copies``."""
    speed: float = 0.12
    """Speed and pitch change by up to this share, up or down."""
    noise_speed: float = 0.4
    """The same for noise, since animals and machines vary more in size."""
    gain_db: float = 6.0
    """Level changes by up to this, up or down, in dB."""
    p_room: float = 0.25
    """Share of copies with reverberation."""
    decay_s: tuple[float, float] = (0.1, 0.6)
    """Range of the reverberation time RT60, in seconds."""
    direct_db: tuple[float, float] = (-3.0, 15.0)
    """Range of the direct-to-reverberant ratio, in dB."""
    p_measured: float = 0.5
    """Share of measured rooms among the reverberation, if there are any; the rest is synthetic."""
    p_hum: float = 0.1
    """Share of copies with mains hum."""
    hum_db: tuple[float, float] = (-25.0, 10.0)
    """Range of the level of the hum relative to the speech, in dB."""
    p_noise: float = 0.65
    """Share of copies with noise."""
    snr_db: tuple[float, float] = (-3.0, 27.0)
    """Range of the signal-to-noise ratio, in dB."""
    p_recorded: float = 0.6
    """Share of recordings among the noise, if there are any; the rest is synthetic."""
    p_band: float = 0.4
    """Share of low-pass filtered copies, as by a resampler or a narrow microphone."""
    cutoff_hz: tuple[float, float] = (3000.0, 7500.0)
    """Range of the upper end of the pass band, in hertz."""
    roll_off_hz: tuple[float, float] = (200.0, 1500.0)
    """Range of the width of the transition band, in hertz."""
    stop_band_db: tuple[float, float] = (12.0, 60.0)
    """Range of the stop-band attenuation, in dB."""
    p_thin: float = 0.3
    """Share of high-pass filtered copies, as by a telephone or a small microphone."""
    lowest_hz: tuple[float, float] = (80.0, 450.0)
    """Range of the cutoff frequency, in hertz."""
    thin_order: tuple[float, float] = (2.0, 16.0)
    """Range of the order of the Butterworth response, 6 dB per octave each."""
    p_line: float = 0.2
    """Share of copies over a telephone line."""
    line_low_hz: tuple[float, float] = (150.0, 450.0)
    """Range of the lowest frequency of a line, in hertz."""
    line_high_hz: tuple[float, float] = (3000.0, 3900.0)
    """Range of the highest frequency of a line, in hertz."""
    p_clip: float = 0.15
    """Share of clipped copies."""
    clip_db: tuple[float, float] = (0.0, 14.0)
    """Range of the peak above full scale before clipping, in dB."""


def augment_sound(
    samples: Samples,
    settings: SoundAugment,
    rng: np.random.Generator,
    recorded: Recorded | None = None,
    rooms: Sequence[Sound] = (),
) -> Samples:
    """An augmented copy of a clip.

    Args:
        samples: int16, shape (n_samples,), 16 kHz mono.
        settings: parameters of the augmentation.
        rng: random generator.
        recorded: draws recordings of noise; None for synthetic noise only.
        rooms: measured impulse responses, float32, shape (n_samples,) each.

    Returns:
        int16, shape (n,); n is n_samples divided by the speed.
    """
    sound = to_sound(samples)
    speed = 1.0 + rng.uniform(-settings.speed, settings.speed)
    sound = soxr.resample(sound, SAMPLE_RATE_HZ * speed, SAMPLE_RATE_HZ, quality="MQ")
    if rng.random() < settings.p_room:
        if rooms and rng.random() < settings.p_measured:
            response = rooms[int(rng.integers(len(rooms)))]
        else:
            decay_s, direct_db = rng.uniform(*settings.decay_s), rng.uniform(*settings.direct_db)
            response = synthetic_room(decay_s=decay_s, direct_db=direct_db, rng=rng)
        sound = in_room(sound, response)
    if rng.random() < settings.p_hum:
        hum = mains_hum(sound.size, rng)
        sound = sound + hum * np.float32(_speech_level(sound)) * _gain(rng.uniform(*settings.hum_db))
    if rng.random() < settings.p_noise:
        snr_db = rng.uniform(*settings.snr_db)
        is_recorded = recorded is not None and rng.random() < settings.p_recorded
        noise = recorded(sound.size, rng) if recorded and is_recorded else random_noise(sound.size, rng)
        sound = sound + noise * np.float32(_speech_level(sound)) * _gain(-snr_db)
    if rng.random() < settings.p_band:
        sound = low_pass(
            sound,
            cutoff_hz=rng.uniform(*settings.cutoff_hz),
            roll_off_hz=rng.uniform(*settings.roll_off_hz),
            stop_band_db=rng.uniform(*settings.stop_band_db),
        )
    if rng.random() < settings.p_thin:
        order = float(np.exp(rng.uniform(*np.log(settings.thin_order))))
        sound = high_pass(sound, cutoff_hz=rng.uniform(*settings.lowest_hz), order=order)
    if rng.random() < settings.p_clip:
        peak = max(float(np.abs(sound).max()), _TINY)
        gain = _gain(rng.uniform(*settings.clip_db)) / np.float32(peak)
    else:
        gain = _gain(rng.uniform(-settings.gain_db, settings.gain_db))
    sound = sound * gain
    if rng.random() < settings.p_line:
        band_hz = rng.uniform(*settings.line_low_hz), rng.uniform(*settings.line_high_hz)
        sound = over_line(sound, band_hz=band_hz)
    return to_int16(sound)


def _gain(level_db: float) -> np.float32:
    return np.float32(10.0 ** (level_db / 20.0))


def _speech_level(sound: Sound) -> float:
    """RMS of the louder half of the frames, which hold the speech."""
    power = np.square(sound)
    loud = power[: power.size // 400 * 400].reshape(-1, 400).mean(axis=1)
    return float(np.sqrt(np.mean(np.sort(loud)[loud.size // 2 :]))) if loud.size else 0.0

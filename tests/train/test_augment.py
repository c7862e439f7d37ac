"""Variations stay what they claim to be."""

import numpy as np
import pytest
from voices import synthetic_voice

from serd.audio import SAMPLE_RATE_HZ
from train.augment import (
    SoundAugment,
    augment_sound,
    coloured_noise,
    low_pass,
)


def test_the_same_seed_gives_the_same_sound() -> None:
    voice = synthetic_voice(1.0)
    first, again, other = (
        augment_sound(voice, SoundAugment(), np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


@pytest.mark.parametrize("seed", range(20))
def test_speed_stays_within_its_bounds(seed: int) -> None:
    voice = synthetic_voice(1.0)
    copy = augment_sound(voice, SoundAugment(speed=0.1), np.random.default_rng(seed))
    assert voice.size / 1.1 - 2 <= copy.size <= voice.size / 0.9 + 2
    assert copy.dtype == np.int16


@pytest.mark.parametrize("n_samples", [1, 2, 100])
def test_very_short_and_silent_sound_is_no_reason_to_fail(n_samples: int) -> None:
    settings = SoundAugment(p_noise=1.0, p_band=1.0)
    silent = np.zeros(n_samples, np.int16)
    assert not augment_sound(silent, settings, np.random.default_rng(0)).any()


@pytest.mark.parametrize(("exponent", "slope_db"), [(0.0, 0.0), (1.0, -3.0), (2.0, -6.0)])
def test_noise_falls_by_its_colour_each_octave(exponent: float, slope_db: float) -> None:
    noise = coloured_noise(2**17, exponent, np.random.default_rng(0))
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(1.0, abs=1e-4)
    power = np.abs(np.fft.rfft(noise)) ** 2
    hz = np.fft.rfftfreq(noise.size, 1 / SAMPLE_RATE_HZ)
    low, high = (power[(hz >= at) & (hz < 1.2 * at)].mean() for at in (1000.0, 2000.0))
    assert 10 * np.log10(high / low) == pytest.approx(slope_db, abs=0.7)


def test_low_pass_keeps_the_low_and_takes_the_high() -> None:
    noise = coloured_noise(2**14, 0.0, np.random.default_rng(0))
    power = (
        np.abs(np.fft.rfft(low_pass(noise, cutoff_hz=4000.0, roll_off_hz=400.0, stop_band_db=60.0))) ** 2
    )
    before = np.abs(np.fft.rfft(noise)) ** 2
    hz = np.fft.rfftfreq(noise.size, 1 / SAMPLE_RATE_HZ)
    assert np.allclose(power[hz < 3900], before[hz < 3900], rtol=1e-2)
    assert np.allclose(power[hz > 4500], before[hz > 4500] * 1e-6, rtol=1e-1)

"""Variations stay what they claim to be."""

from dataclasses import replace

import numpy as np
import pytest
from voices import synthetic_voice

from serd.audio import SAMPLE_RATE_HZ
from serd.features import MFCC40_V1, mfcc
from train.augment import (
    FeatureAugment,
    FeatureAugmenter,
    SoundAugment,
    augment_sound,
    coloured_noise,
    low_pass,
)

N_FRAMES = 298
OFF = FeatureAugment(p_shift=0.0, gain_db=0.0, p_warp=0.0, n_time_masks=0, p_band_mask=0.0, p_mixup=0.0)


@pytest.fixture
def frames() -> np.ndarray:
    return mfcc(synthetic_voice(1.5))


def _augmenter(settings: FeatureAugment, frames: np.ndarray) -> FeatureAugmenter:
    return FeatureAugmenter(settings, MFCC40_V1, frames.mean(axis=0))


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


def test_without_any_variation_a_window_is_the_daemons(frames: np.ndarray) -> None:
    window = _augmenter(OFF, frames).draw(frames, N_FRAMES, np.random.default_rng(0))
    assert np.array_equal(window, frames[np.arange(N_FRAMES) % len(frames)])


def test_a_variation_leaves_the_original_as_it_is(frames: np.ndarray) -> None:
    before = frames.copy()
    augmenter = _augmenter(FeatureAugment(), frames)
    rng = np.random.default_rng(0)
    for _ in range(20):
        window = augmenter.draw(frames, N_FRAMES, rng)
        assert window.shape == (N_FRAMES, 40)
        assert np.isfinite(window).all()
    assert np.array_equal(frames, before)


def test_a_louder_copy_has_the_mfccs_of_louder_sound(frames: np.ndarray) -> None:
    """The drawn gain shifts log energy alone, as a real gain does."""
    voice = synthetic_voice(1.5, level_dbfs=-30.0)
    louder = mfcc((voice * 2).astype(np.int16))
    difference = louder - mfcc(voice)
    assert np.allclose(difference[:, 0], 2 * np.log(2.0), atol=1e-3)
    assert np.allclose(difference[:, 1:], 0.0, atol=0.02)


def test_a_warp_by_nothing_changes_nothing(frames: np.ndarray) -> None:
    settings = replace(OFF, p_warp=1.0, warp=0.0)
    window = _augmenter(settings, frames).draw(frames, N_FRAMES, np.random.default_rng(0))
    assert np.allclose(window, frames[np.arange(N_FRAMES) % len(frames)], atol=1e-2)


def test_masks_put_the_mean_in_place(frames: np.ndarray) -> None:
    settings = replace(OFF, n_time_masks=1, time_mask_frames=40)
    mean = frames.mean(axis=0)
    plain = frames[np.arange(N_FRAMES) % len(frames)]
    window = _augmenter(settings, frames).draw(frames, N_FRAMES, np.random.default_rng(3))
    changed = (window != plain).any(axis=1)
    assert 0 < changed.sum() <= 40
    assert np.array_equal(window[changed], np.tile(mean, (changed.sum(), 1)))


def test_a_masked_band_leaves_energy_alone(frames: np.ndarray) -> None:
    settings = replace(OFF, p_band_mask=1.0)
    window = _augmenter(settings, frames).draw(frames, N_FRAMES, np.random.default_rng(0))
    plain = frames[np.arange(N_FRAMES) % len(frames)]
    assert np.array_equal(window[:, 0], plain[:, 0])
    assert not np.allclose(window, plain)

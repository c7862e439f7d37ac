"""Variations of a window stay what they claim to be."""

from dataclasses import replace

import numpy as np
import pytest

from serd.model.mfcc import MFCC40_V1, cepstral_matrix, mfcc
from testkit.voices import synthetic_voice
from train.features.feature_augmentation import FeatureAugment, FeatureAugmenter

N_FRAMES = 298
OFF = FeatureAugment(
    p_shift=0.0,
    gain_db=0.0,
    p_level=0.0,
    p_warp=0.0,
    n_time_masks=0,
    p_band_mask=0.0,
    p_filter=0.0,
)


@pytest.fixture
def frames() -> np.ndarray:
    """MFCCs of a second and a half of a voice."""
    return mfcc(synthetic_voice(1.5))


def _augmenter(settings: FeatureAugment, frames: np.ndarray) -> FeatureAugmenter:
    return FeatureAugmenter(settings, MFCC40_V1, frames.mean(axis=0))


def test_without_any_variation_a_window_is_the_daemons(frames: np.ndarray) -> None:
    """The frames as they are, repeated until the window is full."""
    window = _augmenter(OFF, frames).draw(frames, N_FRAMES, np.random.default_rng(0))
    assert np.array_equal(window, frames[np.arange(N_FRAMES) % len(frames)])


def test_a_variation_leaves_the_original_as_it_is(frames: np.ndarray) -> None:
    """However often it is drawn from; each window is full and finite."""
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
    quiet, louder = mfcc(voice), mfcc((voice * 2).astype(np.int16))
    assert np.allclose(louder - quiet, np.eye(40)[0] * 2 * np.log(2.0), atol=0.02)
    augmenter = _augmenter(replace(OFF, gain_db=6.0), frames)
    rng = np.random.default_rng(0)
    gains = []
    for _ in range(20):
        difference = augmenter.draw(quiet, len(quiet), rng) - quiet
        gains.append(float(difference[0, 0]))
        assert np.allclose(difference, np.eye(40)[0] * gains[-1], atol=1e-4)
    most = np.log(10.0) * 6.0 / 10.0
    assert -most <= min(gains) < 0.0 < max(gains) <= most


def test_a_warp_by_nothing_changes_nothing(frames: np.ndarray) -> None:
    """There and back between coefficients and filters, nothing is lost."""
    settings = replace(OFF, p_warp=1.0, warp=0.0)
    window = _augmenter(settings, frames).draw(frames, N_FRAMES, np.random.default_rng(0))
    assert np.allclose(window, frames[np.arange(N_FRAMES) % len(frames)], atol=1e-2)


def test_a_filter_adds_the_same_to_every_frame_but_not_to_its_energy(frames: np.ndarray) -> None:
    """As a filter of the sound does; the response differs from window to window by some decibels."""
    augmenter = _augmenter(replace(OFF, p_filter=1.0, filter_db=3.0), frames)
    rng = np.random.default_rng(0)
    plain = frames[np.arange(N_FRAMES) % len(frames)]
    responses = []
    for _ in range(200):
        added = augmenter.draw(frames, N_FRAMES, rng) - plain
        assert np.allclose(added, added[0], atol=1e-3)
        assert np.allclose(added[:, 0], 0.0, atol=1e-4)
        responses.append(np.linalg.pinv(cepstral_matrix(MFCC40_V1)[:, 1:]).T @ added[0, 1:])
    gains_db = np.array(responses) * 10.0 / np.log(10.0)
    assert 2.0 < gains_db.std() < 5.0


def test_masks_put_the_mean_in_place(frames: np.ndarray) -> None:
    """In 40 frames at most, and in at least one; the others stay."""
    settings = replace(OFF, n_time_masks=1, time_mask_frames=40)
    mean = frames.mean(axis=0)
    plain = frames[np.arange(N_FRAMES) % len(frames)]
    window = _augmenter(settings, frames).draw(frames, N_FRAMES, np.random.default_rng(3))
    changed = (window != plain).any(axis=1)
    assert 0 < changed.sum() <= 40
    assert np.array_equal(window[changed], np.tile(mean, (changed.sum(), 1)))


def test_a_masked_band_leaves_energy_alone(frames: np.ndarray) -> None:
    """The other coefficients change."""
    settings = replace(OFF, p_band_mask=1.0)
    window = _augmenter(settings, frames).draw(frames, N_FRAMES, np.random.default_rng(0))
    plain = frames[np.arange(N_FRAMES) % len(frames)]
    assert np.array_equal(window[:, 0], plain[:, 0])
    assert not np.allclose(window, plain)

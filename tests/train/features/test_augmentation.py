"""Variations stay what they claim to be."""

import numpy as np
import pytest

from testkit.voices import synthetic_voice
from train.features.augmentation import SoundAugment, augment_sound


def test_the_same_seed_gives_the_same_sound() -> None:
    """Another seed gives another."""
    voice = synthetic_voice(1.0)
    first, again, other = (
        augment_sound(voice, SoundAugment(), np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


@pytest.mark.parametrize("seed", range(20))
def test_speed_stays_within_its_bounds(seed: int) -> None:
    """With a speed of 0.1 a copy is a tenth faster or slower at most."""
    voice = synthetic_voice(1.0)
    copy = augment_sound(voice, SoundAugment(speed=0.1), np.random.default_rng(seed))
    assert voice.size / 1.1 - 2 <= copy.size <= voice.size / 0.9 + 2
    assert copy.dtype == np.int16


@pytest.mark.parametrize("n_samples", [1, 2, 100])
def test_very_short_and_silent_sound_is_no_reason_to_fail(n_samples: int) -> None:
    """With room, noise, filters and clipping for certain silence stays silent, down to one sample."""
    settings = SoundAugment(p_room=1.0, p_noise=1.0, p_band=1.0, p_thin=1.0, p_clip=1.0)
    silent = np.zeros(n_samples, np.int16)
    assert not augment_sound(silent, settings, np.random.default_rng(0)).any()


def test_measured_rooms_are_among_the_copies_where_there_are_any() -> None:
    """A copy in a measured room alone is the dry copy with that response."""
    voice = synthetic_voice(1.0)
    settings = SoundAugment(
        speed=0.0,
        p_room=1.0,
        p_measured=1.0,
        p_hum=0.0,
        p_noise=0.0,
        p_band=0.0,
        p_thin=0.0,
        p_line=0.0,
        p_clip=0.0,
        gain_db=0.0,
    )
    response = np.zeros(2400, np.float32)
    response[[0, 1600]] = 1.0, 0.5
    copy = augment_sound(voice, settings, np.random.default_rng(0), rooms=[response]).astype(float)
    echo = 0.5 * np.concatenate((np.zeros(1600), voice[:-1600]))
    assert np.abs(copy - voice - echo).max() <= 1.5


def test_a_clipped_copy_stands_at_full_scale() -> None:
    """Of a copy 6 dB too loud some samples do, and fewer than half."""
    settings = SoundAugment(p_noise=0.0, p_room=0.0, p_clip=1.0, clip_db=(6.0, 6.0))
    copy = augment_sound(synthetic_voice(1.0), settings, np.random.default_rng(0))
    at_full_scale = np.abs(copy.astype(int)) >= 32767
    assert 0.001 < at_full_scale.mean() < 0.5

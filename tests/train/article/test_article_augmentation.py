"""The article's variations do to a clip what the article says, and no more."""

import numpy as np
import pytest

from serd.audio.format import SAMPLE_RATE_HZ
from testkit.voices import synthetic_voice
from train.article.augmentation import Variation, VariationSettings, vary

SEEDS = range(12)


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    """A second of a voice, quiet enough that no gain clips it."""
    return synthetic_voice(1.0, level_dbfs=-35.0)


def _rms(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(sound.astype(np.float64)))))


def test_a_dynamic_change_is_a_gain_of_one_and_a_half_to_three(voice: np.ndarray) -> None:
    """Over some seeds the gain goes from one end of the range to the other."""
    gains = [_rms(vary(voice, ["dynamic"], np.random.default_rng(s))) / _rms(voice) for s in SEEDS]
    assert 1.49 < min(gains) < 1.9
    assert 2.5 < max(gains) < 3.01


def test_a_gain_is_clipped_at_full_scale() -> None:
    """What would be louder does not wrap around."""
    loud = np.full(100, 30_000, np.int16)
    assert vary(loud, ["dynamic"], np.random.default_rng(0)).max() == np.iinfo(np.int16).max


def test_a_shift_moves_what_there_is_and_loses_nothing(voice: np.ndarray) -> None:
    """By 2,500 samples at most, to either side; what leaves at one end enters at the other."""
    shifts = []
    for seed in SEEDS:
        moved = vary(voice, ["shift"], np.random.default_rng(seed))
        assert np.array_equal(np.sort(moved), np.sort(voice))
        ahead = [n for n in range(-2500, 2501) if moved[n % voice.size] == voice[0]]
        shifts += [n for n in ahead if np.array_equal(np.roll(voice, n), moved)]
    assert len(shifts) == len(SEEDS)
    assert min(shifts) < 0 < max(shifts)


def test_pitch_moves_by_two_semitones_at_most() -> None:
    """Up as well as down, and the sound gets as much shorter or longer."""
    time_s = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    tone = (8000 * np.sin(2 * np.pi * 440.0 * time_s)).astype(np.int16)
    semitones = []
    for seed in SEEDS:
        varied = vary(tone, ["pitch"], np.random.default_rng(seed))
        power = np.abs(np.fft.rfft(varied, 4 * SAMPLE_RATE_HZ))
        semitones.append(12 * np.log2(power.argmax() / 4 / 440.0))
        assert varied.size == pytest.approx(tone.size / 2 ** (semitones[-1] / 12), rel=2e-3)
    assert -2.05 < min(semitones) < 0 < max(semitones) < 2.05


def test_noise_stays_below_its_share_of_the_peak(voice: np.ndarray) -> None:
    """With a share of 0.1 each copy has some noise, and none much more than a tenth of the peak."""
    settings = VariationSettings(noise_share=0.1)
    peak = np.abs(voice).max()
    noises = [
        _rms(vary(voice, ["noise"], np.random.default_rng(s), settings) - voice) / peak for s in SEEDS
    ]
    assert min(noises) > 0.0
    assert 0.05 < max(noises) < 0.11


@pytest.mark.parametrize("variations", [["noise", "shift"], ["pitch", "noise"]])
def test_variations_combine_and_the_generator_decides(
    voice: np.ndarray, variations: list[Variation]
) -> None:
    """Of two at once the same seed makes the same sound, and another seed another."""
    one, same, other = (vary(voice, variations, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert one.size != other.size or not np.array_equal(one, other)
    assert one.dtype == np.int16

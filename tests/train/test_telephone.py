"""A telephone line: its band, its eight bits, and nothing else."""

import numpy as np
import pytest

from serd.audio.format import SAMPLE_RATE_HZ
from train.telephone import over_line


def _tone(frequency_hz: float, *, level: float = 0.3) -> np.ndarray:
    time_s = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    return (level * np.sin(2.0 * np.pi * frequency_hz * time_s)).astype(np.float32)


def _level_db(sound: np.ndarray, reference: np.ndarray) -> float:
    middle = slice(2_000, -2_000)
    power = np.mean(np.square(sound[middle])) / np.mean(np.square(reference[middle]))
    return float(10.0 * np.log10(max(power, 1e-12)))


@pytest.mark.parametrize("frequency_hz", [400.0, 1_000.0, 3_200.0])
def test_what_lies_in_the_band_is_left_as_it_is(frequency_hz: float) -> None:
    """Tones of 400 to 3,200 Hz pass within 0.2 dB."""
    tone = _tone(frequency_hz)
    assert _level_db(over_line(tone), tone) == pytest.approx(0.0, abs=0.2)


@pytest.mark.parametrize("frequency_hz", [100.0, 250.0, 3_600.0, 6_000.0])
def test_what_lies_outside_is_gone(frequency_hz: float) -> None:
    """Tones of 100 and 250 Hz, 3.6 and 6 kHz lose more than 40 dB."""
    tone = _tone(frequency_hz)
    assert _level_db(over_line(tone), tone) < -40.0


def test_another_band_is_another_line() -> None:
    """A tone of 250 Hz passes where the band begins at 150 Hz."""
    tone = _tone(250.0)
    heard = over_line(tone, band_hz=(150.0, 3_800.0))
    assert _level_db(heard, tone) == pytest.approx(0.0, abs=0.2)


def test_the_eight_bits_leave_a_noise_that_follows_the_level() -> None:
    """G.711 has some 38 dB between a signal and its rounding, at 0.3 of full scale and at 0.03."""
    for level in (0.3, 0.03):
        tone = _tone(1_010.0, level=level)
        noise_db = _level_db(over_line(tone) - tone, tone)
        assert -44.0 < noise_db < -30.0


@pytest.mark.parametrize("n_samples", [1, 2, 15_999, 16_001])
def test_it_is_as_long_as_before_and_finite(n_samples: int) -> None:
    """Loud sound is cut off at full scale, which resampling overshoots by 7 dB at most."""
    sound = 30.0 * np.random.default_rng(0).standard_normal(n_samples).astype(np.float32)
    heard = over_line(sound)
    assert heard.shape == sound.shape
    assert heard.dtype == np.float32
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() < 2.25 < np.abs(sound).max()

"""Offset and hum are measured, and told from voices."""

import numpy as np
import pytest

from serd.audio.format import SAMPLE_RATE_HZ, Samples
from serd.cli.doctor.interference import find_hum, offset_dbfs
from testkit.voices import synthetic_voice


def _with_hum(mains_hz: float, amplitudes: list[float], under: Samples) -> Samples:
    time_s = np.arange(under.size) / SAMPLE_RATE_HZ
    hum = sum(
        amplitude * np.sin(2 * np.pi * mains_hz * harmonic * time_s + harmonic)
        for harmonic, amplitude in enumerate(amplitudes, start=1)
    )
    return np.rint(under + hum).clip(-32768, 32767).astype(np.int16)


def _noise(level: float, seconds: float = 3.0) -> Samples:
    rng = np.random.default_rng(0)
    return np.rint(rng.normal(0.0, level, round(seconds * SAMPLE_RATE_HZ))).astype(np.int16)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, -0.1])
def test_the_offset_is_the_level_of_the_mean(share: float) -> None:
    """From a thousandth of full scale to a tenth, of either sign, under noise."""
    samples = (_noise(10.0) + round(share * 32768)).astype(np.int16)
    assert offset_dbfs(samples) == pytest.approx(20 * np.log10(abs(share)), abs=0.3)


@pytest.mark.parametrize("mains_hz", [49.9, 50.0, 60.0, 60.1])
@pytest.mark.parametrize("under", [_noise(5.0), synthetic_voice(3.0, level_dbfs=-45.0)])
def test_hum_is_found_with_its_level(mains_hz: float, under: Samples) -> None:
    """Under noise and under a faint voice; -40 dBFS in all, its harmonics 6 dB below the first."""
    first = 32768 * 10 ** (-40 / 20) * np.sqrt(2) / np.sqrt(1.25)
    hum = find_hum(_with_hum(mains_hz, [first, 0.0, first / 2], under))
    assert hum is not None
    assert hum.mains_hz == round(mains_hz)
    assert hum.level_dbfs == pytest.approx(-40.0, abs=1.0)
    assert hum.harmonics_dbfs == pytest.approx(-47.0, abs=1.0)


@pytest.mark.parametrize("pitch_hz", [50.0, 97.0, 120.0, 150.0, 210.0])
def test_a_steady_tone_or_noise_is_no_hum(pitch_hz: float) -> None:
    """A single tone is hum at the mains frequency alone."""
    found = find_hum(_with_hum(pitch_hz, [500.0], _noise(20.0)))
    assert (found is not None) == (pitch_hz == 50.0)
    assert find_hum(_noise(200.0)) is None


def test_voices_are_no_hum() -> None:
    """Nor is sound of less than a second."""
    assert find_hum(synthetic_voice(3.0)) is None
    assert find_hum(_with_hum(50.0, [3000.0], _noise(5.0, seconds=0.5))) is None

"""The high-pass filter in front of the voice detector."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

from serd.audio.format import SAMPLE_RATE_HZ, UNTIMED, AudioBlock, Samples
from serd.speech.high_pass import SECTIONS, HighPass
from serd.speech.vad import VoiceActivity, VoiceSettings

_RNG_SAMPLES = np.random.default_rng(7).integers(-9000, 9000, 4000).astype(np.int16)


def _filtered(samples: Samples, sizes: Sequence[int] = ()) -> Samples:
    high_pass = HighPass()
    bounds = [0, *np.minimum(np.cumsum(sizes), samples.size).astype(int).tolist(), samples.size]
    return np.concatenate([high_pass.filter(samples[start:end]) for start, end in pairwise(bounds)])


def _tone(hz: float, amplitude: float = 8000.0, seconds: float = 2.0) -> Samples:
    time_s = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return np.rint(amplitude * np.sin(2 * np.pi * hz * time_s)).astype(np.int16)


def test_the_filter_is_that_of_scipy() -> None:
    """SciPy designs the same coefficients, and filters the same sound to the same samples."""
    _, poles, _ = scipy.signal.cheby2(5, 30, 70, "high", fs=SAMPLE_RATE_HZ, output="zpk")
    turns = np.array([0, 50, -50, 60, -60]) / SAMPLE_RATE_HZ
    zeros = np.exp(2j * np.pi * turns)
    gain = abs(np.prod(-1 - poles) / np.prod(-1 - zeros))
    designed = scipy.signal.zpk2sos(zeros, poles, gain)
    assert np.allclose(SECTIONS, designed, atol=1e-12)
    start = scipy.signal.sosfilt_zi(designed) * float(_RNG_SAMPLES[0])
    expected, _ = scipy.signal.sosfilt(designed, _RNG_SAMPLES.astype(float), zi=start)
    assert np.array_equal(_filtered(_RNG_SAMPLES), np.rint(expected))


@given(st.lists(st.integers(0, 700), max_size=12))
def test_blocks_of_any_size_give_the_same_sound(sizes: list[int]) -> None:
    """However the sound is divided into blocks, the same samples come out."""
    assert np.array_equal(_filtered(_RNG_SAMPLES, sizes), _filtered(_RNG_SAMPLES))


@pytest.mark.parametrize("offset", [-32768, -3277, 33, 3277])
def test_an_offset_is_silence_from_the_first_sample(offset: int) -> None:
    """A constant offset, however large, leaves digital silence without a step at the start."""
    assert not _filtered(np.full(16_000, offset, np.int16)).any()


@pytest.mark.parametrize(
    ("hz", "low_db", "high_db"),
    [
        *((hz, -999.0, -57.0) for hz in (49.5, 50.0, 50.5, 59.5, 60.0, 60.5)),
        (20.0, -40.0, -27.0),
        (120.0, -0.5, 0.1),
        (1000.0, -0.1, 0.1),
    ],
)
def test_hum_goes_and_voices_stay(hz: float, low_db: float, high_db: float) -> None:
    """Mains hum loses 57 dB or more, rumble 27 dB, and what lies above 120 Hz less than 0.5 dB."""
    amplitude = 30_000.0
    settled = _filtered(_tone(hz, amplitude))[SAMPLE_RATE_HZ:].astype(float)
    rms = max(1e-9, float(np.sqrt(np.mean(settled**2))))
    assert low_db <= 20 * np.log10(rms / (amplitude / np.sqrt(2))) <= high_db


def test_a_gap_starts_the_filter_afresh() -> None:
    """Frames after a gap in the sound of a source are filtered as if they were its first."""
    voice = VoiceActivity(_Silent, VoiceSettings(), HighPass())
    sound = _tone(300)[:960]
    first, after = (
        voice.process(AudioBlock(samples=sound, offset_samples=start, captured=UNTIMED)).samples
        for start in (0, 5000)
    )
    assert np.array_equal(first, after)
    assert np.array_equal(first, _filtered(sound))


class _Silent:
    """A detector of 10 ms frames that hears no speech."""

    frame_samples = 160

    def speech_probability(self, _frame: Samples) -> float:
        """Never."""
        return 0.0


def test_full_scale_is_clipped_not_wrapped() -> None:
    """A step between the extremes stays within 16 bits with its sign."""
    step = np.concatenate((np.full(400, -32768, np.int16), np.full(400, 32767, np.int16)))
    assert _filtered(step)[400] == 32767

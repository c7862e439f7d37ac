"""Pitch is found where there is one, and nowhere else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.audio.format import FULL_SCALE, SAMPLE_RATE_HZ, Samples
from testkit.voices import quiet_room, silence, synthetic_voice
from train.features.pitch import MAX_HZ, MIN_HZ, voice_frames


def _tone(f0_hz: float, *, n_partials: int = 1, level_dbfs: float = -20.0) -> Samples:
    time_s = np.arange(SAMPLE_RATE_HZ // 2) / SAMPLE_RATE_HZ
    partials = range(1, n_partials + 1)
    sound = sum(np.sin(2.0 * np.pi * number * f0_hz * time_s + number) / number for number in partials)
    sound *= FULL_SCALE * 10.0 ** (level_dbfs / 20.0) / np.sqrt(np.mean(np.square(sound)))
    return np.rint(sound).astype(np.int16)


@given(st.floats(MIN_HZ + 2.0, MAX_HZ - 20.0), st.integers(1, 6))
def test_a_tone_is_found_to_half_a_percent(f0_hz: float, n_partials: int) -> None:
    """In every frame, from 62 to 680 Hz and with one to six partials."""
    pitch_hz = voice_frames(_tone(f0_hz, n_partials=n_partials)).pitch_hz
    assert not np.isnan(pitch_hz).any()
    assert np.allclose(pitch_hz, f0_hz, rtol=5e-3)


@pytest.mark.parametrize("level_dbfs", [-40.0, -20.0, -12.0])
def test_the_level_is_that_of_the_tone(level_dbfs: float) -> None:
    """Its RMS is found to a tenth of a decibel, from -40 to -12 dBFS."""
    assert voice_frames(_tone(200.0, level_dbfs=level_dbfs)).level_dbfs == pytest.approx(
        level_dbfs, abs=0.1
    )


def test_silence_around_a_voice_changes_neither() -> None:
    """A second on either side moves the level by at most 0.5 dB and the pitch by at most 2 %."""
    alone = voice_frames(synthetic_voice(1.0, f0_hz=160.0))
    surrounded = np.concatenate((silence(1.0), synthetic_voice(1.0, f0_hz=160.0), silence(1.0)))
    framed = voice_frames(surrounded)
    assert framed.level_dbfs == pytest.approx(alone.level_dbfs, abs=0.5)
    assert framed.median_hz == pytest.approx(alone.median_hz, rel=0.02)


@pytest.mark.parametrize("f0_hz", [90.0, 140.0, 220.0, 330.0])
def test_a_voice_has_the_pitch_that_it_was_made_with(f0_hz: float) -> None:
    """The median is within 3 % of it, for a low voice and for a high one."""
    frames = voice_frames(synthetic_voice(1.0, f0_hz=f0_hz))
    assert frames.median_hz == pytest.approx(f0_hz, rel=0.03)


@pytest.mark.parametrize("sound", [silence(1.0), quiet_room(1.0), silence(0.01)])
def test_without_a_voice_there_is_no_pitch(sound: Samples) -> None:
    """Silence, a quiet room and a clip that is too short have NaN for pitch and level."""
    frames = voice_frames(sound)
    assert np.isnan(frames.pitch_hz).all()
    assert np.isnan(frames.median_hz)
    assert np.isnan(frames.level_dbfs)


def test_there_is_a_frame_every_ten_milliseconds() -> None:
    """A second of voice gives 94 to 100 of them."""
    frames = voice_frames(synthetic_voice(1.0)).pitch_hz
    assert 94 <= frames.size <= 100

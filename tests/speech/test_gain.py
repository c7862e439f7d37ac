"""Gain control amplifies faint speech for the voice detector, but not noise or loud speech."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.audio.format import FULL_SCALE
from serd.speech.gain import GainControl


def _power(level_dbfs: float) -> float:
    return float(FULL_SCALE**2 * 10.0 ** (level_dbfs / 10.0))


def _gain_control(max_gain_db: float = 36.0) -> GainControl:
    return GainControl(frame_s=0.03, max_gain_db=max_gain_db)


@pytest.mark.parametrize(
    ("background_dbfs", "speech_dbfs", "doublings"),
    [
        (-85.0, -20.0, 0),  # recorded at a desk
        (-98.0, -50.0, 2),  # from across the room
        (-98.0, -75.0, 6),
        (-73.0, -50.0, 2),  # from across a louder room
        (-50.0, -45.0, 0),  # a fan
    ],
)
def test_speech_is_brought_to_a_level_that_the_background_allows(
    background_dbfs: float, speech_dbfs: float, doublings: int
) -> None:
    """Faint speech is amplified in a quiet room, less in a louder room, and not beside a fan."""
    gain = _gain_control()
    for _ in range(30):
        gain.doublings(_power(background_dbfs))
    assert gain.doublings(_power(speech_dbfs)) == doublings


def test_the_first_frames_are_amplified_less() -> None:
    """Just after its start, webrtcvad takes even faint noise for speech."""
    gain = _gain_control()
    n_doublings = [gain.doublings(_power(-85.0)) for _ in range(10)]
    assert n_doublings == [3] * 7 + [4] * 3


def test_a_maximum_gain_of_0_db_amplifies_nothing() -> None:
    """Faint and loud frames stay unchanged."""
    gain = _gain_control(max_gain_db=0.0)
    assert {gain.doublings(_power(level)) for level in (-95.0, -60.0, -20.0)} == {0}


def test_digital_silence_is_not_the_background() -> None:
    """The first sound after it is not amplified."""
    gain = _gain_control()
    for _ in range(30):
        gain.doublings(0.0)
    assert gain.doublings(_power(-50.0)) == 0


def test_a_louder_background_lowers_the_gain_within_seconds() -> None:
    """12 s after a room's noise rose from -90 to -62 dBFS, it is not amplified."""
    gain = _gain_control()
    quiet = [gain.doublings(_power(-90.0)) for _ in range(100)]
    louder = [gain.doublings(_power(-62.0)) for _ in range(round(12.0 / 0.03))]
    assert quiet[-1] > louder[-1] == 0


@given(st.lists(st.floats(-98.0, 0.0), min_size=1, max_size=50), st.floats(0.0, 48.0))
def test_no_frame_is_amplified_above_the_level_of_the_foreground(
    levels: list[float], max_gain_db: float
) -> None:
    """No frame is amplified above -35 dBFS, or by more than the maximum gain."""
    gain = _gain_control(max_gain_db)
    for level_dbfs in levels:
        gain_db = 20.0 * np.log10(2.0) * gain.doublings(_power(level_dbfs))
        assert 0.0 <= gain_db <= max_gain_db * 1.01
        assert gain_db == 0.0 or level_dbfs + gain_db <= -35.0 + 1e-6

"""How far faint sound is amplified for the voice detector: not a room's noise, not loud speech."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.audio.format import FULL_SCALE
from serd.speech.vad import GainControl


def _power(level_dbfs: float) -> float:
    return float(FULL_SCALE**2 * 10.0 ** (level_dbfs / 10.0))


def _loudness(max_gain_db: float = 36.0) -> GainControl:
    return GainControl(frame_s=0.03, max_gain_db=max_gain_db)


@pytest.mark.parametrize(
    ("background_dbfs", "speech_dbfs", "doublings"),
    [
        (-85.0, -20.0, 0),  # as recorded at a desk
        (-98.0, -50.0, 2),  # the same from across the room
        (-98.0, -75.0, 5),
        (-73.0, -50.0, 1),  # there, but in a louder room
        (-50.0, -45.0, 0),  # a fan
    ],
)
def test_speech_is_brought_to_a_level_that_the_background_allows(
    background_dbfs: float, speech_dbfs: float, doublings: int
) -> None:
    """Faint speech is amplified in a quiet room, less in a louder one, and not at all over a fan."""
    loudness = _loudness()
    for _ in range(30):
        loudness.doublings(_power(background_dbfs))
    assert loudness.doublings(_power(speech_dbfs)) == doublings


def test_no_gain_is_asked_for_where_none_is_allowed() -> None:
    """With 0 dB at most, faint and loud frames stay as they are."""
    loudness = _loudness(max_gain_db=0.0)
    assert {loudness.doublings(_power(level)) for level in (-95.0, -60.0, -20.0)} == {0}


def test_digital_silence_says_nothing_of_the_room() -> None:
    """It is no quiet background: the first sound after it is not amplified."""
    loudness = _loudness()
    for _ in range(30):
        loudness.doublings(0.0)
    assert loudness.doublings(_power(-50.0)) == 0


def test_a_room_that_has_become_louder_is_learnt_within_seconds() -> None:
    """12 s after a room's noise has risen from -90 to -62 dBFS, it is amplified no more."""
    loudness = _loudness()
    quiet = [loudness.doublings(_power(-90.0)) for _ in range(100)]
    louder = [loudness.doublings(_power(-62.0)) for _ in range(round(12.0 / 0.03))]
    assert quiet[-1] > louder[-1] == 0


@given(st.lists(st.floats(-98.0, 0.0), min_size=1, max_size=50), st.floats(0.0, 48.0))
def test_a_frame_never_passes_the_level_of_the_foreground(levels: list[float], most_db: float) -> None:
    """None is raised above -35 dBFS, nor by more than is allowed."""
    loudness = _loudness(most_db)
    for level_dbfs in levels:
        gain_db = 20.0 * np.log10(2.0) * loudness.doublings(_power(level_dbfs))
        assert 0.0 <= gain_db <= most_db * 1.01
        assert gain_db == 0.0 or level_dbfs + gain_db <= -35.0 + 1e-6

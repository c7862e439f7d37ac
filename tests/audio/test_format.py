"""The one sound format: rounding, clipping and levels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from serd.audio.format import FULL_SCALE, SILENCE_DBFS, level_dbfs, to_int16, to_sound


def test_every_16_bit_value_survives_the_conversion_to_float() -> None:
    """Sound of 16 bits is unchanged by the conversion and back."""
    every = np.arange(-FULL_SCALE, FULL_SCALE, dtype=np.int16)
    sound = to_sound(every)
    assert sound.dtype == np.float32
    np.testing.assert_array_equal(sound, every.astype(np.float64) / FULL_SCALE)
    np.testing.assert_array_equal(to_int16(sound), every)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, 0),
        (0.4 / FULL_SCALE, 0),
        (0.6 / FULL_SCALE, 1),
        (-0.6 / FULL_SCALE, -1),
        (1.0, 32767),
        (-1.0, -32768),
        (7.5, 32767),
        (-7.5, -32768),
        (np.inf, 32767),
        (-np.inf, -32768),
        (np.nan, 0),
        (3e38, 32767),
    ],
)
def test_values_beyond_full_scale_are_clipped(value: float, expected: int) -> None:
    """No value wraps around."""
    assert to_int16(np.array([value], np.float32)).tolist() == [expected]


@given(hnp.arrays(np.float32, st.integers(0, 50)))
def test_any_float_becomes_the_nearest_16_bit_value(samples: np.ndarray) -> None:
    """Every float32, subnormal, infinite or NaN, gives the nearest of the 65,536 values or silence."""
    got = to_int16(samples)
    nearest = [0 if np.isnan(x) else round(min(max(float(x), -1.0), 1.0) * FULL_SCALE) for x in samples]
    assert got.dtype == np.int16
    assert got.tolist() == [min(x, FULL_SCALE - 1) for x in nearest]


@pytest.mark.parametrize(
    ("mean_square", "expected"),
    [
        (float(FULL_SCALE**2), 0.0),
        (FULL_SCALE**2 / 2.0, -3.0103),
        (FULL_SCALE**2 / 100.0, -20.0),
        (1.0, -90.309),
        (1e-9, SILENCE_DBFS),
        (0.0, SILENCE_DBFS),
    ],
)
def test_level_is_in_db_relative_to_full_scale(mean_square: float, expected: float) -> None:
    """A full-scale constant is 0 dBFS, digital silence is -100 dBFS and nothing is below it."""
    assert level_dbfs(mean_square) == pytest.approx(expected, abs=1e-3)

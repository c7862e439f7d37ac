"""Conversion to serd's format, against soxr on the whole signal."""

import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from serd.audio.format import Samples, to_int16
from serd.audio.resample import Converter, FloatSound
from testkit.voices import synthetic_voice

_RATES_HZ = [8000, 11025, 22050, 44100, 48000, 96000, 192000]


def _noise(n_samples: int, n_channels: int = 1) -> FloatSound:
    noise: FloatSound = (
        np.random.default_rng(0).normal(0.0, 0.1, (n_samples, n_channels)).astype(np.float32)
    )
    return noise


def _in_blocks(converter: Converter, sound: FloatSound, sizes: list[int]) -> Samples:
    pieces = np.split(sound, np.cumsum(sizes).clip(max=len(sound)))
    blocks = [converter.convert(piece) for piece in pieces]
    blocks.append(converter.convert(sound[:0], is_last=True))
    return np.concatenate(blocks)


@pytest.mark.parametrize("rate_hz", _RATES_HZ)
@pytest.mark.parametrize("block", [7, 441, 1440, 100_000])
def test_resampling_a_stream_equals_resampling_the_whole(rate_hz: int, block: int) -> None:
    """At every rate, blocks of any size give the samples of soxr on the whole signal."""
    sound = _noise(rate_hz // 4)
    whole = to_int16(soxr.resample(sound[:, 0], rate_hz, 16000))
    got = _in_blocks(Converter(rate_hz=rate_hz), sound, [block] * (len(sound) // block))
    assert got.size == 4000
    np.testing.assert_array_equal(got, whole)


@given(st.lists(st.integers(0, 3000), max_size=12))
def test_any_partition_of_a_resampled_stream_is_the_same(sizes: list[int]) -> None:
    """Empty blocks, single samples and long blocks do not change the result."""
    sound = _noise(4410)
    whole = to_int16(soxr.resample(sound[:, 0], 44100, 16000))
    np.testing.assert_array_equal(_in_blocks(Converter(rate_hz=44100), sound, sizes), whole)


@pytest.mark.parametrize("rate_hz", [8000, 48000])
def test_resampling_preserves_time_and_level(rate_hz: int) -> None:
    """A tone has the same position and level, without the resampler's delay."""
    time_s = np.arange(rate_hz) / rate_hz
    sound = (0.5 * np.sin(2 * np.pi * 440.0 * time_s)).astype(np.float32)[:, np.newaxis]
    got = Converter(rate_hz=rate_hz).convert(sound, is_last=True)
    expected = np.rint(0.5 * 32768 * np.sin(2 * np.pi * 440.0 * np.arange(16000) / 16000))
    inner = slice(800, 15200)
    assert np.abs(got[inner] - expected[inner]).max() <= 3


@given(hnp.arrays(np.int16, st.integers(0, 500)), st.lists(st.integers(0, 200), max_size=5))
def test_sound_in_serds_own_format_is_unchanged(samples: Samples, sizes: list[int]) -> None:
    """Every sample of 16 kHz mono is bit-exact."""
    sound = (samples.astype(np.float32) / 32768)[:, np.newaxis]
    np.testing.assert_array_equal(_in_blocks(Converter(rate_hz=16000), sound, sizes), samples)


def test_mix_averages_all_channels() -> None:
    """Six channels have equal weight; opposite phases cancel out."""
    one = synthetic_voice(0.1).astype(np.float32) / 32768
    sound = np.stack([one, one, one, -one, one, one], axis=1)
    got = Converter(rate_hz=16000).convert(sound)
    np.testing.assert_array_equal(got, to_int16(one * np.float32(4 / 6)))


@pytest.mark.parametrize("column", [0, 1, 5])
def test_one_channel_is_picked(column: int) -> None:
    """The other channels have no effect."""
    sound = _noise(500, 6)
    got = Converter(rate_hz=16000, column=column).convert(sound)
    np.testing.assert_array_equal(got, to_int16(sound[:, column]))


def test_the_picked_channel_is_resampled() -> None:
    """The result equals resampling that channel alone."""
    sound = _noise(4800, 2)
    got = Converter(rate_hz=48000, column=1).convert(sound, is_last=True)
    np.testing.assert_array_equal(got, to_int16(soxr.resample(sound[:, 1], 48000, 16000)))


@pytest.mark.parametrize("rate_hz", [16000, 48000])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_numbers_become_silence_and_are_counted(rate_hz: int, value: float) -> None:
    """One bad sample gives one silent sample, and does not affect the resampler's state."""
    sound = _noise(rate_hz // 2)
    silenced = sound.copy()
    sound[[100, 5000]] = value
    silenced[[100, 5000]] = 0.0
    converter = Converter(rate_hz=rate_hz)
    got = converter.convert(sound, is_last=True)
    np.testing.assert_array_equal(got, Converter(rate_hz=rate_hz).convert(silenced, is_last=True))
    assert converter.n_not_finite == 2


def test_nan_in_one_channel_leaves_the_others() -> None:
    """A dead channel of NaN does not silence the mix."""
    sound = _noise(100, 2)
    expected = to_int16(sound[:, 0] / 2)
    sound[:, 1] = np.nan
    converter = Converter(rate_hz=16000)
    np.testing.assert_array_equal(converter.convert(sound), expected)
    assert converter.n_not_finite == 100


def test_only_the_channel_in_use_is_counted() -> None:
    """NaN in an unused channel is ignored."""
    sound = _noise(100, 2)
    expected = to_int16(sound[:, 0])
    sound[:, 1] = np.inf
    converter = Converter(rate_hz=16000, column=0)
    np.testing.assert_array_equal(converter.convert(sound), expected)
    assert converter.n_not_finite == 0


def test_opposite_infinities_are_counted_without_a_warning() -> None:
    """Infinity minus infinity is NaN too, and NumPy prints no warning."""
    sound = np.array([[np.inf, -np.inf], [0.5, 0.5]], np.float32)
    converter = Converter(rate_hz=16000)
    assert converter.convert(sound).tolist() == [0, 16384]
    assert converter.n_not_finite == 2


@given(hnp.arrays(np.float32, st.tuples(st.integers(0, 60), st.integers(1, 3))))
def test_no_float_sound_breaks_the_converter(sound: FloatSound) -> None:
    """Any 32-bit float, however large, gives 16-bit sound without an overflow."""
    for rate_hz in (16000, 48000):
        got = Converter(rate_hz=rate_hz).convert(sound, is_last=True)
        assert got.dtype == np.int16

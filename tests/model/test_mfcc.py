"""MFCCs against python_speech_features, and streams against whole signals."""

from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import python_speech_features
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from serd.audio.files import read_samples
from serd.audio.format import Samples
from serd.model.front_end import FRONT_ENDS
from serd.model.mfcc import MFCC40_V1, Mfccs, MfccStream, mfcc
from testkit.voices import quiet_room, silence, synthetic_voice

_LIMIT_REFERENCE = 1e-3
_LIMIT_STREAM = 1e-5


def _reference(samples: Samples) -> np.ndarray:
    """Return the MFCCs of python_speech_features."""
    frames: np.ndarray = python_speech_features.mfcc(
        samples, 16000, 0.025, 0.01, 40, 40, 512, 0, None, 0.97, 22, True, np.hamming
    )
    return frames


def _in_blocks(samples: Samples, sizes: list[int]) -> Mfccs:
    """MFCCs of a signal cut into blocks of the given sizes, the last one taking the rest."""
    stream = MfccStream(MFCC40_V1)
    edges = [0, *np.cumsum(sizes).tolist(), max(samples.size, sum(sizes))]
    frames = [stream.push(samples[a:b]) for a, b in pairwise(edges)]
    return np.concatenate((*frames, stream.finish()))


def _tone(frequency_hz: float, amplitude: float = 32000.0) -> Samples:
    time_s = np.arange(16000) / 16000
    return np.rint(amplitude * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.int16)


def _impulse(height: int) -> Samples:
    samples = silence(1.0)
    samples[5000] = height
    return samples


def _random(n_samples: int, amplitude: int = 32768) -> Samples:
    return np.random.default_rng(0).integers(-amplitude, amplitude, n_samples).astype(np.int16)


_VOICE = synthetic_voice(3.0)
_SIGNALS = {
    "random": _random(48000),
    "voice": _VOICE,
    "high voice": synthetic_voice(1.0, f0_hz=260.0, seed=1),
    "faint voice": synthetic_voice(1.0, level_dbfs=-60.0),
    "silence": silence(1.0),
    "quiet room": quiet_room(1.0),
    "last bit": _random(16000, 2),
    "clipped": np.clip(_VOICE.astype(np.int32) * 100, -32768, 32767).astype(np.int16),
    "square": np.where(np.arange(16000) // 20 % 2, 32767, -32768).astype(np.int16),
    "tone 1 kHz": _tone(1000.0),
    "tone between bins": _tone(1234.5),
    "tone 31 Hz": _tone(31.25),
    "half the sample rate": np.where(np.arange(16000) % 2, 32767, -32768).astype(np.int16),
    "impulse": _impulse(32767),
    "impulse of one": _impulse(1),
    "most negative impulse": _impulse(-32768),
    "DC": np.full(16000, 32767, np.int16),
    "DC of one": np.full(16000, 1, np.int16),
    "voice, then silence": np.concatenate((_VOICE[:8000], silence(0.5), _VOICE[8000:16000])),
}


@pytest.mark.parametrize("samples", _SIGNALS.values(), ids=_SIGNALS.keys())
def test_mfcc_equals_python_speech_features(samples: Samples) -> None:
    """On every kind of signal the largest difference to the reference is below 1e-3."""
    got, expected = mfcc(samples), _reference(samples)
    assert got.shape == expected.shape
    assert got.dtype == np.float32
    assert np.abs(got - expected).max() < _LIMIT_REFERENCE


@pytest.mark.parametrize("n_samples", [*range(1, 402, 25), 399, 400, 401, 402, 559, 560, 561, 720])
def test_mfcc_of_a_very_short_signal_equals_the_reference(n_samples: int) -> None:
    """A signal of one sample or more gives the frames of the reference, the last one padded."""
    samples = _random(n_samples)
    expected = _reference(samples)
    got = mfcc(samples)
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() < _LIMIT_REFERENCE


@given(hnp.arrays(np.int16, st.integers(1, 1500)))
@example(np.full(1000, -32768, np.int16))
def test_mfcc_of_any_signal_equals_the_reference(samples: Samples) -> None:
    """The two agree on random signals."""
    assert np.abs(mfcc(samples) - _reference(samples)).max() < _LIMIT_REFERENCE


@given(st.lists(st.integers(0, 3000), max_size=30))
@example([1] * 700)
@example([0, 400, 0, 160, 1, 159, 0])
def test_blocks_of_any_size_give_the_frames_of_the_whole(sizes: list[int]) -> None:
    """The frames do not depend on the blocks, which may be empty."""
    whole = mfcc(_VOICE)
    got = _in_blocks(_VOICE, sizes)
    assert got.shape == whole.shape
    assert np.abs(got - whole).max() < _LIMIT_STREAM


@given(hnp.arrays(np.int16, st.integers(1, 2000)), st.lists(st.integers(0, 700), max_size=8))
def test_blocks_of_any_sound_give_the_frames_of_the_whole(samples: Samples, sizes: list[int]) -> None:
    """The frames of random sound do not depend on the blocks."""
    whole = mfcc(samples)
    got = _in_blocks(samples, sizes)
    assert got.shape == whole.shape
    assert np.abs(got - whole).max() < _LIMIT_STREAM


@pytest.mark.parametrize("block", [160, 480, 1024, 16000])
@pytest.mark.parametrize("samples", _SIGNALS.values(), ids=_SIGNALS.keys())
def test_usual_blocks_of_every_signal_give_the_frames_of_the_whole(samples: Samples, block: int) -> None:
    """The quiet bands of artificial signals do not depend on the blocks either."""
    got = _in_blocks(samples, [block] * (samples.size // block))
    assert np.abs(got - mfcc(samples)).max() < _LIMIT_STREAM


def test_a_frame_is_returned_as_soon_as_it_is_complete() -> None:
    """400 samples give the first frame, each 160 more the next."""
    stream = MfccStream(MFCC40_V1)
    counts = [len(stream.push(_VOICE[start : start + 80])) for start in range(0, 1200, 80)]
    assert counts == [0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]


def test_finish_and_reset_clear_the_state() -> None:
    """The sound, pre-emphasis and counts of one signal do not affect the next."""
    stream = MfccStream(MFCC40_V1)
    whole = mfcc(_VOICE[5000:9000])
    stream.push(_VOICE[:777])
    stream.finish()
    after_finish = np.concatenate((stream.push(_VOICE[5000:9000]), stream.finish()))
    stream.push(_VOICE[:777])
    stream.reset()
    after_reset = np.concatenate((stream.push(_VOICE[5000:9000]), stream.finish()))
    np.testing.assert_array_equal(after_finish, whole)
    np.testing.assert_array_equal(after_reset, whole)


def test_a_block_is_copied() -> None:
    """A source may reuse its buffer after ``push``, which does not change it."""
    buffer = _VOICE[:500].copy()
    stream = MfccStream(MFCC40_V1)
    first = stream.push(buffer)
    np.testing.assert_array_equal(buffer, _VOICE[:500])
    buffer[:] = 12345
    rest = np.concatenate((first, stream.push(_VOICE[500:2000]), stream.finish()))
    np.testing.assert_array_equal(rest, mfcc(_VOICE[:2000]))


@given(st.integers(0, 5000))
def test_n_frames_counts_the_whole_frames(n_samples: int) -> None:
    """A frame starts each 160 samples, as long as 400 are left; a stream gives as many."""
    n_frames = len(range(0, n_samples - 399, 160))
    assert MFCC40_V1.n_frames(n_samples) == n_frames
    assert len(MfccStream(MFCC40_V1).push(_VOICE[:n_samples])) == n_frames


def test_a_window_of_three_seconds_has_298_frames() -> None:
    """The shape of the network's input follows from the window's length."""
    assert MFCC40_V1.n_frames(48000) == 298
    assert MFCC40_V1.n_frames(400) == 1
    assert MFCC40_V1.n_frames(399) == 0


def test_the_name_mfcc40_v1_never_changes_its_meaning() -> None:
    """Existing models depend on these numbers: a change needs a new name."""
    assert asdict(FRONT_ENDS["mfcc40-v1"]) == {
        "name": "mfcc40-v1",
        "sample_rate_hz": 16000,
        "frame_length_samples": 400,
        "frame_hop_samples": 160,
        "n_fft": 512,
        "n_filters": 40,
        "n_mfcc": 40,
        "preemphasis": 0.97,
        "lifter": 22,
        "window": "hamming",
    }


def test_mfcc_of_real_speech_equals_the_reference(ravdess_clips: list[Path]) -> None:
    """On recordings, the largest difference to the reference is below 1e-3 as well."""
    for clip in ravdess_clips[:10]:
        samples = read_samples(clip)
        whole = mfcc(samples)
        assert np.abs(whole - _reference(samples)).max() < _LIMIT_REFERENCE, clip.name
        blocks = _in_blocks(samples, [480] * (samples.size // 480))
        assert np.abs(blocks - whole).max() < _LIMIT_STREAM, clip.name

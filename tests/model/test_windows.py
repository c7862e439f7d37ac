"""Features of windows: equal to those of the whole utterance, and computed once."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.audio.format import CaptureTime, Samples
from serd.model.mfcc import MFCC40_V1, Mfccs, MfccStream
from serd.model.windows import PADDINGS, WindowFeatures, amplified, pad
from serd.speech.segments import SpeechWindow
from testkit.voices import synthetic_voice

_VOICE = synthetic_voice(4.0)


def _window(
    sound: Samples, start: int, end: int, *, utterance: int = 1, is_last: bool = False
) -> SpeechWindow:
    return SpeechWindow(
        samples=sound[start:end],
        utterance=utterance,
        position_samples=start,
        start_s=start / 16000,
        end_s=end / 16000,
        speech_s=(end - start) / 16000,
        new_speech_s=(end - start) / 16000,
        level_dbfs=-20.0,
        is_last=is_last,
        captured=CaptureTime(epoch_s=0.0, arrived_s=0.0),
    )


def _spans(n_samples: int, window: int, hop: int) -> Iterator[tuple[int, int]]:
    """Yield full windows as the segmenter cuts them, and a last one that ends with the sound."""
    ends = list(range(window, n_samples + 1, hop))
    yield from ((end - window, end) for end in ends)
    if not ends or n_samples > ends[-1]:
        yield max(0, n_samples - window), n_samples


def _whole(sound: Samples) -> Mfccs:
    """Return every whole frame of an utterance, from a new stream."""
    return MfccStream(MFCC40_V1).push(sound)


@given(
    window_hops=st.integers(50, 150),
    hop_hops=st.integers(1, 50),
    n_hops=st.integers(3, 400),
)
def test_windows_hold_the_frames_of_the_utterance(window_hops: int, hop_hops: int, n_hops: int) -> None:
    """For any window, hop and length, the frames equal those of the whole utterance."""
    window, hop = 160 * window_hops, 160 * hop_hops
    sound = _VOICE[: 160 * n_hops]
    n_frames = MFCC40_V1.n_frames(window)
    features = WindowFeatures(MFCC40_V1, window_samples=window, padding="repeat")
    expected = _whole(sound)
    for start, end in _spans(sound.size, window, hop):
        got = features.process(_window(sound, start, end)).features
        assert got.shape == (n_frames, 40)
        frames = expected[start // 160 :][: MFCC40_V1.n_frames(end - start)]
        np.testing.assert_allclose(got[: len(frames)], frames, rtol=0, atol=1e-5)


@pytest.mark.parametrize("hop_s", [2.97, 2.98, 2.99, 3.0])
def test_windows_that_hardly_overlap_have_their_own_frames(hop_s: float) -> None:
    """Frames across the border of two windows belong to neither."""
    sound = synthetic_voice(9.5)
    hop = round(hop_s * 16000)
    features = WindowFeatures(MFCC40_V1, window_samples=48000, padding="repeat")
    expected = _whole(sound)
    for start in (0, hop, 2 * hop):
        got = features.process(_window(sound, start, start + 48000)).features
        frames = expected[start // 160 : start // 160 + 298]
        np.testing.assert_allclose(got, frames, rtol=0, atol=1e-5)


def test_a_window_after_a_gap_resets_the_stream() -> None:
    """With a hop longer than the window, the sound between two windows is unknown."""
    features = WindowFeatures(MFCC40_V1, window_samples=8000, padding="repeat")
    features.process(_window(_VOICE, 0, 8000))
    got = features.process(_window(_VOICE, 8160, 16160)).features
    np.testing.assert_allclose(got, _whole(_VOICE[8160:16160]), rtol=0, atol=1e-5)


def test_another_utterance_resets_the_stream() -> None:
    """An utterance does not affect the next, even at consecutive positions."""
    features = WindowFeatures(MFCC40_V1, window_samples=8000, padding="repeat")
    features.process(_window(_VOICE, 0, 8000))
    other = synthetic_voice(2.0, seed=5)
    for start in (0, 4000 - 4000 % 160):
        got = features.process(_window(other, start, start + 8000, utterance=2)).features
        expected = _whole(other)[start // 160 :][: MFCC40_V1.n_frames(8000)]
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)


def test_the_stream_gets_each_sample_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No frame of overlapping windows is computed twice."""
    pushed: list[Samples] = []

    class Counting(MfccStream):
        """Records the samples."""

        def push(self, samples: Samples) -> Mfccs:
            pushed.append(samples)
            return super().push(samples)

    monkeypatch.setattr("serd.model.mfcc.MfccStream", Counting)
    features = WindowFeatures(MFCC40_V1, window_samples=16000, padding="repeat")
    for start, end in _spans(_VOICE.size, 16000, 3200):
        features.process(_window(_VOICE, start, end))
    np.testing.assert_array_equal(np.concatenate(pushed), _VOICE)


def test_a_short_window_repeats_its_frames() -> None:
    """The frames of a short utterance repeat until the network's input is full."""
    features = WindowFeatures(MFCC40_V1, window_samples=16000, padding="repeat")
    got = features.process(_window(_VOICE, 0, 6400, is_last=True))
    frames = _whole(_VOICE[:6400])
    assert len(frames) == 38
    np.testing.assert_allclose(got.features[:38], frames, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(got.features[38:76], got.features[:38])
    np.testing.assert_array_equal(got.features[76:], got.features[:22])
    assert got.speech.is_last


@given(st.floats(-20.0, 30.0), st.floats(-20.0, 30.0) | st.none())
def test_a_gain_of_a_faint_window_moves_the_energy_alone(level: float, least: float | None) -> None:
    """Its mean is the least then; a louder window is the same object, and none is changed in place."""
    features = np.random.default_rng(0).normal(0.0, 1.0, (30, 40)).astype(np.float32)
    features[:, 0] += np.float32(level) - features[:, 0].mean()
    before = features.copy()
    got = amplified(features, least)
    np.testing.assert_array_equal(features, before)
    np.testing.assert_array_equal(got[:, 1:], before[:, 1:])
    expected = level if least is None else max(level, least)
    assert got[:, 0].mean() == pytest.approx(expected, abs=1e-3)
    if least is None or level > least + 1e-3:
        assert got is features


@given(st.integers(1, 20), st.integers(1, 60))
def test_pad_repeats_from_the_first_frame(n: int, n_frames: int) -> None:
    """Frame i of the result is frame i modulo n."""
    mfccs = np.arange(n, dtype=np.float32)[:, np.newaxis].repeat(3, axis=1)
    got = pad(mfccs, n_frames, "repeat")
    assert got[:, 0].tolist() == [i % n for i in range(n_frames)]
    assert got.shape == (n_frames, 3)


def test_an_unknown_padding_is_refused() -> None:
    """The message names it and the known paddings."""
    with pytest.raises(ValueError, match=r"Bad padding 'zeros', expected one of \['repeat'\]"):
        pad(np.zeros((1, 2), np.float32), 3, "zeros")  # type: ignore[arg-type]
    assert PADDINGS == ("repeat",)

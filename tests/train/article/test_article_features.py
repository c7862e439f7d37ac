"""The article's input is 216 numbers: each frame's mean over 13 coefficients."""

import numpy as np
import pytest
from python_speech_features import mfcc as reference_mfcc

from serd.audio.format import SAMPLE_RATE_HZ
from testkit.voices import quiet_room, synthetic_voice
from train.article.features import ARTICLE_MFCC13, MeanInput, mean_inputs


def test_the_mean_is_that_of_another_implementation() -> None:
    """Without lifter and pre-emphasis, in decibels."""
    sound = synthetic_voice(3.0)
    front_end = ARTICLE_MFCC13
    coefficients = reference_mfcc(
        sound,
        SAMPLE_RATE_HZ,
        winlen=front_end.frame_length_samples / SAMPLE_RATE_HZ,
        winstep=front_end.frame_hop_samples / SAMPLE_RATE_HZ,
        numcep=13,
        nfilt=40,
        nfft=1024,
        preemph=0.0,
        ceplifter=0,
        winfunc=np.hamming,
    )
    (got,) = mean_inputs(sound, "mean")
    expected = coefficients.mean(axis=1)[:216] * 10.0 / np.log(10.0)
    assert np.allclose(got, expected, atol=1e-3)


@pytest.mark.parametrize(("kind", "n_frames"), [("mean", 216), ("mean-full", 448)])
def test_a_short_clip_is_filled_up_with_zeros(kind: MeanInput, n_frames: int) -> None:
    """A second makes some eighty frames; behind them the input is empty, however long it is."""
    (got,) = mean_inputs(synthetic_voice(1.0), kind)
    assert got.shape == (n_frames,)
    assert got[:80].all()
    assert not got[90:].any()


def test_the_first_seconds_alone_are_seen_unless_the_whole_recording_is_asked_for() -> None:
    """Two sounds that differ behind 2.6 s are one input, but for the kind that takes all."""
    one, other = (
        np.concatenate((synthetic_voice(2.6), synthetic_voice(1.4, f0_hz=f0_hz)))
        for f0_hz in (100.0, 250.0)
    )
    assert np.array_equal(mean_inputs(one, "mean"), mean_inputs(other, "mean"))
    assert not np.array_equal(mean_inputs(one, "mean-full"), mean_inputs(other, "mean-full"))


def test_the_segmenter_cuts_silence_away() -> None:
    """Speech behind four seconds of silence is seen, and a quiet room gives no input."""
    voice = synthetic_voice(1.5)
    late = np.concatenate((quiet_room(4.0), voice, quiet_room(0.5)))
    (got,) = mean_inputs(late, "segmenter")
    assert got.shape == (216,)
    assert 100 < np.count_nonzero(got) < 216
    assert mean_inputs(quiet_room(2.0), "segmenter") == []

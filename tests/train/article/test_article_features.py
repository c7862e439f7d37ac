"""The article's input is 216 numbers: each frame's mean over 13 coefficients."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from made_corpora import made_clip
from python_speech_features import mfcc as reference_mfcc

from serd.audio.format import SAMPLE_RATE_HZ, Samples
from testkit.voices import quiet_room, synthetic_voice
from train.article import features
from train.article.features import ARTICLE_MFCC13, FeatureStore, MeanInput, mean_inputs


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


def test_inputs_of_other_code_or_content_are_never_met(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each makes another file; the same code and content find theirs again."""
    clip = made_clip("03-01-03-01-01-01-01", tmp_path)

    def files(sound: Samples) -> set[str]:
        soundfile.write(clip.path, sound, SAMPLE_RATE_HZ)
        folder = tmp_path / "features"
        FeatureStore([clip], folder).originals("mean", lambda _done, _total: None)
        return {path.name for path in folder.iterdir()}

    one, other = synthetic_voice(1.0), synthetic_voice(1.0, f0_hz=180.0)
    assert len(files(one)) == len(files(one)) == 1
    assert len(files(other)) == 2
    monkeypatch.setattr(features, "code_digest", lambda *_modules, beside: str(beside))
    assert len(files(other)) == 3

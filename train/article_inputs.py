"""The article's input: for each frame of a clip, the mean over its MFCC coefficients.

The project that the article started from takes 2.5 s of sound at 44.1 kHz, a hop of 512 samples and
frames of 2,048, which makes 216 frames, 13 coefficients each. Here the sound has 16 kHz, and a hop of
186 samples with frames of 743 gives the same 11.6 ms, 46 ms and 216 frames. Coefficients are serd's
own (coefficient 0 is the frame's log energy), in decibels and without pre-emphasis or lifter, as
librosa has them.
"""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from serd.audio.format import SAMPLE_RATE_HZ, Samples
from serd.model.features import FeatureSet, Mfccs, mfcc
from train.dataset import WindowSettings, speech_frames

MeanInput = Literal["mean", "mean-full", "segmenter"]
"""The first 2.5 s; the whole recording; speech alone, as the daemon's segmenter cuts it."""

ARTICLE_MFCC13: Final = FeatureSet(
    name="article-mfcc13",
    sample_rate_hz=SAMPLE_RATE_HZ,
    frame_length_samples=743,
    frame_hop_samples=186,
    n_fft=1024,
    n_filters=40,
    n_mfcc=13,
    preemphasis=0.0,
    lifter=1,  # sin(pi n) is zero, so every coefficient is left as it is
    window="hamming",
)

N_FRAMES: Final = {"mean": 216, "mean-full": 448, "segmenter": 216}
"""Frames of each input: 2.5 s, and 5.2 s, which few clips of RAVDESS exceed."""

_DB_PER_NEPER: Final = 10.0 / np.log(10.0)
"""From the natural logarithm of a power to decibels."""


def mean_inputs(samples: Samples, kind: MeanInput) -> list[NDArray[np.float32]]:
    """What the article's networks see of a clip.

    Args:
        samples: int16, shape (n_samples,), 16 kHz mono, at least one sample.
        kind: which part of the clip.

    Returns:
        float32, shape (N_FRAMES[kind],) each, filled up with zeros. One, except for "segmenter": one for
        each window of speech, and none where no speech is heard.
    """
    n_frames = N_FRAMES[kind]
    n_samples = _n_samples(n_frames)
    if kind == "segmenter":
        return [_mean(each, n_frames) for each in speech_frames(samples, _windows(n_samples))]
    return [_mean(mfcc(samples[:n_samples], ARTICLE_MFCC13), n_frames)]


def _mean(mfccs: Mfccs, n_frames: int) -> NDArray[np.float32]:
    means = mfccs[:n_frames].astype(np.float64).mean(axis=1) * _DB_PER_NEPER
    return np.pad(means, (0, n_frames - means.size)).astype(np.float32)


def _n_samples(n_frames: int) -> int:
    front_end = ARTICLE_MFCC13
    return front_end.frame_length_samples + (n_frames - 1) * front_end.frame_hop_samples


def _windows(n_samples: int) -> WindowSettings:
    return WindowSettings(
        feature_set=ARTICLE_MFCC13,
        window_samples=n_samples,
        padding="repeat",
    )

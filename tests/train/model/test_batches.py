"""Batches: the composition of an epoch, and the label mask of each window."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serd.model.labels import EMOTIONS
from serd.model.mfcc import MFCC40_V1
from train.data.clips import Clip
from train.features.dataset import ClipWindows, Dataset
from train.features.feature_augmentation import FeatureAugment
from train.features.noise import noise_clips
from train.model.batches import Batch, BatchMaker, BatchSettings
from train.model.losses import MASKED

_SIX = ("neutral", "happy", "sad", "angry", "fearful", "surprised")


def _clip(corpus: str, emotion: str) -> Clip:
    return Clip(
        path=Path(f"{corpus}-{emotion}.flac"),
        corpus=corpus,
        actor=f"{corpus}:1",
        gender="female",
        emotion=emotion,
        channel="speech",
        intensity="normal",
        statement="",
    )


def _batch(n_noises: int = 0) -> Batch:
    clips = (
        *(_clip("ravdess", each) for each in EMOTIONS),
        *(_clip("nemo", each) for each in _SIX),
        *noise_clips([Path(f"rain-{number}.flac") for number in range(n_noises)]),
    )
    frames = np.zeros((50, 40), np.float16)
    copies = tuple(ClipWindows(clip=i, copy=0, frames=(frames,)) for i in range(len(clips)))
    dataset = Dataset(clips=clips, copies=copies, left_out={})
    augment = FeatureAugment(p_join=0.0)
    settings = BatchSettings(batch=len(clips), other_share=1.0, noise_share=1.0)
    maker = BatchMaker(dataset, MFCC40_V1, 60, settings, augment, np.zeros(40, np.float32))
    return next(maker.batches(np.random.default_rng(3)))


def test_a_window_is_asked_about_the_classes_of_its_corpus_alone() -> None:
    """The label mask of nEMO hides calm and disgust."""
    _, targets, _ = _batch()
    n_labeled = (targets != MASKED).sum(axis=1)
    assert sorted(n_labeled.tolist()) == [6] * 6 + [8] * 8
    missing = [EMOTIONS.index(each) for each in EMOTIONS if each not in _SIX]
    assert (targets[n_labeled == 6][:, missing] == MASKED).all()
    assert np.maximum(targets, 0.0).sum(axis=1) == pytest.approx(1.0)


def test_of_every_window_it_is_asked_whether_anybody_speaks() -> None:
    """Noise is no emotion of any corpus; speech of whatever corpus is no noise."""
    _, targets, _ = _batch(n_noises=3)
    is_noise = targets[:, -1] == 1.0
    assert is_noise.sum() == 3
    assert (targets[is_noise, :-1] == 0.0).all()
    assert (targets[~is_noise, -1] == 0.0).all()
    assert sorted((targets != MASKED).sum(axis=1).tolist()) == [7] * 6 + [9] * 11


def _of_two_microphones(p_other_corpus: float) -> np.ndarray:
    """Windows of RAVDESS, whose mean is 0, beside some of nEMO, whose mean is 8: shape (n, 40)."""
    clips = tuple(_clip(corpus, each) for corpus in ("ravdess", "nemo") for each in _SIX)
    copies = tuple(
        ClipWindows(clip=i, copy=0, frames=(np.full((50, 40), 8.0 * (i >= 6), np.float16),))
        for i in range(12)
    )
    dataset = Dataset(clips=clips, copies=copies, left_out={})
    augment = FeatureAugment(
        p_join=0.0, gain_db=0.0, p_level=0.0, p_warp=0.0, p_band_mask=0.0, p_filter=0.0, n_time_masks=0
    )
    settings = BatchSettings(batch=12, other_share=1.0, p_other_corpus=p_other_corpus)
    maker = BatchMaker(dataset, MFCC40_V1, 60, settings, augment, np.zeros(40, np.float32))
    batches = maker.batches(np.random.default_rng(3))
    return np.concatenate([next(batches)[0].mean(axis=1) for _ in range(20)])


def test_windows_move_toward_the_mean_of_another_corpus() -> None:
    """By any part of the difference, the same in each coefficient; without that they stay."""
    assert set(np.unique(_of_two_microphones(0.0))) == {0.0, 8.0}
    moved = _of_two_microphones(1.0)
    assert np.allclose(moved, moved[:, :1], atol=1e-4)
    assert 0.0 <= moved.min() < 0.5
    assert 7.5 < moved.max() <= 8.0
    assert 2.0 < np.mean(moved) < 6.0
    assert len(np.unique(moved[:, 0].round(2))) > 100


def test_an_epoch_shows_each_kind_of_clip_by_its_share() -> None:
    """All speech of RAVDESS, and of song, other corpora and noise the share that is set."""
    clips = (
        *(_clip("ravdess", each) for each in EMOTIONS),
        *(replace(_clip("ravdess", "happy"), channel="song") for _ in range(10)),
        *(_clip("nemo", "sad") for _ in range(10)),
        *noise_clips([Path(f"rain-{number}.flac") for number in range(10)]),
    )
    frames = (np.zeros((50, 40), np.float16),)
    copies = tuple(ClipWindows(clip=i, copy=0, frames=frames) for i in range(len(clips)))
    settings = BatchSettings(batch=1, song_share=0.5, other_share=0.3, noise_share=0.2)
    maker = BatchMaker(
        Dataset(clips=clips, copies=copies, left_out={}),
        MFCC40_V1,
        60,
        settings,
        FeatureAugment(),
        np.zeros(40, np.float32),
    )
    assert maker.n_batches == 8 + 5 + 3 + 2
    batches = maker.batches(np.random.default_rng(0))
    targets = np.concatenate([next(batches)[1] for _ in range(maker.n_batches)])
    totals = np.maximum(targets, 0.0).sum(axis=0)
    assert totals[EMOTIONS.index("happy")] == 1 + 5
    assert totals[EMOTIONS.index("sad")] == 1 + 3
    assert totals[-1] == 2


def test_a_class_weighs_the_more_the_rarer_it_is_in_its_corpus() -> None:
    """However many of another corpus there are, who could be told apart from it by their language."""
    clips = (
        _clip("ravdess", "neutral"),
        *(_clip("ravdess", "sad") for _ in range(3)),
        *(_clip("nemo", "neutral") for _ in range(40)),
        *(_clip("nemo", "sad") for _ in range(10)),
    )
    frames = (np.zeros((50, 40), np.float16),)
    copies = tuple(ClipWindows(clip=i, copy=0, frames=frames) for i in range(len(clips)))
    maker = BatchMaker(
        Dataset(clips=clips, copies=copies, left_out={}),
        MFCC40_V1,
        60,
        BatchSettings(batch=len(clips), other_share=1.0, balance=1.0),
        FeatureAugment(p_join=0.0),
        np.zeros(40, np.float32),
    )
    _, targets, weights = next(maker.batches(np.random.default_rng(0)))
    is_nemo = (targets == MASKED).any(axis=1)
    for of_corpus, n_neutral, n_sad in ((~is_nemo, 1, 3), (is_nemo, 40, 10)):
        neutral = weights[of_corpus & (targets[:, EMOTIONS.index("neutral")] > 0.0)]
        sad = weights[of_corpus & (targets[:, EMOTIONS.index("sad")] > 0.0)]
        assert (len(neutral), len(sad)) == (n_neutral, n_sad)
        assert neutral.sum() == pytest.approx(sad.sum())
        assert weights[of_corpus].mean() == pytest.approx(1.0)

"""Inputs of the article's networks: for each frame of a clip, the mean over its MFCC coefficients.

The project that the article started from takes 2.5 s of sound at 44.1 kHz, a hop of 512 samples and
frames of 2,048, which makes 216 frames, 13 coefficients each. Here the sound has 16 kHz, and a hop of
186 samples with frames of 743 gives the same 11.6 ms, 46 ms and 216 frames. Coefficients are serd's
own (coefficient 0 is the frame's log energy), in decibels and without pre-emphasis or lifter, as
librosa has them. Inputs are computed once and kept in a folder for the runs that share them.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from serd.audio.files import read_samples
from serd.audio.format import SAMPLE_RATE_HZ, Samples
from serd.errors import SoundFileError
from serd.model.mfcc import MfccFrontEnd, Mfccs, mfcc
from train.article.augmentation import Variation, vary
from train.article.experiment import digest
from train.data.clips import Clip
from train.data.code_digest import code_digest
from train.data.files import content_digests
from train.features.augmentation import SoundAugment
from train.features.dataset import Dataset, WindowSettings, speech_frames
from train.features.window_store import (
    Arrays,
    WindowSource,
    load_windows,
    read_arrays,
    stored_windows,
    write_arrays,
)

MeanInput = Literal["mean", "mean-full", "segmenter"]
"""The first 2.5 s; the whole recording; speech as the daemon's segmenter finds it."""

ARTICLE_MFCC13: Final = MfccFrontEnd(
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


ProgressCallback = Callable[[int, int], None]
_BESIDE: Final = ("serd.errors", "serd.settings", "train.article.experiment")
"""Modules that the code of inputs imports and that do not affect them."""


def mean_inputs(samples: Samples, kind: MeanInput) -> list[NDArray[np.float32]]:
    """Inputs of the article's networks for a clip.

    Args:
        samples: int16, shape (n_samples,), 16 kHz mono, at least one sample.
        kind: part of the clip.

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Examples:
    """Inputs of one kind for some clips."""

    inputs: NDArray[np.float32]
    """float32, shape (n, n_frames, 1)."""
    clip: NDArray[np.int64]
    """int64, shape (n,): index of the clip of each input."""
    left_out: Mapping[int, str]
    """Index of each unreadable clip, with the reason in one line."""

    def of_clips(self, clips: Iterable[int]) -> "Examples":
        """The inputs of some clips."""
        chosen = np.isin(self.clip, np.fromiter(clips, np.int64))
        return self.of_rows(np.flatnonzero(chosen))

    def of_rows(self, rows: NDArray[np.int64]) -> "Examples":
        """Some of the inputs, by their numbers."""
        return Examples(inputs=self.inputs[rows], clip=self.clip[rows], left_out=self.left_out)

    def with_copies(self, copies: "Examples") -> "Examples":
        """These inputs, and those of copies after them."""
        return Examples(
            inputs=np.concatenate([self.inputs, copies.inputs]),
            clip=np.concatenate([self.clip, copies.clip]),
            left_out=self.left_out,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wanted:
    """Key of some inputs: kind and clips, as recorded or as varied copies."""

    kind: MeanInput
    clips: Sequence[int]
    variations: tuple[Variation, ...] = ()
    copies: int = 0
    seed: int = 0

    @property
    def numbers(self) -> range:
        """Numbers of the copies; 0 is the clip as recorded."""
        return range(1, self.copies + 1) if self.copies else range(1)


class FeatureStore:
    """Computes features of clips, and stores them in a folder.

    A copy of a clip depends on the seed, the clip's name and the number of the copy alone.
    """

    def __init__(self, clips: Sequence[Clip], folder: Path) -> None:
        self._clips = clips
        self._folder = folder

    @cached_property
    def _contents(self) -> list[tuple[str, str]]:
        """Name and digest of each clip's file."""
        paths = [clip.path for clip in self._clips]
        return list(zip((path.name for path in paths), content_digests(paths), strict=True))

    def originals(self, kind: MeanInput, progress: ProgressCallback) -> Examples:
        """Inputs of every clip as recorded."""
        return self._examples(_Wanted(kind=kind, clips=range(len(self._clips))), progress)

    def copies(
        self,
        kind: MeanInput,
        clips: Sequence[int],
        variations: tuple[Variation, ...],
        copies: int,
        *,
        seed: int,
        progress: ProgressCallback,
    ) -> Examples:
        """Inputs of varied copies of some clips.

        Args:
            kind: kind of the input.
            clips: indices of training clips.
            variations: variations of a copy, in order.
            copies: copies of each clip, 1 or more.
            seed: seed of the variations.
            progress: called with the number of finished clips and of all clips.
        """
        wanted = _Wanted(kind=kind, clips=clips, variations=variations, copies=copies, seed=seed)
        return self._examples(wanted, progress)

    def windows(
        self, settings: WindowSettings, augment: SoundAugment, *, seed: int, progress: ProgressCallback
    ) -> Dataset:
        """The windows of every clip and its copies for the own network."""
        source = WindowSource(clips=tuple(self._clips), settings=settings, augment=augment, seed=seed)
        return load_windows(stored_windows(source, self._folder, progress), self._clips)

    def _examples(self, wanted: _Wanted, progress: ProgressCallback) -> Examples:
        code = code_digest("train.article.features", beside=_BESIDE)
        copies = [wanted.variations, wanted.copies, wanted.seed]
        key = digest([code, wanted.kind, *copies, self._contents, list(wanted.clips)])
        kept = self._get(f"{wanted.kind}-{key}", lambda: self._compute(wanted, progress))
        left_out = zip(kept["left_out"].tolist(), kept["why"].tolist(), strict=True)
        return Examples(
            inputs=kept["inputs"].astype(np.float32),
            clip=kept["clip"].astype(np.int64),
            left_out=dict(left_out),
        )

    def _compute(self, wanted: _Wanted, progress: ProgressCallback) -> Arrays:
        inputs: list[NDArray[np.float32]] = []
        owners: list[int] = []
        left_out: dict[int, str] = {}
        for done, index in enumerate(wanted.clips, start=1):
            try:
                samples = read_samples(self._clips[index].path)
            except SoundFileError as exc:
                left_out[index] = str(exc)
                continue
            name_key = hashlib.sha256(self._clips[index].path.stem.encode()).digest()[:8]
            for copy in wanted.numbers:
                rng = np.random.default_rng([wanted.seed, copy, *name_key])
                varied = vary(samples, wanted.variations, rng) if copy else samples
                made = mean_inputs(varied, wanted.kind)
                inputs += made
                owners += [index] * len(made)
            progress(done, len(wanted.clips))
        stacked = np.array(inputs, np.float32).reshape(len(inputs), N_FRAMES[wanted.kind], 1)
        return {
            "inputs": stacked,
            "clip": np.array(owners, np.int64),
            "left_out": np.array(list(left_out), np.int64),
            "why": np.array(list(left_out.values()), np.str_),
        }

    def _get(self, name: str, compute: Callable[[], Arrays]) -> Arrays:
        """Arrays from the folder, computed if they are missing."""
        path = self._folder / f"{name}.npz"
        if not path.is_file():
            write_arrays(path, compute())
        return read_arrays(path)

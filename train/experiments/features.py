"""What networks see of clips, computed once and kept in a folder for the runs that share it."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serd.audio.files import read_samples
from serd.errors import SoundFileError
from train.article_augment import Variation, VariationSettings, vary
from train.article_inputs import ARTICLE_MFCC13, N_FRAMES, MeanInput, mean_inputs
from train.augment import SoundAugment
from train.clips import Clip, fingerprint
from train.dataset import Dataset, WindowSettings
from train.experiments.settings import digest
from train.window_store import Arrays, load_windows, read_arrays, stored_windows, write_arrays

Progress = Callable[[int, int], None]
_VERSION: Final = 1
"""Goes up when the same settings come to mean other numbers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Examples:
    """Inputs of one kind, of the clips that were asked for."""

    inputs: NDArray[np.float32]
    """float32, shape (n, n_frames, 1)."""
    clip: NDArray[np.int64]
    """int64, shape (n,): index of the clip that each is of."""
    left_out: Mapping[int, str]
    """Index of each clip that could not be read, with one line on why."""

    def of_clips(self, clips: Iterable[int]) -> "Examples":
        """The part of some clips."""
        chosen = np.isin(self.clip, np.fromiter(clips, np.int64))
        return Examples(inputs=self.inputs[chosen], clip=self.clip[chosen], left_out=self.left_out)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wanted:
    """Which inputs, of which clips: as recorded, or varied copies of them."""

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
    """Computes features of one list of clips, and keeps them in a folder.

    A copy of a clip depends on the seed, the clip's name and the number of the copy alone.
    """

    def __init__(self, clips: Sequence[Clip], folder: Path) -> None:
        self._clips = clips
        self._folder = folder
        self._fingerprint = fingerprint(clips)

    def originals(self, kind: MeanInput, progress: Progress) -> Examples:
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
        progress: Progress,
    ) -> Examples:
        """Inputs of varied copies of some clips.

        Args:
            kind: which input.
            clips: indices; those of training clips, or a model is judged by what it has learnt from.
            variations: how copies differ.
            copies: copies of each clip, 1 or more.
            seed: draws how far they differ.
            progress: told how many clips are done, of how many.
        """
        wanted = _Wanted(kind=kind, clips=clips, variations=variations, copies=copies, seed=seed)
        return self._examples(wanted, progress)

    def windows(
        self, settings: WindowSettings, augment: SoundAugment, *, seed: int, progress: Progress
    ) -> Dataset:
        """The windows of every clip and its copies for the own network."""
        return load_windows(
            stored_windows(
                self._clips, settings, augment, seed=seed, folder=self._folder, progress=progress
            ),
            self._clips,
        )

    def _examples(self, wanted: _Wanted, progress: Progress) -> Examples:
        numbers = [_VERSION, wanted.kind, asdict(ARTICLE_MFCC13), asdict(VariationSettings())]
        copies = [wanted.variations, wanted.copies, wanted.seed]
        key = digest([*numbers, *copies, self._fingerprint, list(wanted.clips)])
        kept = self._get(f"{wanted.kind}-{key}", lambda: self._compute(wanted, progress))
        left_out = zip(kept["left_out"].tolist(), kept["why"].tolist(), strict=True)
        return Examples(
            inputs=kept["inputs"].astype(np.float32),
            clip=kept["clip"].astype(np.int64),
            left_out=dict(left_out),
        )

    def _compute(self, wanted: _Wanted, progress: Progress) -> Arrays:
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
        """From the folder, else computed and put into it."""
        path = self._folder / f"{name}.npz"
        if not path.is_file():
            write_arrays(path, compute())
        return read_arrays(path)

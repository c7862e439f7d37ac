"""Endless batches of randomly augmented training windows."""

from collections import defaultdict
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serd.model.front_end import FrontEnd
from serd.model.labels import NONE
from serd.model.mfcc import Mfccs
from serd.model.windows import Padding, pad
from train.data.clips import Clip
from train.data.corpora import classes_of, ravdess
from train.features.dataset import ClipWindows, Dataset
from train.features.feature_augmentation import FeatureAugment, FeatureAugmenter
from train.features.noise import NOISE
from train.model.losses import MASKED

Batch = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
"""Input (n, n_frames, n_mfcc), targets (n, n_labels) of ``train.model.losses``, weights (n,)."""
Windows = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Inputs (n, n_frames, n_mfcc) and the indices of their labels (n,)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchSettings:
    """Composition of an epoch."""

    batch: int = 32
    """Windows in a batch."""
    song_share: float = 0.5
    """Share of the song clips in each epoch; every speech clip of RAVDESS is in it."""
    other_share: float = 0.6
    """Share of the clips of other corpora in each epoch."""
    noise_share: float = 0.4
    """Share of the recordings without speech in each epoch."""
    p_other_corpus: float = 0.5
    """Share of windows whose mean is shifted toward that of another corpus, as if recorded there, by a
    random part of the difference."""
    balance: float = 1.0
    """Exponent of 1 / (size of class in its corpus and channel) in a window's weight: 0 for equal
    windows, 1 for equal classes."""


class BatchMaker:
    """Draws batches from a dataset; an epoch has each speech clip of RAVDESS, and a share of others."""

    def __init__(
        self,
        dataset: Dataset,
        feature_set: FrontEnd,
        n_frames: int,
        settings: BatchSettings,
        augment: FeatureAugment,
        mean: NDArray[np.float32],
    ) -> None:
        """Group copies by clip, and clips by speaker, emotion and channel.

        Args:
            dataset: training actors only.
            feature_set: the coefficients.
            n_frames: frames of the network's input.
            settings: composition of an epoch.
            augment: augmentation of windows.
            mean: float32, shape (n_mfcc,): mean of the training data.
        """
        self._clips = dataset.clips
        self._outputs = dataset.outputs
        self._settings = settings
        self._augment = augment
        self._augmenter = FeatureAugmenter(augment, feature_set, mean)
        self._shape = (n_frames, feature_set.n_features)
        self._originals: dict[int, ClipWindows] = {}
        self._copies: dict[int, list[ClipWindows]] = defaultdict(list)
        for each in dataset.copies:
            self._copies[each.clip].append(each)
            if each.copy == 0:
                self._originals[each.clip] = each
        self._groups: dict[tuple[str, str, str], list[int]] = defaultdict(list)
        for index in self._copies:
            self._groups[_group(self._clips[index])].append(index)
        self._kinds = self._sorted_by_kind()
        self._weights = self._class_weights()
        self._label_masks = self._corpus_masks()
        self._corpus_means = self._means()

    @property
    def n_batches(self) -> int:
        """Batches in an epoch; an incomplete last one is dropped unless it is the only one."""
        n_windows = sum(n_drawn for _, n_drawn in self._kinds)
        return max(1, n_windows // self._settings.batch)

    def batches(self, rng: np.random.Generator) -> Generator[Batch, None, None]:
        """Yield batches without end."""
        size = self._settings.batch
        while True:
            drawn = [rng.permutation(clips)[:n_drawn] for clips, n_drawn in self._kinds]
            order = np.concatenate(drawn).astype(int).tolist()
            rng.shuffle(order)
            for first in range(0, self.n_batches * size, size):
                yield self._batch(order[first : first + size], rng)

    def _batch(self, clips: Sequence[int], rng: np.random.Generator) -> Batch:
        inputs = np.empty((len(clips), *self._shape), np.float32)
        targets = np.zeros((len(clips), len(self._outputs)), np.float32)
        is_labeled = np.empty(targets.shape, np.bool_)
        weights = np.empty(len(clips), np.float32)
        for row, index in enumerate(clips):
            clip = self._clips[index]
            frames = self._frames(index, rng) + self._corpus_shift(clip, rng)
            inputs[row] = self._augmenter.draw(frames, self._shape[0], rng)
            targets[row, clip.label] = 1.0
            is_labeled[row] = self._label_masks[clip.corpus]
            weights[row] = self._weights[clip.corpus, clip.channel][clip.label]
        return inputs, np.where(is_labeled, targets, np.float32(MASKED)), weights

    def _frames(self, index: int, rng: np.random.Generator) -> Mfccs:
        """A window of a clip, sometimes continued by another clip of the same group."""
        frames = self._window(index, rng)
        if rng.random() < self._augment.p_join:
            other = int(rng.choice(self._groups[_group(self._clips[index])]))
            frames = np.concatenate((frames, self._window(other, rng)))
        return frames

    def _window(self, index: int, rng: np.random.Generator) -> Mfccs:
        """A random window of the clip as recorded, or of one of its copies."""
        original = self._originals.get(index)
        if original is None or rng.random() >= self._augment.p_original:
            copies = self._copies[index]
            chosen = copies[rng.integers(len(copies))]
        else:
            chosen = original
        return chosen.frames[rng.integers(len(chosen.frames))].astype(np.float32)

    def _corpus_shift(self, clip: Clip, rng: np.random.Generator) -> NDArray[np.float32]:
        """What moves a window toward another corpus: float32, shape (n_mfcc,); zeros for most.

        The network would otherwise tell the corpora apart by their microphones and rooms, and learn the
        emotions that each of them has.
        """
        others = [each for name, each in self._corpus_means.items() if name != clip.corpus]
        own = self._corpus_means.get(clip.corpus)
        if own is None or not others or rng.random() >= self._settings.p_other_corpus:
            return np.zeros(self._shape[1], np.float32)
        other = others[int(rng.integers(len(others)))]
        shift: NDArray[np.float32] = (rng.random() * (other - own)).astype(np.float32)
        return shift

    def _means(self) -> dict[str, NDArray[np.float64]]:
        """Mean features of the speech of each corpus as recorded: float64, shape (n_mfcc,) each."""
        windows: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
        for index, original in self._originals.items():
            if self._clips[index].channel == "speech":
                windows[self._clips[index].corpus].append(
                    original.frames[0].mean(axis=0, dtype=np.float64)
                )
        return {corpus: np.mean(means, axis=0) for corpus, means in windows.items()}

    def _corpus_masks(self) -> dict[str, NDArray[np.bool_]]:
        """Label mask of each corpus: its possible classes; of an unknown corpus, those that occur."""
        shown: dict[str, set[str]] = defaultdict(set)
        for index in self._copies:
            clip = self._clips[index]
            shown[clip.corpus] |= {clip.emotion, *classes_of(clip.corpus)}
        shown[NOISE] |= set(self._outputs)
        # Whether there is speech is known of every clip.
        return {name: np.isin(self._outputs, [*emotions, NONE]) for name, emotions in shown.items()}

    def _sorted_by_kind(self) -> list[tuple[list[int], int]]:
        """The clips of each kind, and their number in an epoch."""
        shares = {
            "speech": 1.0,
            "song": self._settings.song_share,
            "other": self._settings.other_share,
            "noise": self._settings.noise_share,
        }
        kinds: dict[str, list[int]] = {kind: [] for kind in shares}
        for index in self._copies:
            kinds[_kind(self._clips[index])].append(index)
        return [(clips, round(len(clips) * shares[kind])) for kind, clips in kinds.items()]

    def _class_weights(self) -> dict[tuple[str, str], NDArray[np.float32]]:
        """Weight of each class by corpus and channel, 1 on average in each.

        A network that distinguishes the corpora would otherwise learn the class frequencies of each.
        """
        counts: dict[tuple[str, str], NDArray[np.float64]] = defaultdict(
            lambda: np.zeros(len(self._outputs))
        )
        for index in self._copies:
            clip = self._clips[index]
            counts[clip.corpus, clip.channel][clip.label] += 1.0
        weights = {key: np.maximum(own, 1.0) ** -self._settings.balance for key, own in counts.items()}
        return {
            key: (own / np.average(own, weights=counts[key])).astype(np.float32)
            for key, own in weights.items()
        }


def plain_windows(dataset: Dataset, n_frames: int, padding: Padding) -> Windows:
    """Windows of the speech clips as recorded, padded like the daemon's.

    Returns:
        float32, shape (n, n_frames, n_mfcc), and the labels' indices: int64, shape (n,).
    """
    windows, labels = [], []
    for each in dataset.copies:
        clip = dataset.clips[each.clip]
        if each.copy == 0 and clip.channel == "speech":
            for frames in each.frames:
                windows.append(pad(frames.astype(np.float32), n_frames, padding))
                labels.append(clip.label)
    return np.array(windows, np.float32), np.array(labels, np.int64)


def _kind(clip: Clip) -> str:
    """Kind of a clip, which decides its share in an epoch."""
    if clip.is_noise:
        return "noise"
    return clip.channel if clip.corpus == ravdess.NAME else "other"


def _group(clip: Clip) -> tuple[str, str, str]:
    """Group of clips that may be joined."""
    return clip.actor, clip.emotion, clip.channel

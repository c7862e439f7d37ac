"""Datasets: windows of features from clips, computed by the daemon's own code."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serd.audio.files import read_samples
from serd.audio.format import Samples, Sound, recording_block
from serd.daemon.worker_pool import map_in_order
from serd.errors import SoundFileError
from serd.model.front_end import FrontEnd
from serd.model.labels import EMOTIONS
from serd.model.mfcc import Mfccs
from serd.model.windows import Padding, WindowFeatures
from serd.pipeline import PipelineSettings, speech_segments
from serd.speech.segmenter import SegmenterSettings
from serd.speech.segments import SpeechWindow
from serd.speech.vad import VoiceSettings
from train.data.clips import OUTPUTS, RAVDESS, Actors, Clip
from train.features.augmentation import SoundAugment, augment_sound
from train.features.noise import even_piece, noise_fold
from train.features.rooms import room_response

_FAINT_SHARE = 0.05
"""Share of the windows of speech as recorded that count as faint."""
_MIN_STD = 1e-3
"""Keeps the division by a standard deviation finite."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowSettings:
    """Segmentation and features of the network's input."""

    feature_set: FrontEnd
    """The front end."""
    window_samples: int
    """Length of a full window."""
    padding: Padding
    """Padding of a short window."""
    voice: VoiceSettings = field(default_factory=VoiceSettings)
    """The daemon's speech detector."""
    segmenter: SegmenterSettings = field(default_factory=SegmenterSettings)
    """The daemon's segmenter."""

    @property
    def pipeline(self) -> PipelineSettings:
        """The daemon's settings for such windows."""
        return PipelineSettings(voice=self.voice, segmenter=self.segmenter)

    @property
    def n_frames(self) -> int:
        """Frames of a full window."""
        return self.feature_set.n_frames(self.window_samples)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipWindows:
    """The windows of one copy of a clip."""

    clip: int
    """Index of the clip."""
    copy: int
    """0 is the clip as recorded, 1 and above are augmented."""
    frames: tuple[NDArray[np.float16], ...]
    """float16, shape (n, n_mfcc) each, n up to ``WindowSettings.n_frames``: speech without padding."""
    noise_fold: str = ""
    """Fold of the recorded noise mixed in, as ``noise_fold`` gives it; empty for none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """Clips with the windows of all their copies; a clip without detected speech has none."""

    clips: tuple[Clip, ...]
    """The clips."""
    copies: tuple[ClipWindows, ...]
    """Copies that have at least one window, in the order of clips, then copies."""
    left_out: Mapping[int, str]
    """Index of each unreadable clip, with the reason in one line."""

    def of_actors(self, actors: Actors) -> "Dataset":
        """The windows of some actors and of all noise."""

        def is_theirs(clip: Clip) -> bool:
            return clip.actor in actors or clip.is_noise

        return replace(
            self, copies=tuple(each for each in self.copies if is_theirs(self.clips[each.clip]))
        )

    def without_noise(self, fold: str) -> "Dataset":
        """The windows without recordings of one noise fold."""

        def is_free(each: ClipWindows) -> bool:
            clip = self.clips[each.clip]
            return each.noise_fold != fold and not (clip.is_noise and noise_fold(clip.path) == fold)

        return replace(self, copies=tuple(filter(is_free, self.copies)))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Classes of a network trained on it: the emotions, and no speech if there is noise."""
        has_noise = any(self.clips[each.clip].is_noise for each in self.copies)
        return OUTPUTS if has_noise else EMOTIONS

    def of_clips(self, indices: Collection[int]) -> "Dataset":
        """The windows of some clips and their copies."""
        chosen = frozenset(indices)
        return replace(self, copies=tuple(each for each in self.copies if each.clip in chosen))

    def min_log_energy(self) -> float:
        """Mean of the first feature, a frame's log energy, that 95 % of the speech as recorded exceeds.

        A network is given fainter speech amplified to that, since it hardly learned from any.
        """
        levels = [
            float(window[:, 0].mean(dtype=np.float64))
            for each in self.copies
            if each.copy == 0 and not self.clips[each.clip].is_noise
            for window in each.frames
        ]
        return round(float(np.quantile(levels, _FAINT_SHARE)), 3)

    def normalization(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and standard deviation of each coefficient over the speech and song as recorded.

        Returns:
            float32, shape (n_mfcc,), both.
        """
        frames = np.concatenate(
            [
                window
                for each in self.copies
                if each.copy == 0 and not self.clips[each.clip].is_noise
                for window in each.frames
            ]
        ).astype(np.float64)
        std = np.maximum(frames.std(axis=0), _MIN_STD)
        return frames.mean(axis=0).astype(np.float32), std.astype(np.float32)


def speech_frames(samples: Samples, settings: WindowSettings) -> list[Mfccs]:
    """The windows of a clip, as the daemon segments it.

    Args:
        samples: int16, shape (n_samples,), 16 kHz mono.
        settings: segmentation and features.

    Returns:
        float32, shape (n, n_mfcc) each, without padding.
    """
    features = WindowFeatures(
        settings.feature_set, window_samples=settings.window_samples, padding=settings.padding
    )
    windows = []
    for segment in speech_segments(
        [recording_block(samples)], settings.pipeline, settings.window_samples
    ):
        if isinstance(segment, SpeechWindow):
            n_own = settings.feature_set.n_frames(segment.samples.size)
            windows.append(features.process(segment).features[:n_own])
    return windows


def build_dataset(
    clips: Sequence[Clip],
    settings: WindowSettings,
    augment: SoundAugment,
    *,
    seed: int,
    noises: Sequence[Path] = (),
    rooms: Sequence[Path] = (),
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Dataset:
    """Read, augment and segment every clip, on all processors.

    A copy depends only on the seed, the clip's name and the number of the copy, so folds share copies.

    Args:
        clips: the clips.
        settings: segmentation and features.
        augment: number and parameters of the copies.
        seed: seed of the copies.
        noises: recordings to mix into copies, besides synthetic noise.
        rooms: measured impulse responses of rooms, besides synthetic ones.
        progress: called with the number of finished clips and of all clips.
    """
    copies: list[ClipWindows] = []
    left_out: dict[int, str] = {}
    work = partial(
        _clip_copies,
        settings=settings,
        augment=augment,
        seed=seed,
        noises=tuple(noises),
        rooms=tuple(rooms),
    )
    for index, result in enumerate(map_in_order(work, list(enumerate(clips)))):
        if isinstance(result, str):
            left_out[index] = result
        else:
            copies.extend(each for each in result if each.frames)
        progress(index + 1, len(clips))
    return Dataset(clips=tuple(clips), copies=tuple(copies), left_out=left_out)


def _clip_copies(
    job: tuple[int, Clip],
    *,
    settings: WindowSettings,
    augment: SoundAugment,
    seed: int,
    noises: tuple[Path, ...],
    rooms: tuple[Path, ...],
) -> list[ClipWindows] | str:
    """All copies of one clip, or the reason that it cannot be read."""
    index, clip = job
    try:
        original = read_samples(clip.path)
    except SoundFileError as exc:
        return str(exc)
    if clip.is_noise:
        augment = replace(augment, speed=augment.noise_speed)
    responses = [room_response(path) for path in rooms]
    name_key = hashlib.sha256(clip.path.stem.encode()).digest()[:8]
    copies = []
    n_copies = augment.copies if clip.corpus == RAVDESS else min(augment.copies, augment.other_copies)
    for copy in range(n_copies + 1):
        rng = np.random.default_rng([seed, copy, *name_key])
        bank = _Recordings(noises)
        recorded = bank.draw if noises else None
        samples = augment_sound(original, augment, rng, recorded, responses) if copy else original
        frames = tuple(each.astype(np.float16) for each in speech_frames(samples, settings))
        copies.append(ClipWindows(clip=index, copy=copy, frames=frames, noise_fold=bank.fold))
    return copies


class _Recordings:
    """Draws recordings of noise, and remembers the fold of the last."""

    def __init__(self, paths: tuple[Path, ...]) -> None:
        self._paths = paths
        self.fold = ""

    def draw(self, n_samples: int, rng: np.random.Generator) -> Sound:
        """Samples of a random recording, of RMS 1."""
        path = self._paths[rng.integers(len(self._paths))]
        self.fold = noise_fold(path)
        return even_piece(path, n_samples, rng)

"""Windows of clips and their copies, computed once and stored for all runs that share them.

A dataset is two files: an index of windows, and their frames, which are mapped into memory, so that
processes share them and none has to load all.
"""

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from train.data.clips import Clip
from train.data.code_digest import code_digest
from train.data.files import content_digests, write_pieces, write_whole
from train.features.augmentation import SoundAugment
from train.features.dataset import ClipWindows, Dataset, WindowSettings, build_dataset

Arrays = Mapping[str, NDArray[np.generic]]
ProgressCallback = Callable[[int, int], None]
_BESIDE: Final = (
    "serd.daemon",
    "serd.errors",
    "serd.model.adaptation",
    "serd.model.card",
    "serd.model.decision",
    "serd.model.file",
    "serd.model.runtime",
    "serd.model.smoothing",
)
"""Modules that the code of windows imports and that do not affect them."""
_FRAME_DTYPE: Final = "<f2"
"""float16, little-endian on any machine."""


@dataclass(frozen=True, kw_only=True)
class WindowSource:
    """What windows are computed from."""

    clips: tuple[Clip, ...]
    """The clips."""
    settings: WindowSettings
    """Segmentation and features."""
    augment: SoundAugment
    """Number and parameters of the copies."""
    seed: int
    """Seed of the copies."""
    noises: tuple[Path, ...] = ()
    """Recordings to mix into copies."""
    rooms: tuple[Path, ...] = ()
    """Measured impulse responses of rooms."""

    @cached_property
    def key(self) -> str:
        """Digest of all of it, the content of every file and the code included, as 16 hex digits."""
        code = code_digest("train.features.window_store", beside=_BESIDE)
        kinds = [(clip.path.name, clip.corpus, clip.channel) for clip in self.clips]
        files = [[clip.path for clip in self.clips], self.noises, self.rooms]
        names = [[path.name for path in paths] for paths in files[1:]]
        contents = [content_digests(paths) for paths in files]
        facts = [code, asdict(self.settings), asdict(self.augment), self.seed, kinds, names, contents]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def stored_windows(source: WindowSource, folder: Path, progress: ProgressCallback) -> Path:
    """The index file of a dataset, computed if it is missing; ``load_windows`` reads it.

    Args:
        source: clips, settings and seed.
        folder: folder of datasets.
        progress: called with the number of finished clips and of all clips.
    """
    path = folder / f"windows-{source.key}.npz"
    if not (path.is_file() and _frames_path(path).is_file()):
        dataset = build_dataset(
            source.clips,
            source.settings,
            source.augment,
            seed=source.seed,
            noises=source.noises,
            rooms=source.rooms,
            progress=progress,
        )
        write_pieces(_frames_path(path), _npy(dataset))
        write_arrays(path, _index(dataset))
    return path


def load_windows(path: Path, clips: Sequence[Clip]) -> Dataset:
    """A dataset that ``stored_windows`` wrote.

    Args:
        path: its index file.
        clips: the same clips in the same order.

    Returns:
        The dataset; its frames are read-only and read from the disk when they are used.
    """
    frames = np.load(_frames_path(path), mmap_mode="r", allow_pickle=False)
    return _unpacked(clips, read_arrays(path), np.asarray(frames))


def read_arrays(path: Path) -> Arrays:
    """The arrays of a file, by name."""
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write arrays as ``write_whole`` does."""
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, **arrays)
    write_whole(path, packed.getvalue())


def _frames_path(path: Path) -> Path:
    return path.with_suffix(".npy")


def _npy(dataset: Dataset) -> Iterator[bytes]:
    """Yield an .npy file of all frames, window by window."""
    windows = [frames for each in dataset.copies for frames in each.frames]
    shape = (sum(map(len, windows)), windows[0].shape[1] if windows else 0)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": _FRAME_DTYPE, "fortran_order": False, "shape": shape}
    )
    yield header.getvalue()
    for frames in windows:
        yield frames.astype(_FRAME_DTYPE, copy=False).tobytes()


def _index(dataset: Dataset) -> Arrays:
    """Arrays with the clip, copy and length of each window."""
    windows = [(each, frames) for each in dataset.copies for frames in each.frames]
    return {
        "n_frames": np.array([len(frames) for _, frames in windows], np.int64),
        "clip": np.array([each.clip for each, _ in windows], np.int64),
        "copy": np.array([each.copy for each, _ in windows], np.int64),
        "noise_fold": np.array([each.noise_fold for each, _ in windows], np.str_),
        "left_out": np.array(list(dataset.left_out), np.int64),
        "why": np.array(list(dataset.left_out.values()), np.str_),
    }


def _unpacked(clips: Sequence[Clip], arrays: Arrays, frames: NDArray[np.float16]) -> Dataset:
    windows: dict[tuple[int, int, str], list[NDArray[np.float16]]] = {}
    ends = [0, *np.cumsum(arrays["n_frames"]).tolist()]
    owners = zip(*(arrays[name].tolist() for name in ("clip", "copy", "noise_fold")), strict=True)
    for owner, (first, end) in zip(owners, pairwise(ends), strict=True):
        windows.setdefault(owner, []).append(frames[first:end])
    copies = tuple(
        ClipWindows(clip=clip, copy=copy, frames=tuple(own), noise_fold=fold)
        for (clip, copy, fold), own in windows.items()
    )
    left_out = zip(arrays["left_out"].tolist(), arrays["why"].tolist(), strict=True)
    return Dataset(clips=tuple(clips), copies=copies, left_out=dict(left_out))

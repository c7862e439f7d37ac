"""Windows of clips and their copies, computed once and kept in a file for all that share them."""

import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from train.augment import SoundAugment
from train.clips import Clip, fingerprint
from train.dataset import ClipWindows, Dataset, WindowSettings, build_dataset
from train.files import write_whole

Arrays = Mapping[str, NDArray[np.generic]]
Progress = Callable[[int, int], None]
_VERSION: Final = 4
"""Goes up when the same settings come to mean other numbers."""


def stored_windows(
    clips: Sequence[Clip],
    settings: WindowSettings,
    augment: SoundAugment,
    *,
    seed: int,
    folder: Path,
    progress: Progress,
    noises: Sequence[Path] = (),
) -> Path:
    """The file of a data set, computed if it is not there; ``load_windows`` reads it.

    Args:
        clips: the clips.
        settings: how they become windows.
        augment: how copies differ, and how many there are.
        seed: draws the copies.
        folder: where such files are kept.
        progress: told how many clips are done, of how many.
        noises: recordings to put under copies.
    """
    data = [fingerprint(clips), [[path.name, path.stat().st_size] for path in noises]]
    facts = [_VERSION, asdict(settings), asdict(augment), seed, *data]
    key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
    path = folder / f"windows-{key}.npz"
    if not path.is_file():
        dataset = build_dataset(clips, settings, augment, seed=seed, noises=noises, progress=progress)
        write_arrays(path, _packed(dataset))
    return path


def load_windows(path: Path, clips: Sequence[Clip]) -> Dataset:
    """A data set as ``stored_windows`` left it.

    Args:
        path: the file.
        clips: the same clips in the same order.
    """
    return _unpacked(clips, read_arrays(path))


def read_arrays(path: Path) -> Arrays:
    """The arrays of a file, by name."""
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write arrays so that the file is whole or not there."""
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, **arrays)
    write_whole(path, packed.getvalue())


def _packed(dataset: Dataset) -> Arrays:
    """A data set as arrays: all frames in one row, and which window, copy and clip they are of."""
    windows = [(each, frames) for each in dataset.copies for frames in each.frames]
    n_mfcc = windows[0][1].shape[1] if windows else 0
    frames = [frames for _, frames in windows] or [np.empty((0, n_mfcc), np.float16)]
    return {
        "frames": np.concatenate(frames),
        "n_frames": np.array([len(frames) for _, frames in windows], np.int64),
        "clip": np.array([each.clip for each, _ in windows], np.int64),
        "copy": np.array([each.copy for each, _ in windows], np.int64),
        "noise_fold": np.array([each.noise_fold for each, _ in windows], np.str_),
        "left_out": np.array(list(dataset.left_out), np.int64),
        "why": np.array(list(dataset.left_out.values()), np.str_),
    }


def _unpacked(clips: Sequence[Clip], arrays: Arrays) -> Dataset:
    windows: dict[tuple[int, int, str], list[NDArray[np.float16]]] = {}
    frames = arrays["frames"].astype(np.float16, copy=False)
    ends = np.cumsum(arrays["n_frames"]).tolist()
    owners = zip(*(arrays[name].tolist() for name in ("clip", "copy", "noise_fold")), strict=True)
    for owner, first, end in zip(owners, [0, *ends[:-1]], ends, strict=True):
        windows.setdefault(owner, []).append(frames[first:end])
    copies = tuple(
        ClipWindows(clip=clip, copy=copy, frames=tuple(own), noise_fold=fold)
        for (clip, copy, fold), own in windows.items()
    )
    left_out = zip(arrays["left_out"].tolist(), arrays["why"].tolist(), strict=True)
    return Dataset(clips=tuple(clips), copies=copies, left_out=dict(left_out))

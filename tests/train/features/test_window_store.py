"""The store of windows gives back what was put in, and computes it once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from made_corpora import made_clip

from testkit.voices import quiet_room
from train.data.clips import Clip
from train.data.corpora import find_clips
from train.features.dataset import build_dataset
from train.features.window_store import load_windows, stored_windows
from train.model.recipe import Recipe


@pytest.fixture
def clips(corpus_root: Path) -> tuple[Clip, ...]:
    """Four clips."""
    return find_clips(corpus_root).clips[:4]


class Store:
    """Windows of some clips and two copies of each, in a folder."""

    def __init__(self, clips: tuple[Clip, ...], folder: Path) -> None:
        self.clips = clips
        self.augment = replace(Recipe().sound, copies=2)
        self.n_computed = 0
        """Clips that were worked through."""
        self._folder = folder

    def path(self, seed: int = 0) -> Path:
        """Where they are, by now."""
        return stored_windows(
            self.clips,
            Recipe().windows,
            self.augment,
            seed=seed,
            folder=self._folder,
            progress=self._count,
        )

    def _count(self, _done: int, _total: int) -> None:
        self.n_computed += 1


@pytest.fixture
def store(clips: tuple[Clip, ...], tmp_path: Path) -> Store:
    """Nothing is in it yet."""
    return Store(clips, tmp_path)


def test_windows_come_back_as_they_were_computed(store: Store) -> None:
    """They are those of build_dataset, and nobody can change them."""
    read = load_windows(store.path(), store.clips)
    made = build_dataset(store.clips, Recipe().windows, store.augment, seed=0)
    assert (read.clips, read.left_out) == (made.clips, made.left_out)
    assert len(read.copies) == 12
    for one, other in zip(read.copies, made.copies, strict=True):
        assert (one.clip, one.copy, one.noise_fold) == (other.clip, other.copy, other.noise_fold)
        assert all(np.array_equal(a, b) for a, b in zip(one.frames, other.frames, strict=True))
        assert all(frames.dtype == np.float16 for frames in one.frames)
        assert not any(frames.flags.writeable for frames in one.frames)


def test_they_are_computed_once(store: Store) -> None:
    """For a seed, as long as both files are there."""
    path = store.path()
    assert store.path() == path
    assert store.n_computed == 4
    path.with_suffix(".npy").unlink()
    assert store.path() == path
    assert store.n_computed == 8
    assert store.path(seed=1) != path
    assert store.n_computed == 12


def test_clips_in_which_nobody_is_heard_can_be_stored(tmp_path: Path) -> None:
    """An empty set comes back empty, with what was left out and why."""
    silent, broken = (made_clip(f"03-01-03-01-01-0{n}-01", tmp_path) for n in (1, 2))
    soundfile.write(silent.path, quiet_room(1.0), 16_000)
    broken.path.write_bytes(b"no sound")
    store = Store((silent, broken), tmp_path / "windows")
    read = load_windows(store.path(), store.clips)
    assert not read.copies
    assert list(read.left_out) == [1]
    assert broken.path.name in read.left_out[1]

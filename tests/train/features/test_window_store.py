"""The store of windows gives back what was put in, and computes it once."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from made_corpora import made_clip

from testkit.voices import quiet_room
from train.data.clips import Clip
from train.data.code_digest import code_digest
from train.data.corpora import find_clips
from train.features import window_store
from train.features.dataset import build_dataset
from train.features.window_store import WindowSource, load_windows, stored_windows
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
        source = WindowSource(
            clips=self.clips, settings=Recipe().windows, augment=self.augment, seed=seed
        )
        return stored_windows(source, self._folder, self._count)

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


def test_windows_of_other_code_are_never_met(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed segmenter makes another key, and so do the modules behind it."""
    path = store.path()
    followed: list[tuple[str, ...]] = []

    def other_code(*modules: str, beside: Collection[str]) -> str:
        followed.append(modules)
        return "another"

    monkeypatch.setattr(window_store, "code_digest", other_code)
    assert store.path() != path
    assert followed == [("train.features.window_store",)]


@pytest.mark.parametrize(
    "module",
    [
        "serd.audio.files",
        "serd.audio.resample",
        "serd.model.mfcc",
        "serd.model.windows",
        "serd.pipeline",
        "serd.speech.gain",
        "serd.speech.high_pass",
        "serd.speech.segmenter",
        "serd.speech.vad",
        "train.features.augmentation",
        "train.features.dataset",
        "train.features.noise",
    ],
)
def test_every_module_that_makes_windows_is_in_their_key(module: str) -> None:
    """Left out of the digest, each of them makes another one."""
    beside = window_store._BESIDE  # noqa: SLF001
    with_it = code_digest("train.features.window_store", beside=beside)
    assert code_digest("train.features.window_store", beside=(*beside, module)) != with_it


def test_a_sound_of_the_same_name_and_size_is_another(clips: tuple[Clip, ...], tmp_path: Path) -> None:
    """A clip that was made louder in its place is cut again."""
    path = tmp_path / clips[0].path.name
    samples, rate_hz = soundfile.read(clips[0].path, dtype="int16")
    keys = []
    for gain in (1, -1):
        soundfile.write(path, samples * gain, rate_hz)
        source = WindowSource(
            clips=(replace(clips[0], path=path),),
            settings=Recipe().windows,
            augment=Recipe().sound,
            seed=0,
        )
        keys.append(source.key)
    assert keys[0] != keys[1]


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

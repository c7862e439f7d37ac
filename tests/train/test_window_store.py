"""The store of windows gives back what was put in, and computes it once."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from train.corpora import find_clips
from train.dataset import build_dataset
from train.recipe import Recipe
from train.window_store import load_windows, stored_windows


def test_windows_come_back_as_they_were_computed(corpus_root: Path, tmp_path: Path) -> None:
    """They are those of build_dataset, computed once; another seed has its own file."""
    clips = find_clips(corpus_root).clips[:4]
    recipe = Recipe()
    augment = replace(recipe.sound, copies=2)
    calls: list[int] = []

    def stored(seed: int = 0) -> Path:
        return stored_windows(
            clips,
            recipe.windows,
            augment,
            seed=seed,
            folder=tmp_path,
            progress=lambda done, _: calls.append(done),
        )

    path = stored()
    dataset = load_windows(path, clips)
    assert calls == [1, 2, 3, 4]
    assert stored() == path
    assert len(calls) == 4, "not computed again"
    assert stored(seed=1) != path
    made = build_dataset(clips, recipe.windows, augment, seed=0)
    assert len(dataset.copies) == 12
    for one, other in zip(dataset.copies, made.copies, strict=True):
        assert (one.clip, one.copy, one.noise_fold) == (other.clip, other.copy, other.noise_fold)
        assert all(np.array_equal(a, b) for a, b in zip(one.frames, other.frames, strict=True))
        assert all(frames.dtype == np.float16 for frames in one.frames)

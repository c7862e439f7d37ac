"""Parts of the noise: what is left out for a network's judgement is under none of its clips."""

from pathlib import Path

import numpy as np
import pytest

from train.augment import SoundAugment
from train.corpora.ravdess import clip_from_path
from train.dataset import ClipWindows, Dataset, build_dataset
from train.noise import noise_clips, noise_files
from train.noise_folds import noise_fold, noise_folds
from train.recipe import Recipe


@pytest.mark.parametrize(
    ("name", "fold"),
    [
        ("1-17092-A-0.flac", "1"),
        ("3-144891-B-19.wav", "3"),
        ("5-9032-A-0.flac", "5"),
        ("rain/2-26143-C.flac", "2"),
    ],
)
def test_a_recording_of_esc_is_of_the_fold_in_its_name(name: str, fold: str) -> None:
    """The name's first number is the fold, with a class behind it or without, in any folder."""
    assert noise_fold(Path("somewhere") / name) == fold


def test_pieces_of_one_original_are_of_one_part(shared_data: Path) -> None:
    """ESC-10 as it lies beside the project, where the class is the folder's name and not the file's."""
    parts: dict[str, set[str]] = {}
    for path in noise_files(shared_data / "esc10"):
        parts.setdefault(path.stem.split("-")[1], set()).add(noise_fold(path))
    assert set(map(len, parts.values())) == {1}
    assert set().union(*parts.values()) <= set("12345")


def test_any_other_recording_is_of_one_of_three_parts_wherever_it_lies() -> None:
    """The name decides and not the folder; 60 names fall into all three parts."""
    paths = [Path(f"rain-{number}.wav") for number in range(60)]
    assert noise_folds(paths) == ("a", "b", "c")
    assert [noise_fold(Path("elsewhere") / path) for path in paths] == list(map(noise_fold, paths))


def test_a_part_that_is_left_out_is_neither_heard_nor_under_speech() -> None:
    """Its recording goes with all copies, and so does any copy that it lies under; the rest stays."""
    clips = noise_clips([Path("1-1-A-0.flac"), Path("2-1-A-0.flac")])
    frames = (np.zeros((5, 40), np.float16),)
    copies = tuple(
        ClipWindows(clip=clip, copy=copy, frames=frames, noise_fold=under)
        for clip in (0, 1)
        for copy, under in enumerate(("", "1", "2"))
    )
    left = Dataset(clips=clips, copies=copies, left_out={}).without_noise("1")
    assert [(each.clip, each.noise_fold) for each in left.copies] == [(1, ""), (1, "2")]


def test_a_copy_says_what_noise_lies_under_it(corpus_root: Path, noise_root: Path) -> None:
    """The part of a recorded noise; nothing where the noise is made or the clip is as recorded."""
    (path,) = corpus_root.rglob("03-01-05-01-01-01-01.wav")
    recorded = [each for each in sorted(noise_root.iterdir()) if "silence" not in each.name]
    augment = SoundAugment(copies=8, p_noise=1.0, p_recorded=0.5)
    dataset = build_dataset(
        [clip_from_path(path)], Recipe().windows, augment, seed=0, noises=recorded[:1]
    )
    said = {each.noise_fold for each in dataset.copies if each.copy}
    assert said == {"", noise_fold(recorded[0])}
    assert [each.noise_fold for each in dataset.copies if not each.copy] == [""]

"""A split that tests a model on its training data is refused."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from made_corpora import write_tiny
from train_helpers import window_settings

from train.data.clips import Clip
from train.data.corpora import ravdess
from train.data.leaks import LeakError, check_no_leak
from train.data.splits import ClipSplit
from train.features.augmentation import SoundAugment
from train.features.dataset import build_dataset


@pytest.fixture
def four(tmp_path: Path) -> list[Clip]:
    """Four actors, one clip each."""
    stems = [f"03-01-05-01-01-01-{actor:02d}" for actor in (1, 2, 3, 4)]
    return [ravdess.clip_from_path(write_tiny(tmp_path / f"{stem}.wav")) for stem in stems]


def _split(**parts: tuple[int, ...]) -> ClipSplit:
    return ClipSplit(**{"name": "planted", "train": (0,), "validation": (1,), "test": (2, 3), **parts})


def test_a_split_without_a_leak_passes(four: list[Clip]) -> None:
    """Four actors in three parts, each of them in one, are let pass."""
    check_no_leak(four, _split())


@pytest.mark.parametrize(
    "parts",
    [
        {"train": (0, 2)},
        {"train": (0, 1)},
        {"validation": (1, 3)},
    ],
)
def test_a_clip_on_both_sides_is_refused(four: list[Clip], parts: dict[str, tuple[int, ...]]) -> None:
    """Whichever two of training, validation and test share it."""
    with pytest.raises(LeakError, match=r"planted: leak between .* is in both"):
        check_no_leak(four, _split(**parts))


def test_the_same_actor_on_both_sides_is_refused(four: list[Clip], tmp_path: Path) -> None:
    """Actor and parts are named; a split that is leaky on purpose may share actors."""
    other = ravdess.clip_from_path(write_tiny(tmp_path / "03-01-04-01-01-01-03.wav"))
    with pytest.raises(LeakError, match="between train and test: actor 3 is in both"):
        check_no_leak([*four, other], _split(train=(0, 4)))
    with pytest.raises(LeakError, match="between validation and test: actor 3"):
        check_no_leak([*four, other], _split(validation=(4,)))
    leaky = replace(_split(train=(0, 4)), is_leaky=True)
    check_no_leak([*four, other], leaky)


def test_the_same_sound_under_another_name_is_refused(four: list[Clip], tmp_path: Path) -> None:
    """A copy under another actor's name is found, and so is one packed as FLAC."""
    path = tmp_path / "03-01-05-02-02-02-07.wav"
    shutil.copy(four[2].path, path)
    with pytest.raises(LeakError, match=r"(02-07|01-03)\.wav sounds the same as"):
        check_no_leak([*four, ravdess.clip_from_path(path)], _split(train=(0, 4)))
    samples, rate_hz = soundfile.read(four[2].path, dtype="int16")
    soundfile.write(path.with_suffix(".flac"), samples, rate_hz)
    packed = ravdess.clip_from_path(path.with_suffix(".flac"))
    with pytest.raises(LeakError, match="sounds the same as"):
        check_no_leak([*four, packed], _split(train=(0, 4)))


def test_the_same_clip_in_another_folder_is_refused(four: list[Clip], tmp_path: Path) -> None:
    """Its name tells, though it sounds different, even where actors may be shared."""
    again = ravdess.clip_from_path(write_tiny(tmp_path / "louder" / four[1].path.name))
    by_clip = replace(_split(train=(0, 4)), is_validated_by_clip=True)
    with pytest.raises(LeakError, match="is the same clip as"):
        check_no_leak([*four, again], by_clip)
    with pytest.raises(LeakError, match="is the same clip as"):
        check_no_leak([*four, again], replace(_split(train=(0, 4), test=(1,)), is_leaky=True))


def test_a_file_of_two_actors_is_refused(four: list[Clip]) -> None:
    """A table that lists one file for two speakers does not get it onto both sides."""
    table = [replace(clip, corpus="calls", actor=f"calls:{clip.actor}") for clip in four]
    table[0] = replace(table[0], path=table[2].path)
    with pytest.raises(LeakError, match="is the same clip as"):
        check_no_leak(table, _split())


def test_augmented_copies_stay_where_their_clip_is(clips: list[Clip]) -> None:
    """Copies are kept by their clip's index, so that to plant one is to plant its clip."""
    dataset = build_dataset(clips[:4], window_settings(), SoundAugment(copies=2), seed=0)
    (copy, *_) = (each for each in dataset.copies if each.copy and each.clip == 2)
    with pytest.raises(LeakError, match="is in both"):
        check_no_leak(dataset.clips, _split(train=(0, copy.clip)))
    sides = [dataset.of_clips(part).copies for part in ((0, 1), (2, 3))]
    assert [{each.clip for each in side} for side in sides] == [{0, 1}, {2, 3}]
    assert all(len(side) == 2 * 3 for side in sides)
    assert sum(len(side) for side in sides) == len(dataset.copies)


def test_files_without_sound_are_no_leak(four: list[Clip]) -> None:
    """They are not taken for copies of each other."""
    for clip in four[:2]:
        clip.path.write_bytes(b"")
    for clip in four[2:]:
        soundfile.write(clip.path, np.empty(0, np.int16), 16_000)
    check_no_leak(four, _split())
    check_no_leak(four, _split(train=(2,), test=(0, 3)))

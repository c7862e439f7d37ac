"""Recordings of noise are read, drawn and held out by fold."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from evaluation_helpers import made_clip

from serd.audio.format import SAMPLE_RATE_HZ
from testkit.voices import silence
from train.data.clips import CorpusError
from train.data.corpora.ravdess import clip_from_path
from train.features.augmentation import SoundAugment
from train.features.dataset import ClipWindows, Dataset, build_dataset
from train.features.noise import (
    NoiseBank,
    even_piece,
    noise_clips,
    noise_fold,
    noise_folds,
    open_bank,
    open_banks,
    recordings,
    without_silent_ends,
)
from train.model.recipe import Recipe


def _bank(folder: Path, **sounds: np.ndarray) -> NoiseBank:
    folder.mkdir(exist_ok=True)
    for name, sound in sounds.items():
        soundfile.write(folder / f"{name}.wav", sound, SAMPLE_RATE_HZ)
    return open_bank(folder, recordings(folder))


def _hum(duration_s: float, hz: float = 300.0) -> np.ndarray:
    time_s = np.arange(round(duration_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return np.rint(8000 * np.sin(2 * np.pi * hz * time_s)).astype(np.int16)


def test_a_clip_draws_the_same_noise_whatever_is_beside_it(tmp_path: Path) -> None:
    """Seed and clip alone decide it; another seed draws others, and each recording has its turn."""
    bank = _bank(tmp_path / "noise", a=_hum(2.0), b=_hum(3.0, 500.0), c=_hum(1.0, 900.0))
    clips = [made_clip(actor=str(number)) for number in range(12)]
    first = [bank.draw(clip, 20_000, seed=0) for clip in clips]
    again = [bank.draw(clip, 20_000, seed=0) for clip in reversed(clips)][::-1]
    other = [bank.draw(clip, 20_000, seed=1) for clip in clips]
    assert [path for path, _ in first] == [path for path, _ in again]
    assert all(np.array_equal(one[1], two[1]) for one, two in zip(first, again, strict=True))
    assert len({path for path, _ in first}) == 3, "each recording has its turn"
    assert [path for path, _ in first] != [path for path, _ in other]


def test_a_longer_clip_begins_with_the_noise_of_a_shorter_one_and_repeats_it(tmp_path: Path) -> None:
    """It is the same recording from the same place, over and over."""
    hum = _hum(0.5)
    _, short = _bank(tmp_path / "noise", a=hum).draw(made_clip(), 100, seed=0)
    _, long = _bank(tmp_path / "noise", a=hum).draw(made_clip(), 40_000, seed=0)
    n = without_silent_ends(hum).size
    assert np.array_equal(long[:100], short)
    assert np.array_equal(long[:n], long[n : 2 * n])


@pytest.mark.parametrize("seed", range(8))
def test_noise_is_never_silent_where_the_recording_mostly_is(tmp_path: Path, seed: int) -> None:
    """Two knocks in five seconds: even a tenth of a second drawn from them holds sound."""
    knock = np.concatenate((silence(1.0), _hum(0.05), silence(3.0), _hum(0.05), silence(1.0)))
    _, noise = _bank(tmp_path / "noise", knock=knock).draw(made_clip(), 1600, seed=seed)
    assert noise.any()


def test_files_that_are_no_noise_are_named(tmp_path: Path) -> None:
    """A broken file and a silent one are left out with a line each, and the rest is used."""
    (tmp_path / "noise").mkdir()
    (tmp_path / "noise" / "broken.flac").write_bytes(b"no sound")
    bank = _bank(tmp_path / "noise", still=silence(1.0), hum=_hum(1.0))
    assert [path.name for path in bank.paths] == ["hum.wav"]
    assert "broken.flac" in bank.left_out[0]
    assert "still.wav: holds silence alone" in bank.left_out[1]


def test_a_folder_without_noise_is_refused(tmp_path: Path) -> None:
    """No folder, no sound file and silence alone each have an error of their own."""
    with pytest.raises(CorpusError, match="no such folder"):
        recordings(tmp_path / "nowhere")
    with pytest.raises(CorpusError, match="no sound file in it"):
        recordings(tmp_path)
    with pytest.raises(CorpusError, match=r"can be used .*silence alone"):
        _bank(tmp_path, still=silence(1.0))


def test_a_piece_has_an_rms_of_one_wherever_it_begins(tmp_path: Path) -> None:
    """A faint hum is raised to it; silence alone gives zeros."""
    path = tmp_path / "hum.wav"
    soundfile.write(path, 0.01 * np.sin(np.arange(8000) * 0.1), SAMPLE_RATE_HZ)
    for seed in range(5):
        piece = even_piece(path, 20_000, np.random.default_rng(seed))
        assert piece.shape == (20_000,)
        assert np.sqrt(np.mean(piece**2)) == pytest.approx(1.0, rel=1e-3)
    soundfile.write(path, np.zeros(8000), SAMPLE_RATE_HZ)
    assert not even_piece(path, 100, np.random.default_rng(0)).any()


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
    for path in recordings(shared_data / "esc10"):
        parts.setdefault(path.stem.split("-")[1], set()).add(noise_fold(path))
    assert set(map(len, parts.values())) == {1}
    assert set().union(*parts.values()) <= set("12345")


def test_pieces_that_differ_in_a_last_number_are_of_one_part() -> None:
    """All pieces of a vacuum cleaner's recording are; recordings of one number each are on their own."""
    assert len({noise_fold(Path(f"vacuuming_2_{number}.opus")) for number in range(20)}) == 1
    assert len({noise_fold(Path(f"cry_{number:03d}.opus")) for number in range(60)}) == 3


def test_several_folders_are_one_bank(noise_root: Path, tmp_path: Path) -> None:
    """The recordings of both, and the reasons of what is left out of both."""
    other = tmp_path / "other"
    other.mkdir()
    soundfile.write(other / "hum.wav", np.full(8000, 0.1), SAMPLE_RATE_HZ)
    soundfile.write(other / "nothing.wav", np.zeros(8000), SAMPLE_RATE_HZ)
    alone, bank = open_banks([noise_root]), open_banks([noise_root, other])
    assert bank.paths == (*alone.paths, other / "hum.wav")
    assert len(bank.left_out) == len(alone.left_out) + 1
    assert bank.name(other / "hum.wav") == "hum.wav"
    assert bank.name(alone.paths[0]) == alone.paths[0].relative_to(noise_root).as_posix()
    with pytest.raises(CorpusError, match="no such folder"):
        open_banks([noise_root, tmp_path / "missing"])


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

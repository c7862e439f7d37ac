"""Two files are alike when they sound alike, whatever holds the sound; splits have them on one side."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from testkit.voices import synthetic_voice
from train.data.clips import Clip, Corpus
from train.data.corpora.ravdess import clip_from_path
from train.data.duplicates import sound_keys, without_duplicates

_VOICE = synthetic_voice(0.5)


def _write(path: Path, subtype: str = "PCM_16", *, rate_hz: int = 16_000, gain: int = 1) -> Path:
    soundfile.write(path, _VOICE * gain, rate_hz, subtype=subtype)
    return path


def _variant(path: Path, kind: str) -> Path:
    """The voice, changed so little that it sounds the same."""
    sound = _VOICE.astype(np.float64)
    rng = np.random.default_rng(0)
    if kind == "shifted":
        sound = np.concatenate((np.zeros(700), sound))
    elif kind == "louder":
        sound = sound * 1.3
    elif kind == "noise in the last bits":
        sound = sound + rng.normal(0.0, 0.01 * sound.std(), sound.size)
    elif kind == "noise":
        sound = sound + rng.normal(0.0, 0.1 * sound.std(), sound.size)
    elif kind == "another pitch":
        sound = synthetic_voice(0.5, f0_hz=140.0).astype(np.float64)
    soundfile.write(path, np.round(sound).clip(-32768, 32767).astype(np.int16), 16_000)
    return path


@pytest.mark.parametrize(
    ("kind", "is_same"),
    [
        ("shifted", True),
        ("louder", True),
        ("noise in the last bits", True),
        ("noise", False),
        ("another pitch", False),
    ],
)
def test_sounds_that_correlate_are_the_same(kind: str, *, is_same: bool, tmp_path: Path) -> None:
    """Aligned, above 0.999; a tenth of noise or another pitch makes another sound."""
    first, second = sound_keys([_write(tmp_path / "a.wav"), _variant(tmp_path / "b.wav", kind)])
    assert (first == second) is is_same


def test_silent_and_broken_files_sound_like_no_other(tmp_path: Path) -> None:
    """Digital silence of two lengths and two files without sound have four keys."""
    paths = [tmp_path / f"{number}.wav" for number in range(4)]
    for number, path in enumerate(paths[:2]):
        soundfile.write(path, np.zeros(1000 + number, np.int16), 16_000)
    for path in paths[2:]:
        path.write_bytes(b"no sound")
    assert len(set(sound_keys(paths))) == 4


def _corpus(folder: Path) -> tuple[Corpus, list[str]]:
    """Three clips that sound the same, two of actor 7 and one of actor 8, and another one."""
    stems = [f"03-01-03-01-02-0{n}" for n in (1, 2)]
    names = [f"{stems[0]}-07", f"{stems[1]}-07", f"{stems[0]}-08", f"{stems[1]}-08"]
    clips: list[Clip] = []
    for name in names:
        path = _write(folder / f"{name}.wav", gain=1)
        clips.append(clip_from_path(path))
    _variant(clips[-1].path, "another pitch")
    return Corpus(clips=tuple(clips), left_out=()), names


def test_twins_of_one_speaker_are_kept_together_and_those_of_another_left_out(tmp_path: Path) -> None:
    """Each has a line; no split by speaker can then have one sound on both sides."""
    corpus, names = _corpus(tmp_path)
    kept = without_duplicates(corpus, "keep-together")
    assert [clip.path.stem for clip in kept.clips] == [names[0], names[1], names[3]]
    assert "kept on the same side of every split" in kept.left_out[0]
    assert "actors 7 and 8 may be on two sides" in kept.left_out[1]


def test_all_but_the_first_of_twins_can_be_dropped(tmp_path: Path) -> None:
    """With the other rule, whoever speaks, and with a line for each."""
    corpus, names = _corpus(tmp_path)
    dropped = without_duplicates(corpus, "drop")
    assert [clip.path.stem for clip in dropped.clips] == [names[0], names[3]]
    assert all(line.endswith("left out") for line in dropped.left_out)

"""A corpus of another kind is a module and a line: it is found and inventoried like the others."""

import re
from pathlib import Path

import pytest
from made_corpora import write_tiny

from train.__main__ import main
from train.data.clips import Clip, OtherNameError
from train.data.corpora import CORPORA, classes_of, clip_key, find_clips, find_training_clips, title_of
from train.data.corpora.reader import CorpusReader
from train.data.inventory import take_inventory


def clip_from_path(path: Path) -> Clip:
    """Two letters for the speaker, one for the emotion, a number: ``ab_w_1.wav``."""
    fields = re.fullmatch(r"([a-z]{2})_([wf])_(\d)", path.stem)
    if fields is None:
        raise OtherNameError(f"{path}: not named like a clip of Made")
    return Clip(
        path=path,
        corpus="made",
        actor=f"made:{fields[1]}",
        gender="unknown",
        emotion={"w": "angry", "f": "happy"}[fields[2]],
        channel="speech",
        intensity="unknown",
        statement=fields[3],
    )


MADE = CorpusReader(
    name="made",
    title="Made Up",
    classes=("happy", "angry"),
    example="ab_w_1",
    credit="Trained on Made Up as well.",
    clip_from_path=clip_from_path,
)


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Four clips of two speakers, one of RAVDESS, and the line that makes the corpus known."""
    monkeypatch.setitem(CORPORA, MADE.name, MADE)
    for name in ("ab_w_1", "ab_f_1", "cd_w_1", "cd_f_1", "03-01-05-01-01-01-02"):
        write_tiny(tmp_path / f"{name}.wav")
    return tmp_path


def test_its_clips_are_found_beside_others(root: Path) -> None:
    """By its own names, each once; its title and classes are known."""
    corpus = find_clips(root, corpora=CORPORA)
    assert [clip.corpus for clip in corpus.clips] == ["ravdess", *["made"] * 4]
    assert {clip.actor for clip in corpus.clips} == {"2", "made:ab", "made:cd"}
    assert (title_of("made"), classes_of("made")) == ("Made Up", ("happy", "angry"))
    assert clip_key(corpus.clips[1]) == f"made {corpus.clips[1].path.stem}"


def test_training_may_use_it_as_well(root: Path) -> None:
    """A corpus with a credit is one of those that --also reads."""
    corpus = find_training_clips(root, [root])
    assert sum(clip.corpus == "made" for clip in corpus.clips) == 4


def test_the_inventory_names_it(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the code and on the command line."""
    sounds = take_inventory(root).sounds
    assert sum(sound.clip.corpus == "made" for sound in sounds) == 4
    assert main(["data", str(root)]) == 0
    assert "Made Up" in capsys.readouterr().out

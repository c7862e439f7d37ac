"""Corpora are known by what lies below a folder; a file that says nothing is named."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
from made_corpora import write_tiny

from serd.model.labels import EMOTIONS
from train.data.clips import CorpusError
from train.data.corpora import CORPORA, classes_of, clip_key, find_clips, find_training_clips


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """A folder with three corpora, a table and a stranger."""
    write_tiny(tmp_path / "R" / "03-01-05-01-01-01-02.wav")
    write_tiny(tmp_path / "R" / "03-01-03-01-01-01-02.flac")
    for path in ("DC/a01.wav", "JE/a01.wav", "DC_su02.wav"):
        write_tiny(tmp_path / "S" / path)
    write_tiny(tmp_path / "N" / "samples" / "EB0_fear_1.flac")
    write_tiny(tmp_path / "N" / "samples" / "EB0_fear_2.flac")
    rows = "file_id\temotion\tspeaker_id\tgender\nEB0_fear_1.flac\tfear\tEB0\tfemale\n"
    (tmp_path / "N" / "data.tsv").write_text(rows, "utf-8")
    write_tiny(tmp_path / "T" / "one.wav")
    (tmp_path / "T" / "calls.csv").write_text("file,emotion,speaker\none.wav,calm,x\n", "utf-8")
    write_tiny(tmp_path / "holiday.wav")
    return tmp_path


def test_several_corpora_are_read_at_once(several: Path) -> None:
    """RAVDESS comes first, each clip has a key of its own, and files of no corpus are named."""
    corpus = find_clips(several, corpora=CORPORA, table=several / "T" / "calls.csv")
    assert [(clip.actor, clip.path.stem) for clip in corpus.clips] == [
        ("2", "03-01-03-01-01-01-02"),
        ("2", "03-01-05-01-01-01-02"),
        ("calls:x", "one"),
        ("nemo:EB0", "EB0_fear_1"),
        ("savee:DC", "DC_su02"),
        ("savee:DC", "a01"),
        ("savee:JE", "a01"),
    ]
    assert len({clip_key(clip) for clip in corpus.clips}) == 7
    assert [Path(line.partition(":")[0]).name for line in corpus.left_out] == [
        "EB0_fear_2.flac",
        "holiday.wav",
    ]
    reason = "no clip of RAVDESS, SAVEE, nEMO or 10 other corpora, neither by its name nor in a table"
    assert reason in corpus.left_out[0]


def test_only_what_is_asked_for_is_read(several: Path) -> None:
    """RAVDESS unless told otherwise, or a table alone; a corpus that nobody knows is an error."""
    assert {clip.corpus for clip in find_clips(several).clips} == {"ravdess"}
    assert {clip.corpus for clip in find_clips(several, corpora=["nemo"]).clips} == {"nemo"}
    table = several / "T" / "calls.csv"
    corpus = find_clips(several, corpora=(), table=table)
    assert {clip.corpus for clip in corpus.clips} == {"calls"}
    assert len(corpus.left_out) == 8
    with pytest.raises(CorpusError, match="Bad corpus nowhere, expected some of: ravdess, savee, nemo"):
        find_clips(several, corpora=["nowhere"])


def test_other_corpora_come_behind_ravdess_each_clip_once(several: Path) -> None:
    """A folder named twice changes nothing, and RAVDESS is taken from its own folder alone."""
    corpus = find_training_clips(several / "R", [several / "S", several, several / "N"])
    assert [clip.corpus for clip in corpus.clips] == ["ravdess"] * 2 + ["nemo"] + ["savee"] * 3
    assert sum("the same clip as" in line for line in corpus.left_out) == 4
    assert any(
        "03-01-05-01-01-01-02.wav: no clip of SAVEE, nEMO, CREMA-D" in line for line in corpus.left_out
    )


@pytest.mark.parametrize("name", CORPORA)
def test_the_classes_of_a_corpus_are_emotions_in_their_order(name: str) -> None:
    """They are given in the order of ``EMOTIONS``, and none is unknown."""
    assert [each for each in EMOTIONS if each in classes_of(name)] == list(classes_of(name))


def test_every_class_of_nemo_can_be_read(nemo_root: Path) -> None:
    """Its six states become the six classes that are declared for it."""
    clips = find_clips(nemo_root, corpora=["nemo"]).clips
    assert {clip.emotion for clip in clips} == set(classes_of("nemo"))


def test_a_file_that_a_table_calls_otherwise_keeps_its_own_name(tmp_path: Path) -> None:
    """The name of RAVDESS decides the emotion, and the contradiction is said."""
    path = write_tiny(tmp_path / "03-01-05-01-01-01-02.wav")
    table = tmp_path / "calls.csv"
    table.write_text(f"file,emotion,speaker\n{path.name},calm,x\n", "utf-8")
    corpus = find_clips(tmp_path, table=table)
    assert [clip.emotion for clip in corpus.clips] == ["angry"]
    assert corpus.left_out == (f"{path}: listed in calls, but named as in RAVDESS",)


@pytest.mark.parametrize("corpus", ["R", "S", "N"])
def test_a_corpus_unpacked_twice_counts_once(several: Path, corpus: str) -> None:
    """Each second file is said to be the same clip as the first."""
    before = find_clips(several, corpora=CORPORA)
    shutil.copytree(several / corpus, several / "again" / corpus)
    after = find_clips(several, corpora=CORPORA)
    assert len(after.clips) == len(before.clips)
    assert sum("the same clip as" in line for line in after.left_out) == {"R": 2, "S": 3, "N": 1}[corpus]


def test_a_table_lists_files_anywhere_and_of_any_suffix(several: Path, tmp_path: Path) -> None:
    """An .ogg outside the folder is read, by its full path."""
    sound = write_tiny(several.parent / "elsewhere.ogg")
    table = several / "more.csv"
    table.write_text(f"file,emotion,speaker\n{sound},calm,x\n", "utf-8")
    corpus = find_clips(several, table=table)
    assert sound in {clip.path for clip in corpus.clips}


def test_a_data_tsv_of_something_else_is_named(several: Path) -> None:
    """The columns that are expected are said, and nEMO's own table is read."""
    (several / "R" / "data.tsv").write_text("a\tb\n", "utf-8")
    corpus = find_clips(several, corpora=CORPORA)
    assert any("R/data.tsv: expected the columns" in line for line in corpus.left_out)
    assert Counter(clip.corpus for clip in corpus.clips)["nemo"] == 1


def test_a_folder_with_other_files_says_how_many(tmp_path: Path) -> None:
    """Sound files of no corpus are counted in the error, and a table's bad line is shown."""
    for name in ("one.wav", "two.wav", "notes.txt"):
        write_tiny(tmp_path / name) if name.endswith("wav") else (tmp_path / name).touch()
    with pytest.raises(CorpusError, match=r"no clip of RAVDESS in it \(03-.*; 2 other files or lines"):
        find_clips(tmp_path)
    with pytest.raises(CorpusError, match="no clip of RAVDESS, SAVEE, nEMO or 10 other corpora in it"):
        find_clips(tmp_path, corpora=CORPORA)
    table = tmp_path / "calls.csv"
    table.write_text("file,emotion,speaker\none.wav,bored,x\n", "utf-8")
    with pytest.raises(CorpusError, match=r"no clip of the table in it; .*1 clip labeled 'bored'"):
        find_clips(tmp_path, corpora=(), table=table)


def test_the_real_data_are_read_whole(shared_data: Path) -> None:
    """RAVDESS and nEMO as they lie beside the project, with nothing left out."""
    ravdess = find_clips(shared_data / "ravdess")
    assert not ravdess.left_out
    assert Counter(clip.channel for clip in ravdess.clips) == {"speech": 1200, "song": 834}
    assert len(ravdess.actors) == 20
    nemo = find_clips(shared_data / "nemo", corpora=["nemo"])
    assert not nemo.left_out
    assert len(nemo.clips) == 2158
    assert Counter(clip.gender for clip in nemo.clips) == {"female": 1079, "male": 1079}
    assert len(nemo.actors) == 6
    original = shared_data / "ravdess_original_48k"
    assert len(find_clips(original).clips) == len(list(original.glob("*.wav")))

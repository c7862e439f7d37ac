"""nEMO is read by its data.tsv, wherever its sounds lie below it."""

from pathlib import Path

import pytest
from made_corpora import write_tiny

from train.data.clips import CorpusError
from train.data.corpora.nemo import read_nemo
from train.data.labels import LabelMap

_HEADER = "file_id\temotion\tspeaker_id\tgender\tage\n"


def _table(folder: Path, *rows: str, header: str = _HEADER) -> Path:
    path = folder / "data.tsv"
    path.write_text(header + "\n".join(rows) + "\n", "utf-8")
    return path


def test_a_row_says_everything_about_its_file(tmp_path: Path) -> None:
    """Speaker, gender, emotion and sentence; how strongly it is played stays unknown."""
    file = write_tiny(tmp_path / "samples" / "EB0_fear_13.flac")
    table = _table(tmp_path, "EB0_fear_13.flac\tfear\tEB0\tfemale\t27")
    listing = read_nemo(table, [file])
    (clip,) = listing.clips.values()
    assert (clip.path, clip.corpus, clip.actor, clip.gender) == (file, "nemo", "nemo:EB0", "female")
    assert (clip.emotion, clip.channel, clip.intensity) == ("fear", "speech", "unknown")
    assert clip.statement == "13"
    assert not listing.left_out


@pytest.mark.parametrize(
    ("word", "emotion"),
    [
        ("anger", "angry"),
        ("fear", "fearful"),
        ("happiness", "happy"),
        ("sadness", "sad"),
        ("surprised", "surprised"),
        ("neutral", "neutral"),
    ],
)
def test_its_six_states_are_emotions(word: str, emotion: str, tmp_path: Path) -> None:
    """Each word of the table becomes one of serd's labels."""
    file = write_tiny(tmp_path / "x_1.flac")
    (clip,) = read_nemo(_table(tmp_path, f"x_1\t{word}\tX\tmale\t1"), [file]).clips.values()
    assert LabelMap().emotion(clip.emotion) == emotion


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("other.flac\tfear\tX\tmale\t1", "line 2: no file 'other.flac'"),
        ("x_1.flac\tfear\t\tmale\t1", "Bad speaker ''"),
        ("x_1.flac\tfear\tX\tman\t1", "Bad gender 'man'"),
        ("x_1.flac", "Bad speaker ''"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(row: str, reason: str, tmp_path: Path) -> None:
    """The line has the row's number and the reason, and no clip comes of it."""
    listing = read_nemo(_table(tmp_path, row), [write_tiny(tmp_path / "x_1.flac")])
    assert not listing.clips
    (line,) = listing.left_out
    assert "data.tsv line 2" in line
    assert reason in line


def test_files_of_other_folders_are_not_its_own(tmp_path: Path) -> None:
    """A file of the same name that does not lie below the table is left alone."""
    (tmp_path / "nemo").mkdir()
    table = _table(tmp_path / "nemo", "x_1.flac\tfear\tX\tmale\t1")
    listing = read_nemo(table, [write_tiny(tmp_path / "other" / "x_1.flac")])
    assert not listing.clips


def test_another_table_is_refused(tmp_path: Path) -> None:
    """The error says which columns a data.tsv of nEMO has."""
    table = _table(tmp_path, header="name\tvalue\n")
    with pytest.raises(CorpusError, match=r"data\.tsv: expected the columns file_id, emotion"):
        read_nemo(table, [])

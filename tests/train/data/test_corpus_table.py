"""Any corpus is read by a CSV of file, emotion and speaker, and nothing in it is guessed."""

from pathlib import Path

import pytest
from made_corpora import write_tiny

from train.data.clips import CorpusError, parse_actors
from train.data.corpora import CORPORA
from train.data.corpora.table import read_table
from train.data.labels import LabelMap


def _table(folder: Path, text: str, name: str = "calls.csv") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_three_columns_are_enough(tmp_path: Path) -> None:
    """Gender and intensity are unknown then, and the clip counts as speech."""
    file = write_tiny(tmp_path / "a.wav")
    listing = read_table(_table(tmp_path, "file,emotion,speaker\na.wav,Anger,Anna\n"), tmp_path)
    (clip,) = listing.clips.values()
    assert (clip.path, clip.corpus, clip.actor) == (file, "calls", "calls:Anna")
    assert (clip.emotion, clip.gender, clip.channel) == ("Anger", "unknown", "speech")
    assert LabelMap().emotion(clip.emotion) == "angry"
    assert (clip.intensity, clip.statement) == ("unknown", "")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_more_columns_say_more_in_any_order(delimiter: str, tmp_path: Path) -> None:
    """Commas, semicolons or tabs divide them; a column that serd does not know is passed over."""
    write_tiny(tmp_path / "a.wav")
    columns = ["Speaker", "statement", "channel", "file", "gender", "intensity", "emotion", "age"]
    values = ["7", "two words", "song", "a.wav", "F", "strong", "calm", "30"]
    text = "\ufeff" + delimiter.join(columns) + "\r\n" + delimiter.join(values) + "\r\n\r\n"
    (clip,) = read_table(_table(tmp_path, text), tmp_path).clips.values()
    assert (clip.actor, clip.gender, clip.channel) == ("calls:7", "female", "song")
    assert (clip.emotion, clip.intensity, clip.statement) == ("calm", "strong", "two words")


def test_files_are_looked_for_beside_the_table_then_below_root(tmp_path: Path) -> None:
    """Of two files with the same name the one beside the table is taken."""
    root = tmp_path / "root"
    write_tiny(root / "a.wav")
    write_tiny(root / "b.wav")
    beside = write_tiny(tmp_path / "tables" / "a.wav")
    text = "file,emotion,speaker\na.wav,sad,x\nb.wav,sad,x\n"
    listing = read_table(_table(tmp_path / "tables", text), root)
    assert [clip.path for clip in listing.clips.values()] == [beside, root / "b.wav"]


def test_names_of_speakers_are_ones_that_a_command_line_takes(tmp_path: Path) -> None:
    """Spaces become underscores, in the table's name and in the speaker's."""
    write_tiny(tmp_path / "a.wav")
    table = _table(tmp_path, "file,emotion,speaker\na.wav,sad,Anna K.\n", "my calls.csv")
    (clip,) = read_table(table, tmp_path).clips.values()
    assert clip.actor == "my_calls:Anna_K."
    assert parse_actors(clip.actor) == {clip.actor}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("b.wav,sad,x,,", "no file 'b.wav' in"),
        (",sad,x,,", "expected a file, an emotion and a speaker"),
        ("a.wav,sad,,,", "expected a file, an emotion and a speaker"),
        ("a.wav", "expected a file, an emotion and a speaker"),
        ("a.wav,sad,x,woman,", "Bad gender 'woman'"),
        ("a.wav,sad,x,,hummed", "Bad channel 'hummed'"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(row: str, reason: str, tmp_path: Path) -> None:
    """By its number and the reason, while the good line behind it is used."""
    write_tiny(tmp_path / "a.wav")
    text = f"file,emotion,speaker,gender,channel\n{row}\na.wav,sad,x,male,speech\n"
    listing = read_table(_table(tmp_path, text), tmp_path)
    assert len(listing.clips) == 1
    (line,) = listing.left_out
    assert "calls.csv line 2" in line
    assert reason in line


def test_a_file_listed_twice_is_used_once(tmp_path: Path) -> None:
    """The first line counts; the second is named, though it writes the path in another way."""
    write_tiny(tmp_path / "a.wav")
    text = "file,emotion,speaker\na.wav,sad,x\n./a.wav,happy,y\n"
    listing = read_table(_table(tmp_path, text), tmp_path)
    assert [clip.emotion for clip in listing.clips.values()] == ["sad"]
    assert listing.left_out == [f"{tmp_path / 'calls.csv'} line 3: './a.wav' is listed twice"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "expected the columns file, emotion, speaker, got an empty file"),
        ("file,emotion\na.wav,sad\n", "expected the columns .* got 'file,emotion'"),
    ],
)
def test_a_table_without_its_columns_is_refused(text: str, reason: str, tmp_path: Path) -> None:
    """The error says which columns are expected and what is there instead."""
    with pytest.raises(CorpusError, match=reason):
        read_table(_table(tmp_path, text), tmp_path)


def test_a_table_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """It is not there, a folder, not UTF-8, or called like a corpus that serd knows."""
    with pytest.raises(CorpusError, match="cannot be read: No such file"):
        read_table(tmp_path / "calls.csv", tmp_path)
    with pytest.raises(CorpusError, match="cannot be read: Is a directory"):
        read_table(tmp_path, tmp_path)
    (tmp_path / "calls.csv").write_bytes(b"file,emotion,speaker\n\xff\xfe")
    with pytest.raises(CorpusError, match="no table in UTF-8"):
        read_table(tmp_path / "calls.csv", tmp_path)
    table = _table(tmp_path, "file,emotion,speaker\n", "RAVDESS.csv")
    with pytest.raises(CorpusError, match="rename the table"):
        read_table(table, tmp_path, CORPORA)


def test_tables_as_excel_and_windows_write_them_are_read(tmp_path: Path) -> None:
    """A first line sep=; and backslashes, in UTF-8 with a mark or in UTF-16; the line counts."""
    write_tiny(tmp_path / "Actor_01" / "x.wav")
    text = "sep=;\r\nfile;emotion;speaker\r\nActor_01\\x.wav;sad;A\r\nno.wav;sad;A\r\n"
    for encoding in ("utf-8-sig", "utf-16"):
        (tmp_path / "calls.csv").write_bytes(text.encode(encoding))
        listing = read_table(tmp_path / "calls.csv", tmp_path)
        assert [clip.path.name for clip in listing.clips.values()] == ["x.wav"]
        assert "calls.csv line 4: no file 'no.wav'" in listing.left_out[0]


def test_a_speaker_is_not_taken_for_a_range(tmp_path: Path) -> None:
    """10-12 is one speaker, whom a command line can name."""
    write_tiny(tmp_path / "a.wav")
    (clip,) = read_table(
        _table(tmp_path, "file,emotion,speaker\na.wav,sad,10-12\n"), tmp_path
    ).clips.values()
    assert parse_actors(clip.actor) == {clip.actor}


def test_a_table_with_a_broken_row_is_refused(tmp_path: Path) -> None:
    """A field of megabytes is an error of the table, not one of the csv module."""
    table = _table(tmp_path, "file,emotion,speaker\n" + "x" * 200_000 + ",sad,a\n")
    with pytest.raises(CorpusError, match="no table that can be read: field larger"):
        read_table(table, tmp_path)

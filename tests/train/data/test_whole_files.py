"""A file is there whole or not at all."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from serd.errors import OperationError
from train.data.files import write_json, write_pieces, write_whole


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    """Nothing is left under another name, and what was there is replaced."""
    for content in (b"first", b"second"):
        write_whole(tmp_path / "new" / "file", content)
        assert (tmp_path / "new" / "file").read_bytes() == content
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_what_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    """A folder in the file's place: the error names the file, and no half is left."""
    (tmp_path / "taken").mkdir()
    with pytest.raises(OperationError, match=r"taken: cannot be written: Is a directory"):
        write_whole(tmp_path / "taken", b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_an_interrupted_file_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C between writing and renaming."""
    path = tmp_path / "file"
    write_whole(path, b"first")

    def interrupt(_self: Path, _target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, b"second")
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"first"


def test_json_can_be_read_by_people(tmp_path: Path) -> None:
    """Indented, letters as they are, a line end behind it."""
    write_json(tmp_path / "a.json", {"name": "Żaneta", "n": 1})
    text = (tmp_path / "a.json").read_text("utf-8")
    assert text == '{\n  "name": "Żaneta",\n  "n": 1\n}\n'
    assert json.loads(text) == {"name": "Żaneta", "n": 1}


def test_pieces_are_one_file_or_none(tmp_path: Path) -> None:
    """A piece that cannot be made leaves what was there before, and nothing else."""
    path = tmp_path / "file"
    write_pieces(path, (b"first ", b"second"))

    def broken() -> Iterator[bytes]:
        yield b"third"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_pieces(path, broken())
    assert path.read_bytes() == b"first second"
    assert list(tmp_path.iterdir()) == [path]

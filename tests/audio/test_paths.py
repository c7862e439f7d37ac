"""Paths of sound files, and the files below folders."""

import os
import sys
from pathlib import Path

import pytest

from serd.audio.paths import expanded, printable, sound_files


def _touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_files_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    """That of sorted paths; other files are left out."""
    files = [_touch(tmp_path / name) for name in ("b.wav", "a/z.FLAC", "a.opus", "c/d/e.mp3", "a b.wav")]
    _touch(tmp_path / "notes.txt")
    assert list(sound_files(tmp_path)) == sorted(files)


def test_what_macos_adds_is_passed_over(tmp_path: Path) -> None:
    """Properties beside a file are no sound, though they have its suffix."""
    wav = _touch(tmp_path / "x.wav")
    for name in ("._x.wav", ".DS_Store", "__MACOSX/x.wav", "__MACOSX/._x.wav"):
        _touch(tmp_path / name)
    assert list(sound_files(tmp_path)) == [wav]


def test_linked_folders_are_entered_once(tmp_path: Path) -> None:
    """A link back to a folder above ends, and so does a link to itself."""
    _touch(tmp_path / "real" / "a.wav")
    root = tmp_path / "root"
    root.mkdir()
    (root / "linked").symlink_to(tmp_path / "real")
    (root / "again").symlink_to(root)
    (root / "self").symlink_to(root / "self")
    (tmp_path / "real" / "up").symlink_to(root)
    assert list(sound_files(root)) == [root / "linked" / "a.wav"]


def test_folders_may_be_nested_deeply(tmp_path: Path) -> None:
    """Deeper than calls of functions may be."""
    folders = [tmp_path]
    for _ in range(sys.getrecursionlimit() + 100):
        folders.append(folders[-1] / "d")
        folders[-1].mkdir()
    wav = _touch(folders[-1] / "x.wav")
    assert list(sound_files(tmp_path)) == [wav]
    wav.unlink()
    for folder in reversed(folders[1:]):  # pytest would fail to remove them
        folder.rmdir()


def test_a_folder_that_cannot_be_entered_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are read."""
    wav = _touch(tmp_path / "a.wav")
    _touch(tmp_path / "locked" / "b.wav")
    real_listdir = os.listdir

    def listdir(path: Path) -> list[str]:
        if path.name == "locked":
            raise PermissionError(13, "Permission denied")
        return real_listdir(path)

    monkeypatch.setattr(os, "listdir", listdir)
    problems: list[str] = []
    assert list(sound_files(tmp_path, problems.append)) == [wav]
    assert problems == [f"{tmp_path / 'locked'}: cannot be entered: Permission denied"]


def test_a_home_folder_of_nobody_stays_as_it_is() -> None:
    """It is then no such file, instead of an error of another kind."""
    assert expanded("~nobody-has-this-name/x.wav") == Path("~nobody-has-this-name/x.wav")


def test_bytes_that_are_not_utf_8_are_escaped() -> None:
    """Other names are printed as they are."""
    assert printable(Path(os.fsdecode(b"caf\xe9/\xc3\xa9.wav"))) == "caf\\xe9/\u00e9.wav"


def test_a_printed_name_is_one_line() -> None:
    """Control characters are escaped, and other characters of any script are not."""
    assert printable("a\nb\t\x1b[2J\u00e9 \u4f60.wav") == "a\\x0ab\\x09\\x1b[2J\u00e9 \u4f60.wav"
    assert printable("a\x85b\x9b2J\u2028c\u2029d") == "a\\x85b\\x9b2J\\u2028c\\u2029d"

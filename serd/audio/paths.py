"""Paths of sound files: the home folder in them, their printed form, and the files below a folder."""

import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

FFMPEG_SUFFIXES: Final = frozenset(
    {".3gp", ".aac", ".amr", ".m4a", ".m4b", ".mka", ".mkv", ".mov", ".mp4", ".webm", ".wma"}
)
"""Suffixes of files whose sound only ffmpeg decodes, in lower case."""
SOUND_SUFFIXES: Final = FFMPEG_SUFFIXES | {
    ".aif",
    ".aiff",
    ".au",
    ".caf",
    ".flac",
    ".mp3",
    ".oga",
    ".ogg",
    ".opus",
    ".wav",
    ".w64",
}
"""Suffixes of all files with sound, in lower case."""
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Control characters of ASCII and of Unicode, and its two line separators."""
_HIDDEN: Final = "."
"""Start of the names of hidden files; in those with "._" macOS keeps the properties of another file."""
_MAC_FOLDER: Final = "__MACOSX"
"""Folder of such files in a ZIP archive that macOS made."""


def expanded(path: str) -> Path:
    """Return a path with "~" replaced by the home folder; unchanged if there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def printable(path: str | Path) -> str:
    r"""Return a path as one line of text that can be encoded.

    Bytes that are not UTF-8, and control characters such as a line feed, become escapes (``\xe9``).
    """
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return text if text.isprintable() else _CONTROLS.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode() if match[0] > "\xff" else f"\\x{ord(match[0]):02x}"


def sound_files(folder: Path, on_problem: Callable[[str], None] = lambda _line: None) -> Iterator[Path]:
    """Yield the sound files below a folder, in the order of their names.

    Linked folders are entered, each folder once, so that a loop of links ends. Hidden files are passed
    over, also those that macOS adds to archives and to foreign disks.

    Args:
        folder: the folder.
        on_problem: is called with a line for each folder that cannot be entered.
    """
    entered: set[tuple[int, int]] = set()
    # No recursion: folders may be nested deeper than calls may be.
    open_folders = [_entries(folder, on_problem, entered)]
    while open_folders:
        path = next(open_folders[-1], None)
        if path is None:
            open_folders.pop()
            continue
        try:
            mode = path.stat().st_mode
        except OSError:  # a link to nothing, or removed in the meantime
            continue
        if stat.S_ISDIR(mode) and path.name != _MAC_FOLDER:
            open_folders.append(_entries(path, on_problem, entered))
        elif stat.S_ISREG(mode) and is_sound_name(path.name):
            yield path


def _entries(
    folder: Path, on_problem: Callable[[str], None], entered: set[tuple[int, int]]
) -> Iterator[Path]:
    """Yield what is in a folder that was not entered before, in the order of the names."""
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in entered:
            return
        entered.add((status.st_dev, status.st_ino))
        names = sorted(os.listdir(folder))  # noqa: PTH208 - paths of a large folder would need memory
    except OSError as exc:
        on_problem(f"{printable(folder)}: cannot be entered: {exc.strerror}")
        return
    for name in names:
        yield folder / name


def is_sound_name(name: str) -> bool:
    """Whether a file of this name is expected to hold sound."""
    return Path(name).suffix.lower() in SOUND_SUFFIXES and not name.startswith(_HIDDEN)

"""What the SQLite files of serd share: what an error means, and where a broken file goes."""

import sqlite3
from pathlib import Path
from typing import Final

_MAX_BROKEN_FILES: Final = 5
"""Broken files that are kept; a disk that breaks again and again must not fill up with them."""
_SUFFIXES: Final = ("", "-wal", "-shm", "-journal")
_OUTSIDE_CAUSES: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)
"""Result codes that do not mean that the file is broken: space, rights or waiting may help."""
_DESCRIPTIONS: Final = {
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it is read-only",
}


def is_file_broken(error: sqlite3.Error) -> bool:
    """Whether an error means that the content of the file is damaged, or of another program."""
    return isinstance(error, sqlite3.DatabaseError) and not (
        isinstance(error, sqlite3.ProgrammingError) or result_code(error) in _OUTSIDE_CAUSES
    )


def describe_disk_error(error: Exception, *, busy: str) -> str:
    """The cause of an error of SQLite or the file system, for a person.

    Args:
        error: the error.
        busy: the cause if another process has locked the file or its folder.
    """
    if isinstance(error, BlockingIOError) or result_code(error) == sqlite3.SQLITE_BUSY:
        return busy
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return _DESCRIPTIONS.get(result_code(error), str(error))


def result_code(error: Exception) -> int:
    """SQLite's primary result code; 0 for an error of another kind."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def later_format(path: Path, version: int, newest: int) -> str:
    """The message about a file of a later serd, which this one leaves as it is."""
    return (
        f"{path} is of version {version}, and this serd knows versions up to {newest}: install the"
        " serd that wrote it, or move the file away"
    )


def files_of(path: Path) -> list[Path]:
    """The paths of a database and of the files that SQLite keeps beside it, which may not exist."""
    return [path.with_name(f"{path.name}{suffix}") for suffix in _SUFFIXES]


def set_aside(path: Path) -> Path:
    """Rename a broken database and the files beside it; return the new path of the database.

    Beyond 5 broken files the latest is replaced.

    Raises:
        OSError: the folder cannot be written.
    """
    names = (path.with_name(f"{path.name}.broken-{n}") for n in range(1, _MAX_BROKEN_FILES + 1))
    aside = next((each for each in names if not each.exists()), None)
    aside = aside or path.with_name(f"{path.name}.broken-{_MAX_BROKEN_FILES}")
    for old, new in zip(files_of(path), files_of(aside), strict=True):
        if old.exists():
            old.replace(new)
    return aside

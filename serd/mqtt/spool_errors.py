"""What SQLite says when the disk fails: whether the file can be used again, and in what words."""

import sqlite3
from typing import Final

_PASSING: Final = frozenset(
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
_WORDS: Final = {
    sqlite3.SQLITE_BUSY: "another process has it open",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it is read-only",
}


def is_broken(error: sqlite3.Error) -> bool:
    """Whether the file itself is to blame; else room, rights or luck may help it."""
    return isinstance(error, sqlite3.DatabaseError) and not (
        isinstance(error, sqlite3.ProgrammingError) or _code(error) in _PASSING
    )


def is_full(error: Exception) -> bool:
    """Whether there is no room; reading still works then."""
    return _code(error) == sqlite3.SQLITE_FULL


def in_words(error: Exception) -> str:
    """What happened."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return _WORDS.get(_code(error), str(error))


def _code(error: Exception) -> int:
    """SQLite's primary result code; 0 where it is no error of SQLite's own."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF

"""The sounds of files as earlier commands examined them, in an SQLite file.

A row is of a path, size and modification time, so a changed file is examined again. All rows are of one
version of the code: with other code, or if the file is damaged, it is made again. Several processes may
use it, and an interrupted one keeps what it has examined.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serd.errors import OperationError
from train.data.code_digest import code_digest
from train.data.sounds import N_BINS, content_digest, mean_spectrum

STORE: Final = "sounds.sqlite"
"""Name of the file in a work folder."""
MOST_ROWS: Final = 50_000
"""Files that the store holds, about 110 MB; the earliest are dropped first."""

_AT_A_TIME: Final = 256
"""Rows that are written at a time, which an interruption can lose."""
_TIMEOUT_S: Final = 60.0
"""Longest wait for another process that writes."""
_DAMAGED: Final = frozenset({sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
"""Codes of a file that is no database, a broken one, or one with other tables."""
_DTYPE: Final = np.dtype("<f4")


@dataclass(frozen=True, kw_only=True, slots=True)
class ExaminedSound:
    """The sound of a file."""

    digest: str
    """Digest of its samples, as ``content_digest`` gives it."""
    spectrum: NDArray[np.float32]
    """float32, shape (N_BINS,), as ``mean_spectrum`` gives it."""


def examine(paths: Sequence[Path], store: Path | None = None) -> list[ExaminedSound]:
    """The sound of each file, on all processors.

    Args:
        paths: the files.
        store: SQLite file that keeps the results, created if it is missing; None keeps nothing.

    Raises:
        OperationError: the store cannot be read or written.
    """
    if store is None:
        return list(_computed(paths))
    try:
        return _stored(paths, store)
    except sqlite3.DatabaseError as exc:
        if not _is_damage(exc):
            raise _unusable(store, exc) from exc
    try:
        store.unlink(missing_ok=True)
        return _stored(paths, store)
    except (OSError, sqlite3.DatabaseError) as exc:
        raise _unusable(store, exc) from exc


def _is_damage(exc: sqlite3.DatabaseError) -> bool:
    code = getattr(exc, "sqlite_errorcode", None)  # absent where Python's own module raises
    return code is not None and code & 0xFF in _DAMAGED


def _unusable(store: Path, exc: Exception) -> OperationError:
    return OperationError(f"{store}: cannot be used: {exc}; remove it, or name another folder")


def _computed(paths: Iterable[Path]) -> Iterator[ExaminedSound]:
    """Yield the sound of each file, read from it."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        yield from pool.map(_examined, paths)


def _examined(path: Path) -> ExaminedSound:
    return ExaminedSound(digest=content_digest(path), spectrum=mean_spectrum(path))


def _stored(paths: Sequence[Path], store: Path) -> list[ExaminedSound]:
    """The sound of each file, from the store where it is there."""
    states = [_state(path) for path in paths]
    try:
        store.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise _unusable(store, exc) from exc
    with closing(sqlite3.connect(store, timeout=_TIMEOUT_S)) as database:
        _prepare(database, code_digest("train.data.sounds"))
        found = [_known(database, state) for state in states]
        missing = [number for number, sound in enumerate(found) if sound is None]
        for n_done, (number, sound) in enumerate(
            zip(missing, _computed([paths[number] for number in missing]), strict=True), start=1
        ):
            found[number] = sound
            if sound.digest != str(paths[number]):  # a file that could not be read may be readable later
                _keep(database, states[number], sound)
            if n_done % _AT_A_TIME == 0 or n_done == len(missing):
                _drop_earliest(database)
                database.commit()
    return [sound for sound in found if sound is not None]


_State = tuple[str, int, int]
"""Absolute path, size in bytes and modification time in nanoseconds."""


def _state(path: Path) -> _State:
    try:
        state = path.stat()
    except OSError:
        return str(path.absolute()), 0, 0
    return str(path.absolute()), state.st_size, state.st_mtime_ns


def _prepare(database: sqlite3.Connection, code: str) -> None:
    """Create the tables; drop all rows of other code."""
    with database:
        database.execute("CREATE TABLE IF NOT EXISTS code (digest TEXT)")
        database.execute(
            "CREATE TABLE IF NOT EXISTS sounds (number INTEGER PRIMARY KEY AUTOINCREMENT,"
            " path TEXT UNIQUE, size INTEGER, mtime_ns INTEGER, digest TEXT, spectrum BLOB)"
        )
        if database.execute("SELECT digest FROM code").fetchall() != [(code,)]:
            database.execute("DELETE FROM code")
            database.execute("DELETE FROM sounds")
            database.execute("INSERT INTO code VALUES (?)", (code,))


def _known(database: sqlite3.Connection, state: _State) -> ExaminedSound | None:
    row = database.execute(
        "SELECT digest, spectrum FROM sounds WHERE path = ? AND size = ? AND mtime_ns = ?", state
    ).fetchone()
    if row is None or len(row[1]) != N_BINS * _DTYPE.itemsize:
        return None
    return ExaminedSound(digest=row[0], spectrum=np.frombuffer(row[1], _DTYPE).astype(np.float32))


def _keep(database: sqlite3.Connection, state: _State, sound: ExaminedSound) -> None:
    row = (*state, sound.digest, sound.spectrum.astype(_DTYPE).tobytes())
    database.execute(
        "INSERT OR REPLACE INTO sounds (path, size, mtime_ns, digest, spectrum) VALUES (?, ?, ?, ?, ?)",
        row,
    )


def _drop_earliest(database: sqlite3.Connection) -> None:
    database.execute(
        "DELETE FROM sounds WHERE number <= (SELECT max(number) FROM sounds) - ?", (MOST_ROWS,)
    )

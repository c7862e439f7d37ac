"""The schema of the history's file: its versions, and the way from each version to the next.

``PRAGMA user_version`` holds the version of a file; 0 is a file without tables. A version is never
changed once it is released: a new one is added to ``MIGRATIONS``.
"""

import contextlib
import logging
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from serd.errors import HistoryError
from serd.mqtt.sqlite_file import later_format

_log = logging.getLogger("serd.history")

Migration = Sequence[str]
"""The SQL statements that lead from one version to the next."""

_VERSION_1: Final = (
    """
    CREATE TABLE model (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        version TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        labels TEXT NOT NULL,           -- JSON list; the order of the scores
        UNIQUE (name, version, sha256, labels)
    ) STRICT
    """,
    """
    CREATE TABLE event (
        number INTEGER PRIMARY KEY,     -- in the order of storing
        time_s REAL NOT NULL,           -- end of the sound, in seconds since 1970
        id TEXT NOT NULL,
        kind TEXT NOT NULL,
        node TEXT NOT NULL,
        source TEXT NOT NULL,
        emotion TEXT NOT NULL,
        confidence REAL NOT NULL,
        scores BLOB NOT NULL,           -- ten-thousandths, 16 bits each, little-endian
        valence TEXT NOT NULL,
        start_s REAL NOT NULL,
        end_s REAL NOT NULL,
        speech_ratio REAL NOT NULL,
        level_dbfs REAL NOT NULL,
        latency_ms REAL NOT NULL,
        model INTEGER NOT NULL REFERENCES model (number),
        valence_dimension REAL,
        arousal_dimension REAL,
        is_provisional INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX event_by_time ON event (time_s)",
    """
    CREATE TABLE state_change (
        number INTEGER PRIMARY KEY,     -- in the order of storing
        time_s REAL NOT NULL,           -- in seconds since 1970
        source TEXT NOT NULL,
        state TEXT NOT NULL,            -- online, offline, muted or unmuted
        reason TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX state_change_by_time ON state_change (time_s)",
)

_VERSION_2: Final = (
    """
    CREATE TABLE mark (
        id TEXT PRIMARY KEY,            -- of the event, which may be deleted meanwhile
        time_s REAL NOT NULL,           -- end of the sound, in seconds since 1970
        source TEXT NOT NULL,
        heard TEXT NOT NULL,            -- emotion of the event
        emotion TEXT NOT NULL,          -- what it was by ear; empty if only known to be wrong
        file TEXT NOT NULL              -- name of the sound in the folder "marks"
    ) STRICT, WITHOUT ROWID
    """,
)

MIGRATIONS: Final[Sequence[Migration]] = (_VERSION_1, _VERSION_2)
"""The migration to version 1, to version 2 and so on."""
MARKS_SINCE: Final = 2
"""The first version that has marks."""


def version_of(connection: sqlite3.Connection) -> int:
    """The version of an open file; 0 for an empty one.

    Raises:
        sqlite3.DatabaseError: it holds tables of another program.
    """
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0 and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise sqlite3.DatabaseError("it holds tables of another program")
    return version


def check_version(path: Path, version: int, newest: int) -> None:
    """Refuse a file of a later serd.

    Raises:
        HistoryError: its version is above ``newest``.
    """
    if version > newest:
        raise HistoryError(later_format(path, version, newest))


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration]) -> None:
    """Bring an open file to the newest version; a copy of a file with content is kept before.

    Args:
        connection: the file, without a transaction.
        path: its path; the copy is ``<name>.version-<n>`` beside it.
        migrations: the migration to each version.

    Raises:
        HistoryError: the file is of a later version.
        OSError, sqlite3.Error: it cannot be changed, or holds something else; it is as it was.
    """
    version = version_of(connection)
    check_version(path, version, len(migrations))
    if version == len(migrations):
        return
    if version:
        copy = _keep_copy(connection, path, version)
        _log.info("%s is brought to version %d; %s is a copy", path, len(migrations), copy.name)
    connection.execute("BEGIN IMMEDIATE" if version else "BEGIN")
    with ended(connection):
        if not version:
            # It locks the file for writing, too, and must come before anything has touched page 1.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        # Another process may have done the same in the meantime.
        for number in range(version_of(connection), len(migrations)):
            for statement in migrations[number]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number + 1}")


@contextlib.contextmanager
def ended(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit the transaction at the end of the block, or undo it after an exception."""
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _keep_copy(connection: sqlite3.Connection, path: Path, version: int) -> Path:
    copy = path.with_name(f"{path.name}.version-{version}")
    unfinished = copy.with_name(f"{copy.name}.part")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    with contextlib.closing(sqlite3.connect(unfinished)) as target:
        connection.backup(target)
    unfinished.replace(copy)
    return copy

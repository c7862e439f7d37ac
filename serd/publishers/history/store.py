"""The file of the history: events and changes of state, for a number of days and megabytes.

One SQLite file, which is open only while it is read or written. The journal is SQLite's rollback
journal: batches of rows are appended, so it writes less than a write-ahead log, and a reader needs no
right to write. Deleted rows are overwritten, and their space goes back to the disk.
"""

import contextlib
import logging
import math
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeVar

from serd.errors import HistoryError
from serd.mqtt.sqlite_file import describe_disk_error, is_file_broken, set_aside
from serd.publishers.history.records import (
    EVENT_COLUMNS,
    Row,
    StateChange,
    TimedEvent,
    change_row,
    event_row,
    model_row,
)
from serd.publishers.history.schema import MIGRATIONS, Migration, ended, migrate

_log = logging.getLogger("serd.history")

_T = TypeVar("_T")

BUSY: Final = "another program has locked it"
_LOCK_TIMEOUT_S: Final = 10.0
"""Longest wait for another process that reads or writes the file."""
_TABLES: Final = ("event", "state_change")
"""The tables whose rows are numbered in the order of storing."""
_MIN_SHARE: Final = 0.002
"""Smallest share of the rows that is deleted at a time if the file is too large."""

_INSERT_EVENT: Final = (
    f"INSERT INTO event ({', '.join(EVENT_COLUMNS)}) VALUES ({', '.join('?' * len(EVENT_COLUMNS))})"
)
_INSERT_MODEL: Final = "INSERT OR IGNORE INTO model (name, version, sha256, labels) VALUES (?, ?, ?, ?)"
_MODEL_NUMBER: Final = (
    "SELECT number FROM model WHERE name = ? AND version = ? AND sha256 = ? AND labels = ?"
)
_INSERT_CHANGE: Final = "INSERT INTO state_change (time_s, source, state, reason) VALUES (?, ?, ?, ?)"
_OLD_CHANGES: Final = """
    DELETE FROM state_change WHERE time_s < ? AND number NOT IN (
        SELECT max(number) FROM state_change GROUP BY source, state IN ('muted', 'unmuted')
    )
"""
"""A state that still lasts stays, however long ago it began."""


class HistoryStore:
    """Writes the file, for one thread; other processes may read it, and delete from it."""

    def __init__(
        self,
        path: Path,
        *,
        keep_s: float,
        max_bytes: int,
        migrations: Sequence[Migration] = MIGRATIONS,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        """Neither open nor create the file.

        Args:
            path: the file; its folder is created with it.
            keep_s: age beyond which rows are deleted, in seconds.
            max_bytes: size of the file beyond which the rows that were stored first are deleted.
            migrations: the migration to each version of the schema.
            wall_s: the clock, in seconds since 1970.
        """
        self.path = path
        self._keep_s = keep_s
        self._max_bytes = max_bytes
        self._migrations = migrations
        self._wall_s = wall_s
        self._first_numbers: dict[str, int] = {}
        """The first row of each table that this object has stored."""

    def tidy(self, *, checks: bool = False) -> None:
        """Bring an existing file to the newest version, and delete what is too old.

        A damaged file is set aside with a warning in the log.

        Args:
            checks: whether the whole file is read to find damage.

        Raises:
            HistoryError: the file is of a later serd, or the disk fails.
        """
        with self._translated():
            if self.path.exists():
                self._repaired(self._prune, checks=checks)
            self._remove_old_copies()

    def write(self, records: Sequence[TimedEvent | StateChange], *, step_s: float = 0.0) -> None:
        """Store events and changes of state, and delete what is too old or too much.

        That is one transaction. A damaged file is set aside with a warning in the log, and a new one
        takes the rows.

        Args:
            records: events and changes of state.
            step_s: by how much the clock was set since the last call, in seconds; the times of all rows
                that this object has stored before are moved.

        Raises:
            HistoryError: the file is of a later serd, or the disk fails; nothing has changed.
        """
        with self._translated():
            self._repaired(lambda connection: self._write(connection, records, step_s))

    def delete(self, *, before_s: float = math.inf, source: str | None = None) -> int:
        """Delete events, changes, marks and all copies of the file; return the number of events.

        The file is rewritten without them, so that it needs no space for them.

        Args:
            before_s: those from before this time, in seconds since 1970.
            source: those of this source alone; None for all sources.

        Raises:
            HistoryError: the file is of a later serd, is damaged, or the disk fails. The text says so if
                the events are deleted, but the file could not be rewritten.
        """
        where = "time_s < :before_s AND (:source IS NULL OR source = :source)"
        values = {"before_s": before_s, "source": source}

        def delete(connection: sqlite3.Connection) -> int:
            n_rows = [
                connection.execute(f"DELETE FROM {table} WHERE {where}", values).rowcount
                for table in (*_TABLES, "mark")
            ]
            return n_rows[0]

        with self._translated():
            n_events = self._in_transaction(delete)
            for copy in self.copies():
                copy.unlink(missing_ok=True)
        try:
            with self._translated(), self._opened() as connection:
                connection.execute("VACUUM")
        except HistoryError as exc:
            raise HistoryError(f"{exc}; {n_events} events are deleted, but their space is kept") from exc
        return n_events

    def transaction(self, action: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do something with the file, of the newest version, in one transaction.

        Raises:
            HistoryError: the file is of a later serd, is damaged, or the disk fails.
        """
        with self._translated():
            return self._in_transaction(action)

    def copies(self) -> list[Path]:
        """Copies of the file from before a migration, and damaged files that were set aside."""
        return sorted(self.path.parent.glob(f"{self.path.name}.*"))

    def _remove_old_copies(self) -> None:
        """Delete the copies in which every event is too old."""
        for copy in self.copies():
            if copy.stat().st_mtime < self._wall_s() - self._keep_s:
                copy.unlink()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn the errors of the disk and of SQLite into those of serd."""
        try:
            yield
        except (sqlite3.Error, OSError) as exc:
            raise HistoryError(f"{self.path}: {describe_disk_error(exc, busy=BUSY)}") from exc

    def _repaired(self, action: Callable[[sqlite3.Connection], None], *, checks: bool = False) -> None:
        """Do something in a transaction; if the file is damaged, set it aside and do it in a new one."""
        try:
            self._in_transaction(action, checks=checks)
        except sqlite3.Error as exc:
            if not is_file_broken(exc):
                raise
            aside = set_aside(self.path)
            self._first_numbers = {}
            reason = describe_disk_error(exc, busy=BUSY)
            _log.warning(
                "%s is damaged (%s) and has been renamed to %s; a new history begins",
                self.path,
                reason,
                aside.name,
            )
            self._in_transaction(action)

    def _in_transaction(self, action: Callable[[sqlite3.Connection], _T], *, checks: bool = False) -> _T:
        """Open the file, do something in one transaction, and close it."""
        with self._opened() as connection:
            if checks and (found := connection.execute("PRAGMA quick_check(1)").fetchone()) != ("ok",):
                raise sqlite3.DatabaseError(str(found[0]))
            connection.execute("BEGIN IMMEDIATE")
            with ended(connection):
                result = action(connection)
                _give_back_free_pages(connection)
        return result

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """Open or create the file, of the newest version, and close it."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.path.exists():
            self.path.touch(mode=0o600)
        with contextlib.closing(
            sqlite3.connect(self.path, timeout=_LOCK_TIMEOUT_S, isolation_level=None)
        ) as connection:
            connection.execute("PRAGMA secure_delete = ON")
            migrate(connection, self.path, self._migrations)
            yield connection

    def _write(
        self,
        connection: sqlite3.Connection,
        records: Sequence[TimedEvent | StateChange],
        step_s: float,
    ) -> None:
        firsts = {table: self._first_number(connection, table) for table in _TABLES}
        for table, first in firsts.items() if step_s else ():
            move = f"UPDATE {table} SET time_s = time_s + ? WHERE number >= ?"
            connection.execute(move, (step_s, first))
        events = [each for each in records if isinstance(each, TimedEvent)]
        connection.executemany(_INSERT_EVENT, _event_rows(connection, events))
        changes = [each for each in records if isinstance(each, StateChange)]
        connection.executemany(_INSERT_CHANGE, map(change_row, changes))
        self._prune(connection)
        self._first_numbers = firsts

    def _first_number(self, connection: sqlite3.Connection, table: str) -> int:
        """The number of the first row of a table that this object has stored, or will store next."""
        next_number = (connection.execute(f"SELECT max(number) FROM {table}").fetchone()[0] or 0) + 1
        # Another process may have deleted the latest rows, whose numbers are then used again.
        return min(self._first_numbers.get(table, next_number), next_number)

    def _prune(self, connection: sqlite3.Connection) -> None:
        """Delete what is too old, and of the rest what was stored first until the size is right."""
        oldest_s = self._wall_s() - self._keep_s
        connection.execute("DELETE FROM event WHERE time_s < ?", (oldest_s,))
        connection.execute(_OLD_CHANGES, (oldest_s,))
        while (n_bytes := _n_used_bytes(connection)) > self._max_bytes:
            share = max(_MIN_SHARE, 1.0 - self._max_bytes / n_bytes)
            if not sum(_delete_first(connection, table, share) for table in _TABLES):
                break


def _delete_first(connection: sqlite3.Connection, table: str, share: float) -> int:
    """Delete about a share of the rows of a table, at least one, the first first; return how many."""
    first, last = connection.execute(f"SELECT min(number), max(number) FROM {table}").fetchone()
    if first is None:
        return 0
    end = first + math.ceil((last - first + 1) * share)
    return connection.execute(f"DELETE FROM {table} WHERE number < ?", (end,)).rowcount


def _give_back_free_pages(connection: sqlite3.Connection) -> None:
    """Shorten the file by the pages of deleted rows."""
    for _ in range(_pragma(connection, "freelist_count")):
        # One at a time: sqlite3 takes a single step of a statement without columns.
        connection.execute("PRAGMA incremental_vacuum(1)")


def _n_used_bytes(connection: sqlite3.Connection) -> int:
    n_pages = _pragma(connection, "page_count") - _pragma(connection, "freelist_count")
    return n_pages * _pragma(connection, "page_size")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _event_rows(connection: sqlite3.Connection, events: Sequence[TimedEvent]) -> Iterator[Row]:
    """Yield the rows of events, after storing their models."""
    numbers: dict[Row, int] = {}
    for each in events:
        model = model_row(each.event)
        if model not in numbers:
            connection.execute(_INSERT_MODEL, model)
            numbers[model] = connection.execute(_MODEL_NUMBER, model).fetchone()[0]
        yield event_row(each, numbers[model])

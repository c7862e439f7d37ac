"""Events on the disk, in order, from before one start of the daemon to behind the next.

One SQLite file in write-ahead mode, which is there only while something has to be kept. Every change is
one transaction: whenever the process is killed, an event is either in the file or not, and never half.
"""

import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from serd.errors import SpoolError

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


_log = logging.getLogger("serd.mqtt")

_T = TypeVar("_T")

_MOST_BROKEN: Final = 5
"""Broken files that are kept; a disk that breaks for ever must not fill up with them."""
_LOCK_WAIT_S: Final = 0.2
_SUFFIXES: Final = ("", "-wal", "-shm")
_SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS event (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        topic TEXT NOT NULL,
        payload TEXT NOT NULL,
        taken_s REAL NOT NULL
    )
"""


@dataclass(frozen=True, slots=True)
class QueuedEvent:
    """An event on its way to the broker."""

    number: int
    """Its place in the order: 1 for the first event of this run, 0 and below for earlier runs."""
    id: str
    """Its id, which its JSON holds too."""
    topic: str
    """Where it goes."""
    payload: str
    """Its JSON."""
    taken_s: float
    """When it was taken, in seconds since 1970."""


class Spool:
    """A file of events. All methods are for one thread; the counts may be read from any."""

    def __init__(self, path: Path, *, max_events: int, max_age_s: float, is_power_safe: bool) -> None:
        """Nothing is opened yet, and nothing created.

        Args:
            path: the file; its folder is created with it.
            max_events: beyond it the oldest are dropped.
            max_age_s: older ones are dropped, in seconds, by the wall clock.
            is_power_safe: whether each change must outlive a power cut (``synchronous=FULL``: the disk
                is waited for). Without it a change outlives the death of the process, and a power cut
                takes the last seconds but never breaks the file (``synchronous=NORMAL``).
        """
        self.path = path
        self.max_events = max_events
        self.n_kept = 0
        self.n_dropped = 0
        """Dropped because there were too many, or they were too old."""
        self.last = -(1 << 62)
        """Largest number that was ever kept."""
        self._max_age_s = max_age_s
        self._synchronous = "FULL" if is_power_safe else "NORMAL"
        self._connection: sqlite3.Connection | None = None
        self._offset: int | None = None
        """What is added to an event's number to give its row's: the rows of earlier runs come first."""

    @property
    def is_there(self) -> bool:
        """Whether there is a file."""
        return self.path.exists()

    def open(self) -> None:
        """Open the file, or create it, and count what it holds.

        Raises:
            SpoolError: it can be neither opened nor replaced.
        """
        self._guarded(lambda _connection: None)

    def update(self, new: Sequence[QueuedEvent] = (), done: Collection[int] = ()) -> None:
        """Keep new events and forget those with the numbers ``done``, both or neither.

        Those that are there already stay as they are.

        Raises:
            SpoolError: the disk is full or fails; nothing has changed.
        """
        self._guarded(lambda connection: self._update(connection, new, done))

    def oldest(self, n: int, *, after: int | None = None) -> list[QueuedEvent]:
        """The first ``n`` events, or the first behind a number.

        Raises:
            SpoolError: the disk fails.
        """
        return self._guarded(lambda connection: self._oldest(connection, n, after))

    def close(self) -> None:
        """Close the file; one that holds nothing is deleted."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        with contextlib.suppress(sqlite3.Error, OSError):
            is_empty = not connection.execute("SELECT EXISTS (SELECT 1 FROM event)").fetchone()[0]
            connection.close()
            if is_empty:
                # The log first: a new file beside an old log would get its contents.
                for path in reversed(self._files()):
                    path.unlink(missing_ok=True)

    def _guarded(self, action: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do something with the open file; in place of a broken one, with a new one."""
        try:
            try:
                return action(self._opened())
            except sqlite3.Error as exc:
                if not is_broken(exc):
                    raise
                self._move_aside(exc)
                return action(self._opened())
        except (sqlite3.Error, OSError, ValueError) as exc:
            if not is_full(exc):
                self._let_go()
            raise SpoolError(f"{self.path}: {in_words(exc)}") from exc

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch(mode=0o600)
            connection = sqlite3.connect(self.path, timeout=_LOCK_WAIT_S)
            try:
                self._prepare(connection)
            except sqlite3.Error:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        # Two daemons on one file would send each other's events: it is ours alone while it is open.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute(_SCHEMA)
        n_kept, last = connection.execute("SELECT count(*), max(number) FROM event").fetchone()
        if self._offset is None:
            self._offset = last or 0
        if n_kept:
            self.last = max(self.last, last - self._offset)
        with connection:
            n_dropped = self._drop(connection, n_kept)
        self.n_kept = n_kept - n_dropped
        self.n_dropped += n_dropped

    def _update(
        self, connection: sqlite3.Connection, new: Sequence[QueuedEvent], done: Collection[int]
    ) -> None:
        offset = self._offset or 0
        rows = [(offset + each.number, each.id, each.topic, each.payload, each.taken_s) for each in new]
        gone = [(offset + number,) for number in done]
        n_kept = self.n_kept
        with connection:
            if gone:
                n_kept -= connection.executemany("DELETE FROM event WHERE number = ?", gone).rowcount
            if rows:
                insert = "INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?, ?)"
                n_kept += connection.executemany(insert, rows).rowcount
            n_dropped = self._drop(connection, n_kept) if rows else 0
        self.n_kept = n_kept - n_dropped
        self.n_dropped += n_dropped
        self.last = max([self.last, *(each.number for each in new)])

    def _drop(self, connection: sqlite3.Connection, n_kept: int) -> int:
        """Delete what is too much and what is too old; how many."""
        # In the order of the events, so that only stale ones are looked at.
        query = "SELECT number FROM event WHERE taken_s >= ? ORDER BY number LIMIT 1"
        fresh = connection.execute(query, (time.time() - self._max_age_s,)).fetchone()
        delete = "DELETE FROM event WHERE number < ?"
        if fresh is None:
            return connection.execute("DELETE FROM event").rowcount if n_kept else 0
        query = "SELECT min(number) FROM event"
        n_dropped = 0
        if connection.execute(query).fetchone() != fresh:
            n_dropped = connection.execute(delete, fresh).rowcount
        if (n_over := n_kept - n_dropped - self.max_events) > 0:
            query = "SELECT number FROM event ORDER BY number LIMIT 1 OFFSET ?"
            first = connection.execute(query, (n_over,)).fetchone()
            n_dropped += connection.execute(delete, first).rowcount
        return n_dropped

    def _oldest(self, connection: sqlite3.Connection, n: int, after: int | None) -> list[QueuedEvent]:
        offset = self._offset or 0
        rows = connection.execute(
            "SELECT number, id, topic, payload, taken_s FROM event WHERE number > ?"
            " ORDER BY number LIMIT ?",
            (-(1 << 62) if after is None else offset + after, n),
        )
        return [QueuedEvent(number - offset, *rest) for number, *rest in rows]

    def _move_aside(self, why: sqlite3.Error) -> None:
        self._let_go()
        numbers = range(1, _MOST_BROKEN)
        number = next((n for n in numbers if not self._aside(n).exists()), _MOST_BROKEN)
        for path, suffix in zip(self._files(), _SUFFIXES, strict=True):
            if path.exists():
                path.replace(f"{self._aside(number)}{suffix}")
        _log.warning(
            "%s is broken (%s) and now called %s: the events in it do not go out",
            self.path,
            in_words(why),
            self._aside(number).name,
        )
        self._offset = None
        self.n_dropped += self.n_kept
        self.n_kept = 0

    def _aside(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.broken-{number}")

    def _files(self) -> list[Path]:
        return [self.path.with_name(f"{self.path.name}{suffix}") for suffix in _SUFFIXES]

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

"""Events stored on the disk, in order, across restarts of the daemon.

One SQLite file in write-ahead mode, which exists only while it holds an event. Every change is one
transaction: whenever the process is killed, an event is in the file whole or not at all. A row that is
not an event, because the disk or another program changed it, is removed and counted as dropped.
"""

import contextlib
import logging
import sqlite3
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from serd.errors import SpoolError
from serd.mqtt import event_table
from serd.mqtt.clock import EventClock
from serd.mqtt.folder_lock import FolderLock
from serd.mqtt.rows import BEFORE_ALL, MoveTime, QueuedEvent, text_of
from serd.mqtt.salvage import salvage
from serd.mqtt.sqlite_file import (
    describe_disk_error,
    files_of,
    is_file_broken,
    later_format,
    result_code,
    set_aside,
)

_log = logging.getLogger("serd.mqtt")

_T = TypeVar("_T")

_LOCK_TIMEOUT_S: Final = 0.2
_BUSY: Final = "another serd uses this state folder; each needs its own"


class Spool:
    """A file of events, for one thread."""

    def __init__(
        self,
        path: Path,
        *,
        max_events: int,
        max_age_s: float,
        is_power_safe: bool,
        clock: EventClock,
        move_time: MoveTime,
    ) -> None:
        """Prepare; the file is opened or created at the first use.

        Args:
            path: the file; its folder is created with it.
            max_events: events the file may hold; beyond it the oldest are dropped.
            max_age_s: age in seconds beyond which events are dropped. Events of an earlier run have an
                age only while the wall clock is known to be right. If it was not so when an event was
                stored, its age counts from the moment at which it is.
            is_power_safe: whether each change must outlive a power cut (``synchronous=FULL``: every
                transaction waits for the disk). Without it a change outlives the death of the process,
                and a power cut takes the last seconds but never breaks the file
                (``synchronous=NORMAL``).
            clock: the clock of the events; the file follows its steps at the next use.
            move_time: moves the time in the JSON of an event by a step.
        """
        self.path = path
        self.max_events = max_events
        self.n_stored = 0
        """Events in the file."""
        self.n_dropped = 0
        """Events dropped because there were too many, or they were too old or damaged."""
        self.last_number = BEFORE_ALL
        """Largest number that was ever stored."""
        self._max_age_s = max_age_s
        self._clock = clock
        self._clock_offset_s = clock.offset_s
        """Offset of the clock that the times in the file follow."""
        self._move_time = move_time
        self._has_dated = False
        """Whether the time of every event in the file is certain."""
        self._synchronous = "FULL" if is_power_safe else "NORMAL"
        self._connection: sqlite3.Connection | None = None
        self._folder = FolderLock(path.parent)
        """Held while the file is open, created, replaced or deleted."""
        self._has_logged_damage = False
        self._offset: int | None = None
        """Added to an event's number to give that of its row: the rows of earlier runs come first. It is
        the number of their last row; None until the file is open."""

    @property
    def exists(self) -> bool:
        """Whether the file exists."""
        return self.path.exists()

    def open(self) -> None:
        """Open the file, or create it, and count the events in it.

        Raises:
            SpoolError: it can be neither opened nor replaced, or is of a later serd and stays as it is.
        """
        self._with_connection(lambda _connection: None)

    def update(self, store: Sequence[QueuedEvent] = (), remove: Collection[int] = ()) -> None:
        """Store events and remove others in one transaction.

        Args:
            store: the new events; those that are stored already stay as they are.
            remove: numbers of the events to remove; unknown ones are ignored.

        Raises:
            SpoolError: the disk is full or fails; nothing has changed.
        """
        self._with_connection(lambda connection: self._update(connection, store, remove))

    def read(self, n_events: int, *, after: int = BEFORE_ALL) -> list[QueuedEvent]:
        """The first ``n_events`` events with a number above ``after``, in order.

        Raises:
            SpoolError: the disk fails.
        """
        return self._with_connection(lambda connection: self._read(connection, n_events, after))

    def close(self) -> None:
        """Close the file, and delete it if it holds no event."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        with contextlib.closing(connection), contextlib.suppress(sqlite3.Error, OSError):
            is_empty = event_table.is_empty(connection)
            connection.close()
            if is_empty:
                # The log first: a new file beside an old log would get its contents.
                for path in reversed(files_of(self.path)):
                    path.unlink(missing_ok=True)
        self._folder.release()

    def _with_connection(self, action: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run an action on the open file, after replacing a broken file with what can be read of it."""
        try:
            try:
                return action(self._current())
            except sqlite3.Error as exc:
                if not is_file_broken(exc):
                    raise
                self._replace_broken(exc)
                return action(self._current())
        except SpoolError:
            self._folder.release()
            raise
        except (sqlite3.Error, OSError, ValueError) as exc:
            # A full disk can still be read.
            if result_code(exc) != sqlite3.SQLITE_FULL:
                self._disconnect()
                self._folder.release()
            raise SpoolError(f"{self.path}: {describe_disk_error(exc, busy=_BUSY)}") from exc

    def _current(self) -> sqlite3.Connection:
        """The open file, with the times of its events by the present clock."""
        connection = self._connected()
        step_s = self._clock.offset_s - self._clock_offset_s
        if step_s:
            with connection:
                event_table.move_times(
                    connection, step_s, after=self._offset or 0, move_time=self._move_time
                )
            self._clock_offset_s = self._clock.offset_s
        if self._clock.is_set and not self._has_dated:
            with connection:
                self._date_rows(connection)
            self._has_dated = True
        return connection

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.acquire()
            self.path.touch(mode=0o600)
            connection = sqlite3.connect(self.path, timeout=_LOCK_TIMEOUT_S)
            connection.text_factory = text_of
            try:
                self._prepare(connection)
            except (sqlite3.Error, SpoolError):
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        self._check_version(connection)
        # Two daemons on one file would send each other's events.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        with connection:
            n_impossible = event_table.bring_up_to_date(connection)
        n_stored, _, last_row = event_table.extent(connection)
        if self._offset is None:
            self._offset = last_row or 0
        if last_row is not None:
            self.last_number = max(self.last_number, last_row - self._offset)
        self._has_dated = self._clock.is_set
        with connection:
            if self._has_dated:
                self._date_rows(connection)
            n_dropped = self._drop(connection, n_stored)
        self.n_stored = n_stored - n_dropped
        self.n_dropped += n_dropped
        self._count_damaged(n_impossible)

    def _check_version(self, connection: sqlite3.Connection) -> None:
        """Refuse a file of a later serd before anything is written to it."""
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if not 0 <= version <= event_table.MAX_VERSION:
            raise sqlite3.DatabaseError(f"its version is {version}")
        if version > event_table.VERSION:
            raise SpoolError(later_format(self.path, version, event_table.VERSION))

    def _update(
        self, connection: sqlite3.Connection, store: Sequence[QueuedEvent], remove: Collection[int]
    ) -> None:
        offset = self._offset or 0
        is_dated = self._clock.is_set
        rows = [
            (offset + each.number, each.id, each.topic, each.payload, each.taken_s, is_dated)
            for each in store
        ]
        n_stored = self.n_stored
        with connection:
            n_stored -= event_table.remove(connection, (offset + number for number in remove))
            n_stored += event_table.store(connection, rows)
            n_dropped = self._drop(connection, n_stored) if rows else 0
        self.n_stored = n_stored - n_dropped
        self.n_dropped += n_dropped
        self.last_number = max([self.last_number, *(each.number for each in store)])

    def _drop(self, connection: sqlite3.Connection, n_stored: int) -> int:
        """Delete the events that are too old or too many; return their number."""
        # While the clock may be wrong, events of earlier runs have no certain age.
        after = BEFORE_ALL if self._has_dated else self._offset or 0
        n_dropped = event_table.drop_old(connection, self._clock.now_s - self._max_age_s, after=after)
        n_over = n_stored - n_dropped - self.max_events
        return n_dropped + (event_table.drop_first(connection, n_over) if n_over > 0 else 0)

    def _date_rows(self, connection: sqlite3.Connection) -> None:
        """Make the times of all events certain, now that the clock is right."""
        event_table.date_rows(connection, last_earlier=self._offset or 0, now_s=self._clock.now_s)

    def _read(self, connection: sqlite3.Connection, n_events: int, after: int) -> list[QueuedEvent]:
        offset = self._offset or 0
        while True:
            events, damaged_rows = event_table.read(connection, n_events, after=offset + after)
            if not damaged_rows:
                return [replace(each, number=each.number - offset) for each in events]
            with connection:
                n_removed = event_table.remove(connection, damaged_rows)
            if n_removed != len(damaged_rows):
                # The order of the rows is damaged, too, so that SQLite does not find them.
                raise sqlite3.DatabaseError("damaged rows cannot be removed")
            self.n_stored -= len(damaged_rows)
            self._count_damaged(len(damaged_rows))

    def _count_damaged(self, n_events: int) -> None:
        """Count damaged events as dropped, and log the first ones."""
        self.n_dropped += n_events
        if n_events and not self._has_logged_damage:
            self._has_logged_damage = True
            _log.warning("%s: %d events are damaged and dropped", self.path, n_events)

    def _replace_broken(self, error: sqlite3.Error) -> None:
        """Write what can be read of the broken file to a new one, and move the broken one aside."""
        self._disconnect()
        new_path = self.path.with_name(f"{self.path.name}.salvaged")
        salvaged = salvage(self.path, new_path)
        # Only now: if serd ends before, the next start salvages the same events again.
        aside = set_aside(self.path)
        new_path.replace(self.path)
        # Before the file was counted, the gaps between its numbers are the best guess.
        n_lost = max(0, (self.n_stored or salvaged.n_numbers) - salvaged.n_events)
        self.n_dropped += n_lost
        _log.warning(
            "%s is broken (%s) and has been renamed to %s;"
            " %d events were salvaged from it, about %d lost",
            self.path,
            describe_disk_error(error, busy=_BUSY),
            aside.name,
            salvaged.n_events,
            n_lost,
        )

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

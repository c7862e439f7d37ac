"""The table of events in the file of the spool: SQL on an open connection, without transactions.

A row's number orders the events of all runs. The rows up to ``last_earlier`` are of earlier runs.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

from serd.mqtt.rows import MAX_ROW_NUMBER, MoveTime, QueuedEvent, Row, after_step, is_event

VERSION: Final = 1
"""Version of the file, in ``PRAGMA user_version``; 0 is a file from before there were versions."""
MAX_VERSION: Final = 1000
"""Greatest version that is believed; a greater one is damage."""
SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS event (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        topic TEXT NOT NULL,
        payload TEXT NOT NULL,
        taken_s REAL NOT NULL,
        is_dated INTEGER NOT NULL DEFAULT 0
    )
"""
_HAS_IS_DATED: Final = "SELECT count(*) FROM pragma_table_info('event') WHERE name = 'is_dated'"
_ADD_IS_DATED: Final = "ALTER TABLE event ADD COLUMN is_dated INTEGER NOT NULL DEFAULT 0"
"""Files from before this column get it; when their events were taken is not certain."""
_READ: Final = (
    "SELECT number, id, topic, payload, taken_s FROM event WHERE number > ? ORDER BY number LIMIT ?"
)
_MOVE_BATCH: Final = 1000
"""Events that are in memory at a time while their times are moved."""


def bring_up_to_date(connection: sqlite3.Connection) -> int:
    """Create the table or bring it to ``VERSION``; return how many rows had impossible numbers."""
    connection.execute(SCHEMA)
    delete = "DELETE FROM event WHERE number NOT BETWEEN ? AND ?"
    n_deleted = connection.execute(delete, (-MAX_ROW_NUMBER, MAX_ROW_NUMBER)).rowcount
    if not connection.execute(_HAS_IS_DATED).fetchone()[0]:
        connection.execute(_ADD_IS_DATED)
    connection.execute(f"PRAGMA user_version = {VERSION}")
    return n_deleted


def extent(connection: sqlite3.Connection) -> tuple[int, int | None, int | None]:
    """Count of the rows, smallest and largest number; these are None without a row."""
    query = "SELECT count(*), min(number), max(number) FROM event"
    n_rows, first, last = connection.execute(query).fetchone()
    return n_rows, first, last


def is_empty(connection: sqlite3.Connection) -> bool:
    """Whether there is no row."""
    return not connection.execute("SELECT EXISTS (SELECT 1 FROM event)").fetchone()[0]


def store(connection: sqlite3.Connection, rows: Sequence[Row]) -> int:
    """Store rows whose numbers are new; return how many there were."""
    insert = "INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?, ?, ?)"
    return connection.executemany(insert, rows).rowcount if rows else 0


def overwrite(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Store rows, in any order; of those with the same number the last one stays."""
    connection.executemany("INSERT OR REPLACE INTO event VALUES (?, ?, ?, ?, ?, ?)", rows)


def remove(connection: sqlite3.Connection, numbers: Iterable[int]) -> int:
    """Remove the rows of these numbers; return how many there were."""
    parameters = [(number,) for number in numbers]
    delete = "DELETE FROM event WHERE number = ?"
    return connection.executemany(delete, parameters).rowcount if parameters else 0


def drop_old(connection: sqlite3.Connection, taken_before_s: float, *, after: int) -> int:
    """Remove the first rows that were taken before a time; return their number.

    Args:
        connection: the open file.
        taken_before_s: the time, in seconds since 1970.
        after: rows up to this number have no certain age, and stay.
    """
    # In the order of the events, so that only those to be dropped are visited.
    query = "SELECT number FROM event WHERE taken_s >= ? OR number <= ? ORDER BY number LIMIT 1"
    first_left = connection.execute(query, (taken_before_s, after)).fetchone()
    if first_left is None:
        return connection.execute("DELETE FROM event").rowcount
    if connection.execute("SELECT min(number) FROM event").fetchone() == first_left:
        return 0
    return connection.execute("DELETE FROM event WHERE number < ?", first_left).rowcount


def drop_first(connection: sqlite3.Connection, n_rows: int) -> int:
    """Remove the first ``n_rows`` rows, of which there are more; return their number."""
    query = "SELECT number FROM event ORDER BY number LIMIT 1 OFFSET ?"
    first_left = connection.execute(query, (n_rows,)).fetchone()
    return connection.execute("DELETE FROM event WHERE number < ?", first_left).rowcount


def date_rows(connection: sqlite3.Connection, *, last_earlier: int, now_s: float) -> None:
    """Once the clock is right: the age of an event from before a restart counts from now."""
    date = "UPDATE event SET is_dated = 1, taken_s = CASE WHEN number > ? THEN taken_s ELSE ? END"
    connection.execute(f"{date} WHERE is_dated IS NOT 1", (last_earlier, now_s))


def move_times(
    connection: sqlite3.Connection, step_s: float, *, after: int, move_time: MoveTime
) -> None:
    """Move the times of the events with a number above ``after`` by a step of the clock, in seconds."""
    update = "UPDATE event SET payload = ?, taken_s = ? WHERE number = ?"
    while rows := connection.execute(_READ, (after, _MOVE_BATCH)).fetchall():
        after = rows[-1][0]
        events = [QueuedEvent(*row) for row in rows if is_event(*row[1:])]
        moved = [after_step(each, step_s, move_time) for each in events]
        connection.executemany(update, [(each.payload, each.taken_s, each.number) for each in moved])


def read(
    connection: sqlite3.Connection, n_rows: int, *, after: int
) -> tuple[list[QueuedEvent], list[int]]:
    """The first ``n_rows`` rows with a number above ``after``, in order.

    Returns:
        The events among them, and the numbers of the rows that are damaged.
    """
    events: list[QueuedEvent] = []
    damaged: list[int] = []
    for number, *columns in connection.execute(_READ, (after, n_rows)):
        if is_event(*columns):
            events.append(QueuedEvent(number, *columns))
        else:
            damaged.append(number)
    return events, damaged

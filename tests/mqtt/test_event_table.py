"""The table of events: what each statement does to it."""

import contextlib
import sqlite3
from collections.abc import Iterator

import pytest

from serd.mqtt import event_table
from serd.mqtt.rows import BEFORE_ALL, MAX_ROW_NUMBER, Row


def row(number: int, *, taken_s: float = 0.0, payload: str | None = None, is_dated: bool = True) -> Row:
    """A row with an event, unless its payload says otherwise."""
    own = f'{{"id": "{number}"}}' if payload is None else payload
    return number, str(number), "serd/pi/mic/event", own, taken_s, is_dated


@pytest.fixture
def table() -> Iterator[sqlite3.Connection]:
    """An empty table in memory."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        assert event_table.bring_up_to_date(connection) == 0
        yield connection


def numbers(table: sqlite3.Connection) -> list[int]:
    """The numbers of all rows."""
    return [number for (number,) in table.execute("SELECT number FROM event ORDER BY number")]


def test_a_row_is_stored_once(table: sqlite3.Connection) -> None:
    """A second one with its number changes nothing, unless it overwrites the first."""
    assert event_table.store(table, [row(2), row(1)]) == 2
    assert event_table.store(table, [row(2, taken_s=5.0), row(3)]) == 1
    event_table.overwrite(table, iter([row(3, taken_s=6.0), row(3, taken_s=7.0)]))
    events, damaged = event_table.read(table, 10, after=BEFORE_ALL)
    assert [(each.number, each.taken_s) for each in events] == [(1, 0.0), (2, 0.0), (3, 7.0)]
    assert damaged == []
    assert event_table.extent(table) == (3, 1, 3)


def test_rows_that_are_not_there_are_not_counted(table: sqlite3.Connection) -> None:
    """Neither when they are removed, nor when there are none."""
    event_table.store(table, [row(1), row(2)])
    assert event_table.remove(table, [2, 3]) == 1
    assert (event_table.remove(table, []), event_table.store(table, [])) == (0, 0)
    assert not event_table.is_empty(table)
    event_table.remove(table, [1])
    assert event_table.is_empty(table)
    assert event_table.extent(table) == (0, None, None)


def test_damaged_rows_are_told_from_events(table: sqlite3.Connection) -> None:
    """Each row that is read is the one or the other."""
    event_table.store(table, [row(1), row(2, payload="rubbish"), row(3), row(4)])
    events, damaged = event_table.read(table, 3, after=BEFORE_ALL)
    assert ([each.number for each in events], damaged) == ([1, 3], [2])


def test_old_rows_go_up_to_the_first_that_stays(table: sqlite3.Connection) -> None:
    """The order is kept: an old row behind a new one stays, and so does one without a certain age."""
    event_table.store(table, [row(n, taken_s=s) for n, s in ((1, 1.0), (2, 2.0), (3, 9.0), (4, 3.0))])
    assert event_table.drop_old(table, 5.0, after=1) == 0
    assert event_table.drop_old(table, 5.0, after=BEFORE_ALL) == 2
    assert numbers(table) == [3, 4]
    assert event_table.drop_old(table, 10.0, after=BEFORE_ALL) == 2
    assert event_table.drop_old(table, 10.0, after=BEFORE_ALL) == 0


def test_the_first_rows_go_when_they_are_too_many(table: sqlite3.Connection) -> None:
    """By their numbers, whatever gaps these have."""
    event_table.store(table, [row(n) for n in (1, 5, 6, 20)])
    assert event_table.drop_first(table, 2) == 2
    assert numbers(table) == [6, 20]


def test_rows_of_earlier_runs_are_as_old_as_the_first_right_clock(table: sqlite3.Connection) -> None:
    """Those of this run keep their times, and certain times stay."""
    event_table.store(table, [row(1, is_dated=False), row(2, taken_s=3.0), row(3, is_dated=False)])
    event_table.date_rows(table, last_earlier=2, now_s=100.0)
    times = table.execute("SELECT taken_s, is_dated FROM event ORDER BY number").fetchall()
    assert times == [(100.0, 1), (3.0, 1), (0.0, 1)]


def test_numbers_beyond_the_bounds_go(table: sqlite3.Connection) -> None:
    """A damaged number would overflow what is added to it."""
    event_table.store(table, [row(-MAX_ROW_NUMBER - 1), row(1), row(MAX_ROW_NUMBER + 1)])
    assert event_table.bring_up_to_date(table) == 2
    assert numbers(table) == [1]

"""Reads the file of the history, while a daemon may write it.

A question is answered in parts, each with a read of its own, so that a reader which is slow, or stops to
read, never keeps the daemon from writing.
"""

import contextlib
import math
import os
import sqlite3
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, Self, TypeVar, get_args

from serd.errors import HistoryError
from serd.events.event import Event
from serd.mqtt.sqlite_file import describe_disk_error, is_file_broken
from serd.publishers.history.records import (
    EVENT_COLUMNS,
    ModelRow,
    Row,
    SourceState,
    StateChange,
    event_from,
    model_from,
)
from serd.publishers.history.schema import MIGRATIONS, check_version, version_of
from serd.publishers.history.store import BUSY

_T = TypeVar("_T")

_LOCK_TIMEOUT_S: Final = 10.0
_CHUNK: Final = 1000
"""Rows that are read at a time."""

Period = Literal["day", "hour"]
_PERIODS: Final[Mapping[Period, str]] = {"day": "%Y-%m-%d", "hour": "%H:00"}
"""Names of the periods, for strftime: a date, or an hour of the day."""


_CONDITIONS: Final = {
    "since_s": "time_s >= :since_s",
    "until_s": "time_s < :until_s",
    "source": "source = :source",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Some of the events."""

    since_s: float | None = None
    """Time of the first ones, in seconds since 1970; None for no limit."""
    until_s: float | None = None
    """Time before which they are, in seconds since 1970; None for no limit."""
    source: str | None = None
    """Name of their source; None for all."""
    emotion: str | None = None
    """Their emotion; None for all."""
    has_windows: bool = False
    """Whether the windows of utterances are among them, or utterances alone."""

    def times_and_source(self) -> tuple[str, dict[str, Any]]:
        """The condition of times and source in SQL, and its values."""
        values = {"since_s": self.since_s, "until_s": self.until_s, "source": self.source}
        given = {name: value for name, value in values.items() if value is not None}
        return " AND ".join(_CONDITIONS[name] for name in given) or "TRUE", given

    def condition(self) -> tuple[str, dict[str, Any]]:
        """The whole condition in SQL, and its values."""
        where, values = self.times_and_source()
        if self.emotion is not None:
            where, values = f"{where} AND emotion = :emotion", values | {"emotion": self.emotion}
        return where if self.has_windows else f"{where} AND kind = 'utterance'", values


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceTotals:
    """What the history has of a source."""

    source: str
    """Name of the source."""
    n_utterances: int
    """Events of kind "utterance"."""
    n_windows: int
    """Events of kind "window"."""
    first_s: float
    """Time of the first event, in seconds since 1970."""
    last_s: float
    """Time of the last event, in seconds since 1970."""


class HistoryReader:
    """An open file of the history; a context manager that closes it."""

    def __init__(self, path: Path) -> None:
        """Open the file, which must exist.

        Raises:
            HistoryError: it cannot be read, is damaged, or is of a later version.
        """
        self.path = path
        # Only who may write can undo what a daemon that was killed has left half done.
        mode = "rw" if os.access(path, os.W_OK) else "ro"
        with self._translated():
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}",
                uri=True,
                timeout=_LOCK_TIMEOUT_S,
                isolation_level=None,
            )
            try:
                self._connection.execute("PRAGMA query_only = ON")
                self._check_version()
            except BaseException:
                self._connection.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._connection.close()

    def events(self, selection: Selection, *, n_newest: int | None = None) -> Iterator[Event]:
        """Yield events in the order of their times.

        Args:
            selection: which events.
            n_newest: only so many of them, the newest ones, at least 1; None for all.

        Raises:
            HistoryError: the file cannot be read, or is damaged.
        """
        where, values = selection.condition()
        start = self._start_of(n_newest, where, values)
        if start is None:
            return
        columns = ", ".join(EVENT_COLUMNS)
        query = (
            f"SELECT number, {columns} FROM event WHERE {where}"
            " AND (time_s, number) > (:after_s, :after_number) ORDER BY time_s, number LIMIT :n"
        )
        after_s, after_number = start[0], start[1] - 1
        while True:
            place = {"after_s": after_s, "after_number": after_number, "n": _CHUNK}
            rows = self.rows(query, values | place)
            models = self._models()
            for row in rows:
                yield self._read(partial(event_from, models=models), row[1:])
            if len(rows) < _CHUNK:
                return
            after_number, after_s = rows[-1][:2]

    def n_events(self, selection: Selection) -> int:
        """The number of events.

        Args:
            selection: which events.

        Raises:
            HistoryError: the file cannot be read, or is damaged.
        """
        where, values = selection.condition()
        return int(self.rows(f"SELECT count(*) FROM event WHERE {where}", values)[0][0])

    def totals(self, selection: Selection) -> list[SourceTotals]:
        """What there is of each source, by name.

        Args:
            selection: which events, by times and source alone.

        Raises:
            HistoryError: the file cannot be read, or is damaged.
        """
        where, values = selection.times_and_source()
        query = (
            "SELECT source, sum(kind = 'utterance'), sum(kind = 'window'), min(time_s), max(time_s)"
            f" FROM event WHERE {where} GROUP BY source ORDER BY source"
        )
        return [
            SourceTotals(
                source=source,
                n_utterances=n_utterances,
                n_windows=n_windows,
                first_s=first_s,
                last_s=last_s,
            )
            for source, n_utterances, n_windows, first_s, last_s in self.rows(query, values)
        ]

    def counts(self, selection: Selection, period: Period) -> dict[str, dict[str, int]]:
        """How many events each emotion has in each period, in order.

        Args:
            selection: which events.
            period: "day" for each date, "hour" for each hour of the day over all dates, in local time.

        Returns:
            Numbers of events by emotion, by the name of the period: "2026-11-29" or "21:00".

        Raises:
            HistoryError: the file cannot be read, or is damaged.
        """
        where, values = selection.condition()
        query = (
            "SELECT strftime(:format, time_s, 'unixepoch', 'localtime') AS period, emotion, count(*)"
            f" FROM event WHERE {where} GROUP BY period, emotion ORDER BY period"
        )
        found: dict[str, dict[str, int]] = {}
        for name, emotion, n_events in self.rows(query, values | {"format": _PERIODS[period]}):
            found.setdefault(name, {})[emotion] = n_events
        return found

    def sound_by_part(
        self, selection: Selection, start_s: float, part_s: float
    ) -> list[tuple[int, str, float]]:
        """How much sound the events of each emotion have, in parts of a time.

        Args:
            selection: which events.
            start_s: start of part 0, in seconds since 1970.
            part_s: length of a part, in seconds.

        Returns:
            Number of the part, emotion, and seconds of sound.

        Raises:
            HistoryError: the file cannot be read, or is damaged.
        """
        where, values = selection.condition()
        query = (
            "SELECT CAST((time_s - :start_s) / :part_s AS INTEGER) AS part, emotion,"
            " sum(end_s - start_s)"
            f" FROM event WHERE {where} GROUP BY part, emotion"
        )
        rows = self.rows(query, {**values, "start_s": start_s, "part_s": part_s})
        return [(int(part), str(emotion), float(sound_s)) for part, emotion, sound_s in rows]

    def changes(self, selection: Selection) -> Iterator[StateChange]:
        """Yield the changes of state in the order of their times.

        Args:
            selection: which changes, by times and source alone.

        Raises:
            HistoryError: the file cannot be read, or is damaged.
        """
        where, values = selection.times_and_source()
        query = (
            f"SELECT number, time_s, source, state, reason FROM state_change WHERE {where}"
            " AND (time_s, number) > (:after_s, :after_number) ORDER BY time_s, number LIMIT :n"
        )
        place: dict[str, Any] = {"after_s": -math.inf, "after_number": 0, "n": _CHUNK}
        while rows := self.rows(query, values | place):
            for _number, time_s, source, state, reason in rows:
                if state in get_args(SourceState):
                    yield StateChange(time_s=time_s, source=source, state=state, reason=reason)
            place |= {"after_number": rows[-1][0], "after_s": rows[-1][1]}

    def labels(self) -> list[str]:
        """The labels of all models in the file, in the order of their first use.

        Raises:
            HistoryError: the file cannot be read, or is damaged.
        """
        return list(dict.fromkeys(label for model in self._models().values() for label in model.labels))

    @property
    def n_bytes(self) -> int:
        """Size of the file, in bytes."""
        return self.path.stat().st_size

    def _start_of(
        self, n_newest: int | None, where: str, values: Mapping[str, Any]
    ) -> tuple[float, int] | None:
        """Time and number of the first event to give; None if there is no event."""
        order, offset = ("ASC", 0) if n_newest is None else ("DESC", n_newest - 1)
        query = f"SELECT time_s, number FROM event WHERE {where} ORDER BY time_s {{0}}, number {{0}}"
        limit = " LIMIT 1 OFFSET :offset"
        found = self.rows(query.format(order) + limit, {**values, "offset": offset})
        found = found or self.rows(query.format("ASC") + limit, {**values, "offset": 0})
        return tuple(found[0]) if found else None

    def _models(self) -> dict[int, ModelRow]:
        rows = self.rows("SELECT number, name, version, sha256, labels FROM model ORDER BY number", {})
        return {row[0]: self._read(model_from, row[1:]) for row in rows}

    def _check_version(self) -> None:
        version, newest = version_of(self._connection), len(MIGRATIONS)
        check_version(self.path, version, newest)
        self.version = version
        """Version of the file; events are read from all versions so far, which have the same columns."""
        if version == 0:
            raise HistoryError(f"{self.path} is empty: serd has kept no event yet")

    def rows(self, query: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """All rows of a query, whose lock on the file has ended.

        Raises:
            HistoryError: the file cannot be read, or is damaged.
        """
        with self._translated():
            return self._connection.execute(query, values).fetchall()

    def _read(self, read: Callable[[Row], _T], row: Row) -> _T:
        """What is read from a row.

        Raises:
            HistoryError: the row is damaged.
        """
        try:
            return read(row)
        except (KeyError, TypeError, ValueError, OverflowError, OSError, struct.error) as exc:
            raise HistoryError(_damaged(self.path, f"a row cannot be read: {exc}")) from exc

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as exc:
            reason = describe_disk_error(exc, busy=BUSY)
            text = _damaged(self.path, reason) if is_file_broken(exc) else f"{self.path}: {reason}"
            raise HistoryError(text) from exc


def _damaged(path: Path, reason: str) -> str:
    return (
        f"{path} is damaged ({reason}); serd sets it aside and begins a new one at its next start"
        " with [history] enabled"
    )

"""Events as rows of the spool's table: columns, their limits, and the check of what is read."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

BEFORE_ALL: Final = -(1 << 62)
"""A number smaller than that of any event."""
MAX_ROW_NUMBER: Final = 1 << 60
"""Largest absolute value of a row's number; a damaged one beyond it would overflow SQLite's 64 bits."""
SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS event (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        topic TEXT NOT NULL,
        payload TEXT NOT NULL,
        taken_s REAL NOT NULL
    )
"""
_MAX_TOPIC_BYTES: Final = 0xFFFF

Row = tuple[int, str, str, str, float]
"""Number, id, topic, payload and time of an event in the file."""


@dataclass(frozen=True, slots=True)
class QueuedEvent:
    """An event on its way to the broker."""

    number: int
    """Its place in the order: 1 for the first event of this run, 0 and below for earlier runs."""
    id: str
    """Its id, which its JSON holds too."""
    topic: str
    """Topic it is published on."""
    payload: str
    """Its JSON."""
    taken_s: float
    """When it was put into the queue, in seconds since 1970."""


def text_of(raw: bytes) -> str | bytes:
    """A text of the file, or its bytes if it is not UTF-8."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def is_event(event_id: object, topic: object, payload: object, taken_s: object) -> bool:
    """Whether the columns of a row are those of an event that a broker can take."""
    return (
        isinstance(topic, str)
        and 0 < len(topic.encode()) <= _MAX_TOPIC_BYTES
        and not set(topic) & set("+#\0")
        and isinstance(taken_s, float)
        and math.isfinite(taken_s)
        and isinstance(event_id, str)
        and isinstance(payload, str)
        and _id_in(payload) == event_id
    )


def rows_in_order(salvaged: Iterable[tuple[int, Sequence[object]]]) -> list[Row]:
    """The events among the rows that were salvaged from a broken file, each once, by number."""
    rows: dict[int, Row] = {}
    for number, columns in salvaged:
        match columns:
            case [None, str(event_id), str(topic), str(payload), float() | int() as taken_s] if abs(
                number
            ) <= MAX_ROW_NUMBER and is_event(event_id, topic, payload, float(taken_s)):
                rows[number] = (number, event_id, topic, payload, float(taken_s))
    return [rows[number] for number in sorted(rows)]


def _id_in(payload: str) -> object:
    """The id in the JSON of an event; None if it is not JSON, no object or without an id."""
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return body.get("id") if isinstance(body, dict) else None

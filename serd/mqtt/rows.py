"""Events, and their rows in the table of the spool: columns, limits, and the check of what is read."""

import bisect
import json
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Final

BEFORE_ALL: Final = -(1 << 62)
"""A number smaller than that of any event."""
MAX_ROW_NUMBER: Final = 1 << 60
"""Largest absolute value of a row's number; a damaged one beyond it would overflow SQLite's 64 bits."""
_MAX_TOPIC_BYTES: Final = 0xFFFF

Row = tuple[int, str, str, str, float, bool]
"""Number, id, topic, payload and time of an event in the file, and whether the time is certain."""


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
    """When it was put into the queue, in seconds since 1970 by the clock of the queue."""


MoveTime = Callable[[str, float, float], str]
"""Moves the time in the JSON of an event by a step of the clock; takes JSON, step_s and taken_s."""


def after_step(event: QueuedEvent, step_s: float, move_time: MoveTime) -> QueuedEvent:
    """The event, with its times moved by a step of the clock, in seconds."""
    payload = move_time(event.payload, step_s, event.taken_s)
    return replace(event, payload=payload, taken_s=event.taken_s + step_s)


def insert_by_number(events: deque[QueuedEvent], event: QueuedEvent) -> None:
    """Insert an event into events that are in the order of their numbers."""
    bisect.insort(events, event, key=attrgetter("number"))


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


def events_among(rows: Iterable[tuple[int, Sequence[object]]]) -> Iterator[Row]:
    """Yield the events among the numbers and columns of rows from a broken file, some perhaps twice."""
    for number, columns in rows:
        match columns:
            case [None, str(event_id), str(topic), str(payload), float() | int() as taken_s, *rest] if (
                abs(number) <= MAX_ROW_NUMBER and is_event(event_id, topic, payload, float(taken_s))
            ):
                yield number, event_id, topic, payload, float(taken_s), rest == [1]


def _id_in(payload: str) -> object:
    """The id in the JSON of an event; None if it is not JSON, not an object or has no id."""
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return body.get("id") if isinstance(body, dict) else None

"""Events with times, and files of the history that hold them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from serd.events.event import Dimensions, Event, local_rfc3339
from serd.model.decision import Kind
from serd.publishers.history.reader import HistoryReader, Selection
from serd.publishers.history.records import StateChange, TimedEvent
from serd.publishers.history.store import HistoryStore
from testkit.made_events import make_event

NOON_S = datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp()
"""28 November 2026, 12:00 UTC, in seconds since 1970."""
DAY_S = 86_400.0
EVERYTHING = Selection(has_windows=True)


def timed_event(
    number: int = 1,
    *,
    time_s: float = NOON_S,
    emotion: str = "happy",
    source: str = "mic",
    kind: Kind = "utterance",
    confidence: float = 0.87,
) -> TimedEvent:
    """An event at a time; its id is its number."""
    event = make_event(
        number,
        time=local_rfc3339(time_s),
        emotion=emotion,
        source=source,
        kind=kind,
        confidence=confidence,
    )
    event = replace(event, dimensions=Dimensions(valence=0.5, arousal=-0.25))
    return TimedEvent(time_s=time_s, event=event)


def make_store(
    path: Path, *, days: float = 90.0, max_bytes: int = 10**8, now_s: float = NOON_S
) -> HistoryStore:
    """A store whose clock stands still."""
    return HistoryStore(path, keep_s=days * DAY_S, max_bytes=max_bytes, wall_s=lambda: now_s)


def make_history(
    path: Path, records: Iterable[TimedEvent | StateChange], *, now_s: float = NOON_S
) -> Path:
    """Write a file of the history; returns its path."""
    make_store(path, now_s=now_s).write(list(records))
    return path


def stored(path: Path, selection: Selection = EVERYTHING) -> list[Event]:
    """The events in a file, by their times."""
    with HistoryReader(path) as reader:
        return list(reader.events(selection))


def stored_ids(path: Path, selection: Selection = EVERYTHING) -> list[str]:
    """The ids of the events in a file, by their times."""
    return [event.id for event in stored(path, selection)]


def changes(path: Path) -> Sequence[StateChange]:
    """The changes of state in a file, by their times."""
    with HistoryReader(path) as reader:
        return list(reader.changes(EVERYTHING))

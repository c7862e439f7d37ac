"""Questions about the past: from the file of the history, and from memory what is not in it yet."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from serd.events.event import Event
from serd.publishers.history import HISTORY_FILE
from serd.publishers.history.absences import absences
from serd.publishers.history.reader import HistoryReader, Selection

MAX_EVENTS: Final = 1000
"""Most events in one answer."""
MAX_BINS: Final = 1000
"""Most parts of a timeline."""


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of the past."""

    folder: Path | None
    """The state folder with the file of the history; None without one."""
    recent: Sequence[Event]
    """The latest utterances, some of which may be in the file as well."""

    def events(self, selection: Selection, n_newest: int) -> list[Event]:
        """The newest events of a selection, in the order of their times.

        Raises:
            HistoryError: the file cannot be read, or is damaged.
        """
        found: list[Event] = []
        with self._reader() as reader:
            if reader is not None:
                found = list(reader.events(selection, n_newest=n_newest))
            found += self._unwritten(reader, selection)
        found.sort(key=_time_s)
        return found[-n_newest:]

    def timeline(
        self, selection: Selection, start_s: float, end_s: float, bin_s: float
    ) -> dict[str, Any]:
        """Seconds of utterances by emotion, in parts of equal length, and the absences of the sources.

        Args:
            selection: which events, from ``start_s`` to ``end_s``.
            start_s: start of the first part, in seconds since 1970.
            end_s: end of the last part, in seconds since 1970.
            bin_s: length of a part, in seconds.

        Raises:
            HistoryError: the file cannot be read, or is damaged.
        """
        n_bins = -int(-(end_s - start_s) // bin_s)
        bins: list[dict[str, float]] = [{} for _ in range(n_bins)]
        away: list[dict[str, Any]] = []
        with self._reader() as reader:
            if reader is not None:
                for number, emotion, sound_s in reader.sound_by_part(selection, start_s, bin_s):
                    if 0 <= number < n_bins:
                        bins[number][emotion] = round(sound_s, 1)
                away = list(_absences(reader, selection.source, start_s, end_s))
            for event in self._unwritten(reader, selection):
                part = bins[min(n_bins - 1, int((_time_s(event) - start_s) // bin_s))]
                sound_s = event.end_s - event.start_s
                part[event.emotion] = round(part.get(event.emotion, 0.0) + sound_s, 1)
        return {
            "since": rfc3339(start_s),
            "until": rfc3339(end_s),
            "part_s": bin_s,
            "parts": bins,
            "absences": away,
        }

    @contextmanager
    def _reader(self) -> Iterator[HistoryReader | None]:
        """The file of the history; None if there is none, or nothing is in it yet."""
        path = None if self.folder is None else self.folder / HISTORY_FILE
        if path is None or not path.is_file() or not path.stat().st_size:
            yield None
            return
        with HistoryReader(path) as reader:
            yield reader

    def _unwritten(self, reader: HistoryReader | None, selection: Selection) -> list[Event]:
        """The utterances of a selection that are only in memory."""
        recent = [event for event in self.recent if _is_in(event, selection)]
        if reader is None or not recent:
            return recent
        oldest_s = min(map(_time_s, recent))
        written = {event.id for event in reader.events(Selection(since_s=oldest_s))}
        return [event for event in recent if event.id not in written]


def rfc3339(time_s: float) -> str:
    """A time in seconds since 1970, as RFC 3339 in the local zone."""
    return datetime.fromtimestamp(time_s, UTC).astimezone().isoformat(timespec="seconds")


def _time_s(event: Event) -> float:
    return 0.0 if event.time is None else datetime.fromisoformat(event.time).timestamp()


def _is_in(event: Event, selection: Selection) -> bool:
    time_s = _time_s(event)
    return (
        (selection.since_s is None or time_s >= selection.since_s)
        and (selection.until_s is None or time_s < selection.until_s)
        and selection.source in {None, event.source}
        and selection.emotion in {None, event.emotion}
    )


def _absences(
    reader: HistoryReader, source: str | None, start_s: float, end_s: float
) -> Iterator[dict[str, Any]]:
    """Yield the absences that reach into a time."""
    for absence in absences(reader.changes(Selection(source=source, until_s=end_s))):
        if absence.end_s is None or absence.end_s > start_s:
            yield {
                "source": absence.source,
                "kind": absence.kind,
                "since": rfc3339(max(absence.start_s, start_s)),
                "until": None if absence.end_s is None else rfc3339(min(absence.end_s, end_s)),
                "reason": absence.reason,
            }

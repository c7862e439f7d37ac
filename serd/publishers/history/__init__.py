"""Keeps the events on the disk, without sound: the history that ``serd history`` shows.

Events wait in memory and are written in batches, since every write wears out an SD card. A thread of its
own writes, so neither a slow disk nor the check of the file delays an event of the other publishers.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from serd.errors import HistoryError, PublishError, SettingsError
from serd.events.event import Event
from serd.events.reports import AvailabilityReport, ControlReport, Report
from serd.mqtt.clock import EventClock
from serd.mqtt.threads import Thread, Threads
from serd.publishers import Context
from serd.publishers.history.records import SourceState, StateChange, TimedEvent
from serd.publishers.history.store import HistoryStore

SECTION: Final = "history"
HISTORY_FILE: Final = "history.db"
"""The file in the state folder."""

_log = logging.getLogger("serd.history")

_DAY_S: Final = 86_400.0
_MEGABYTE: Final = 1_000_000
_FULL_BATCH: Final = 1000
"""Events that are written without a further wait."""
_MAX_WAITING: Final = 5000
"""Events, and changes of state, that wait at most; beyond it the oldest are dropped."""
_RETRY_S: Final = 60.0
"""Pause after a write that failed, in seconds."""
_PRUNE_S: Final = 6 * 3600.0
"""Longest time between two looks for events that are too old, in seconds."""
_DISK_S: Final = 120.0
"""Longest time that a write may take, in seconds: 100 MB are checked, or copied before a migration."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The events of the past on this machine's disk, without sound; serd history shows them."""

    enabled: bool = False
    """Whether events are kept; the settings of the service turn it on."""
    days: float = 90.0
    """Age beyond which events are deleted, in days, above 0 to 36500."""
    max_mb: float = 100.0
    """Size of the file in megabytes, 1 or more; beyond it the oldest events are deleted."""
    write_s: float = 300.0
    """Longest time that an event waits in memory for its write, in seconds, 0 to 3600. A power cut loses
    what waits; each write wears out an SD card."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what was expected) for each value that cannot work."""
        if not 0 < self.days <= 36_500:
            yield "days", "more than 0 and at most 36500 days"
        if self.max_mb < 1:
            yield "max_mb", "1 or more megabytes"
        if not 0 <= self.write_s <= 3600:
            yield "write_s", "0 to 3600 seconds"


def create(settings: Settings, context: Context) -> "History | None":
    """A publisher that can be started, or None if it is disabled.

    Raises:
        SettingsError: there is no state folder.
    """
    if not settings.enabled:
        return None
    if context.state_folder is None:
        raise SettingsError("[history] enabled = true, but there is no state folder to keep it in")
    store = HistoryStore(
        context.state_folder / HISTORY_FILE,
        keep_s=settings.days * _DAY_S,
        max_bytes=round(settings.max_mb * _MEGABYTE),
    )
    return History(store, context.threads, settings)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Waiting:
    """An event or a change of state that is not on the disk yet."""

    record: TimedEvent | StateChange
    taken_s: float
    """When it was taken, in seconds since 1970 by the clock before any later step."""

    def after_step(self, step_s: float) -> "_Waiting":
        """The same after a step of the clock, 0 for none; a time that fits the new clock stays."""
        if not step_s:
            return self
        early_by_s = self.taken_s - self.record.time_s
        moved_s = self.record.time_s
        if abs(early_by_s + step_s) >= abs(early_by_s):
            moved_s += step_s
        record = replace(self.record, time_s=moved_s)
        return replace(self, record=record, taken_s=self.taken_s + step_s)


class History:
    """Writes events, and when a source was offline or muted, in batches."""

    def __init__(
        self,
        store: HistoryStore,
        threads: Threads,
        settings: Settings,
        *,
        clock: EventClock | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep events in memory until ``start``.

        Args:
            store: the file.
            threads: starts the thread that writes.
            settings: how long events wait.
            clock: the clock of the events.
            monotonic: the clock of the waits, in seconds.
        """
        self._store = store
        self._threads = threads
        self._write_s = settings.write_s
        self._clock = clock or EventClock()
        self._monotonic = monotonic
        self._condition = threading.Condition()
        """Guards what follows up to the thread."""
        self._waiting: deque[_Waiting] = deque()
        self._n_writing = 0
        """Events and changes of the batch that is being written."""
        self._n_dropped = 0
        """Events and changes that were dropped since the last write."""
        self._oldest_s = 0.0
        """Monotonic time at which the first of those that wait was taken."""
        self._is_closing = False
        self._thread: Thread | None = None
        self._states: dict[tuple[str, bool], SourceState] = {}
        """The latest state of each source, and whether it is muted, as told to ``publish``."""
        self._is_checked = False
        self._next_s = 0.0
        """Monotonic time before which nothing is written, after a failure."""
        self._step_s = 0.0
        """Step of the clock that the rows on the disk have yet to follow."""
        self._problem = ""
        """Why the last write failed; empty if it did not."""

    def start(self) -> None:
        """Start the thread, which checks the file first."""
        self._thread = self._threads.start("history", self._run)

    def publish(self, report: Report) -> None:
        """Take an event, or a change of the state of a source; an event without a time is ignored."""
        match report:
            case Event(time=str(time_text)):
                time_s = datetime.fromisoformat(time_text).timestamp()
                self._put(TimedEvent(time_s=time_s, event=report))
            case AvailabilityReport(is_alive=True):
                self._put_state(report.source, "online")
            case AvailabilityReport():
                self._put_state(report.source, "offline", report.reason)
            case ControlReport():
                self._put_state(report.source, "muted" if report.controls.mute else "unmuted")

    def adapt(self, context: Context) -> bool:  # noqa: ARG002
        """Do nothing: the state folder of a process stays the same."""
        return True

    def close(self, timeout_s: float) -> None:
        """Write what waits.

        Raises:
            PublishError: that did not succeed within ``timeout_s`` seconds.
        """
        if self._thread is None:
            return
        with self._condition:
            self._is_closing = True
            self._condition.notify_all()
        has_ended = self._thread.end(timeout_s)
        with self._condition:
            n_left = len(self._waiting) + self._n_writing
        if n_left:
            reason = self._problem if has_ended else f"the disk took longer than {timeout_s:g} s"
            entries = "1 entry" if n_left == 1 else f"{n_left} entries"
            raise PublishError(f"{entries} of the history may be lost: {reason}")

    def _put_state(self, source: str, state: SourceState, reason: str = "") -> None:
        key = source, state in {"muted", "unmuted"}
        if self._states.get(key) != state:
            self._states[key] = state
            self._put(StateChange(time_s=self._clock.now_s, source=source, state=state, reason=reason))

    def _put(self, record: TimedEvent | StateChange) -> None:
        with self._condition:
            if not self._waiting:
                self._oldest_s = self._monotonic()
            self._waiting.append(_Waiting(record=record, taken_s=self._clock.now_s))
            if len(self._waiting) > _MAX_WAITING:
                self._waiting.popleft()
                self._n_dropped += 1
            if len(self._waiting) in {1, _FULL_BATCH}:
                self._condition.notify_all()

    def _run(self, thread: Thread) -> None:
        """Check the file, and write each batch when it is due, until the end is requested."""
        with thread.waiting("the disk", _DISK_S):
            self._access_disk(self._check)
        is_last = False
        while not is_last:
            with thread.waiting("events"):
                is_last = self._wait()
            with thread.waiting("the disk", _DISK_S):
                self._access_disk(self._write)

    def _wait(self) -> bool:
        """Wait until a batch or a look for old events is due; return whether the end is requested."""
        prune_at_s = self._monotonic() + _PRUNE_S
        with self._condition:
            while not self._is_closing:
                due_s = prune_at_s
                if self._waiting:
                    is_full = len(self._waiting) >= _FULL_BATCH
                    due_s = min(due_s, self._oldest_s + (0.0 if is_full else self._write_s))
                wait_s = max(due_s, self._next_s) - self._monotonic()
                if wait_s <= 0.0:
                    break
                self._condition.wait(wait_s)
            return self._is_closing

    def _access_disk(self, action: Callable[[], None]) -> None:
        """Check or write the file; a failure is logged once, and the next attempt waits."""
        try:
            action()
        except HistoryError as exc:
            if not self._problem:
                _log.warning("the history cannot be written and is tried again: %s", exc)
            self._problem = str(exc)
            self._next_s = self._monotonic() + _RETRY_S
            return
        if self._problem:
            self._problem = ""
            with self._condition:
                n_dropped, self._n_dropped = self._n_dropped, 0
            lost = f"; {n_dropped} entries were lost" if n_dropped else ""
            _log.info("the history is written again%s", lost)

    def _check(self) -> None:
        """Check the file, unless that is done, and delete what is too old."""
        self._store.tidy(checks=not self._is_checked)
        self._is_checked = True

    def _write(self) -> None:
        """Write what waits, or delete what is too old if nothing waits; rows follow the clock."""
        if not (self._is_checked and self._waiting):
            self._check()
        batch = self._take()
        try:
            if batch or self._step_s:
                self._store.write([each.record for each in batch], step_s=self._step_s)
                self._step_s, batch = 0.0, []
        finally:
            self._put_back(batch)

    def _take(self) -> list[_Waiting]:
        """Take what waits, with times by the present clock."""
        with self._condition:
            step_s = self._clock.take_step()
            self._step_s += step_s
            batch = [each.after_step(step_s) for each in self._waiting]
            self._waiting.clear()
            self._n_writing = len(batch)
        return batch

    def _put_back(self, batch: Sequence[_Waiting]) -> None:
        """End a write; what could not be written waits again, as far as there is room."""
        with self._condition:
            self._n_writing = 0
            room = _MAX_WAITING - len(self._waiting)
            self._n_dropped += max(0, len(batch) - room)
            self._waiting.extendleft(reversed(batch[-room:] if room else []))

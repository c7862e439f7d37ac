"""Events in their order, from being taken until the broker has them: in memory, on the disk, or both.

Each event gets the next number when it is taken. Wherever it waits, the numbers say whose turn it is.
"""

import heapq
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from serd.errors import SpoolError
from serd.mqtt.spool import QueuedEvent, Spool

_log = logging.getLogger("serd.mqtt")

RETRY_S = 30.0
"""How long what failed is left alone."""


class Outage:
    """Whether there is trouble with one thing. All methods are for one thread, ``is_on`` for any."""

    def __init__(self) -> None:
        """There is none yet."""
        self.is_on = False
        self._latest_s = 0.0

    @property
    def may_try(self) -> bool:
        """Whether there is none, or it is long enough ago."""
        return not self.is_on or time.monotonic() - self._latest_s >= RETRY_S

    def begins(self, line: str, reason: object) -> None:
        """It has failed; ``line`` has a place for the reason."""
        if not self.is_on:
            _log.warning(line, reason)
        self.is_on = True
        self._latest_s = time.monotonic()

    def ends(self, line: str, what: object) -> None:
        """It works; ``line`` has a place for what does."""
        if self.is_on:
            _log.info(line, what)
        self.is_on = False


_BATCH: Final = 50
"""Events that are read from the disk at a time; acknowledged ones that are removed without delay."""
_REMOVE_S: Final = 1.0
"""How long fewer of them may stay on the disk, so that several leave with one write."""


class Backlog:
    """All events that the broker does not have yet.

    ``take``, ``rewind``, ``acknowledged`` and the properties are for any thread and never touch the
    disk; the methods that do are for one thread.
    """

    def __init__(self, spool: Spool | None, *, queue_events: int, is_always: bool) -> None:
        """Nothing is read yet.

        Args:
            spool: where events are kept; None for memory alone.
            queue_events: most events in memory.
            is_always: whether each event is on the disk before it is handed out; else it gets there only
                while there is no broker, or too little room in memory.
        """
        self._spool = spool
        self._queue_events = queue_events
        self._is_always = is_always and spool is not None
        self._lock = threading.Lock()
        self._waiting: deque[QueuedEvent] = deque()
        """Neither handed out nor on the disk."""
        self._read: deque[QueuedEvent] = deque()
        """On the disk and next to be handed out."""
        self._read_up_to: int | None = None
        """Last number read from the disk on this connection: it and all below need not be read again."""
        self._done: set[int] = set()
        """Acknowledged, and still on the disk."""
        self._done_s = 0.0
        """When the first of them was acknowledged."""
        self._stored_up_to = 0
        self._n_taken = 0
        self._n_dropped = 0
        self._n_rewound = 0
        self._writing = Outage()
        self._reading = Outage()

    @property
    def next_number(self) -> int:
        """What the next event will be called."""
        return self._n_taken + 1

    @property
    def n_dropped(self) -> int:
        """Events that were too many or too old."""
        return self._n_dropped + (self._spool.n_dropped if self._spool else 0)

    @property
    def n_in_memory(self) -> int:
        """Events that wait in memory alone."""
        return len(self._waiting)

    @property
    def n_on_disk(self) -> int:
        """Events on the disk that the broker does not have."""
        return self._spool.n_kept - len(self._done) if self._spool else 0

    @property
    def has_unsent(self) -> bool:
        """Whether an event could be handed out now."""
        with self._lock:
            return bool(self._read) or self._is_waiting_due() or self._is_disk_unread()

    def take(self, event_id: str, topic: str, payload: str) -> int:
        """Take an event; its number."""
        with self._lock:
            self._n_taken += 1
            event = QueuedEvent(self._n_taken, event_id, topic, payload, time.time())
            self._waiting.append(event)
            is_first = not self._n_dropped
            most = self._queue_events
            if self._spool is not None and not self._writing.is_on:
                # They leave for the disk at once; this only bounds what a disk that hangs can pile up.
                most += self._spool.max_events
            while len(self._waiting) > most:
                self._waiting.popleft()
                self._n_dropped += 1
            is_first = is_first and self._n_dropped > 0
        if is_first:
            _log.warning("%d events wait for the broker: the oldest are dropped", most)
        return event.number

    def is_safe(self, number: int) -> bool:
        """Whether the disk has an event that has to be there, as far as it takes any."""
        return not self._is_always or number <= self._stored_up_to or self._writing.is_on

    def rewind(self, events: Sequence[QueuedEvent]) -> None:
        """Begin anew with what is not acknowledged: ``events``, which the disk does not have, and it."""
        with self._lock:
            self._waiting = deque(heapq.merge(events, self._waiting, key=attrgetter("number")))
            self._read.clear()
            self._read_up_to = None
            self._n_rewound += 1

    def acknowledged(self, number: int) -> None:
        """The broker has an event that is on the disk."""
        with self._lock:
            if not self._done:
                self._done_s = time.monotonic()
            self._done.add(number)

    def open(self) -> None:
        """Look for what an earlier run has left."""
        if self._spool is None or not self._spool.is_there:
            return
        try:
            self._spool.open()
        except SpoolError as exc:
            self._reading.begins("events of an earlier run cannot be read: %s", exc)
            return
        if self._spool.n_kept:
            _log.info("%d events of an earlier run go out first", self._spool.n_kept)
        self._close_if_empty()

    def next(self) -> tuple[QueuedEvent, bool] | None:
        """The event whose turn it is, and whether it is on the disk; None if there is none."""
        if not self._read:
            self._read_ahead()
        with self._lock:
            is_older = self._waiting and self._read and self._waiting[0].number < self._read[0].number
            if self._read and not is_older:
                return self._read.popleft(), True
            if self._is_waiting_due():
                return self._waiting.popleft(), False
            return None

    def wants_disk(self, *, is_away: bool) -> bool:
        """Whether ``sync`` has anything to write."""
        if self._spool is None or not self._writing.may_try:
            return False
        with self._lock:
            is_old = time.monotonic() - self._done_s >= _REMOVE_S
            return self._is_storing_due(is_away=is_away) or bool(
                self._done and (is_old or len(self._done) >= _BATCH)
            )

    @property
    def is_patient(self) -> bool:
        """Whether ``wants_disk`` or ``has_unsent`` may become true by the mere passing of time."""
        return bool(self._done) or self._writing.is_on or self._reading.is_on

    def sync(self, *, is_away: bool) -> None:
        """Write to the disk what belongs there, and remove what the broker has, in one go."""
        if self._spool is None:
            return
        with self._lock:
            is_storing = self._is_storing_due(is_away=is_away)
            new = [event for event in self._waiting if is_storing and self._is_storable(event)]
            done = tuple(self._done)
        n_dropped = self._spool.n_dropped
        try:
            self._spool.update(new, done)
        except SpoolError as exc:
            self._writing.begins("events cannot be kept on the disk and wait in memory: %s", exc)
            return
        self._writing.ends("events are kept in %s again", self._spool.path)
        if self._spool.n_dropped and not n_dropped:
            _log.warning("%d events are kept on the disk: the oldest are dropped", self._spool.n_kept)
        with self._lock:
            stored = {event.number for event in new}
            self._waiting = deque(event for event in self._waiting if event.number not in stored)
            self._done.difference_update(done)
            self._stored_up_to = max([self._stored_up_to, *stored])
        self._close_if_empty()

    def finish(self) -> None:
        """Write everything to the disk, and close it."""
        if self._spool is None:
            return
        if self._waiting or self._done:
            self.sync(is_away=True)
        self._spool.close()

    def _read_ahead(self) -> None:
        with self._lock:
            if not self._is_disk_unread():
                return
            after, n_rewound = self._read_up_to, self._n_rewound
        assert self._spool is not None  # noqa: S101 - for the type checker
        try:
            events = self._spool.oldest(_BATCH, after=after)
        except SpoolError as exc:
            self._reading.begins("events on the disk cannot be read: %s", exc)
            return
        self._reading.ends("events are read from %s again", self._spool.path)
        with self._lock:
            if n_rewound == self._n_rewound:
                self._read.extend(event for event in events if event.number not in self._done)
                self._read_up_to = events[-1].number if events else self._spool.last

    def _is_disk_unread(self) -> bool:
        spool = self._spool
        if spool is None or not self._reading.may_try:
            return False
        if self._reading.is_on:
            return True
        return spool.n_kept > 0 and (self._read_up_to is None or self._read_up_to < spool.last)

    def _is_waiting_due(self) -> bool:
        """Whether the first event in memory may be handed out without being on the disk."""
        if not self._waiting:
            return False
        return not self._is_always or self._writing.is_on or not self._is_storable(self._waiting[0])

    def _is_storing_due(self, *, is_away: bool) -> bool:
        is_full = len(self._waiting) > self._queue_events
        return (self._is_always or is_away or is_full) and bool(
            self._waiting and self._is_storable(self._waiting[-1])
        )

    def _is_storable(self, event: QueuedEvent) -> bool:
        """Whether it would still be read: the disk is read in order."""
        return self._read_up_to is None or event.number > self._read_up_to

    def _close_if_empty(self) -> None:
        if self._spool is not None and not self._spool.n_kept and not self._is_always:
            self._spool.close()

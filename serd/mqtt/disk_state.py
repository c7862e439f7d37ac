"""What the event queue knows of its events on the disk; without a disk.

Part of the state of the queue (``serd.mqtt.queue_state``, which shows the states of an event): the spool
holds the STORED ones, some of them are READ AHEAD to be sent, and the ANSWERED ones have to leave it.
"""

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from serd.mqtt.clock import EventClock
from serd.mqtt.outage import Outage
from serd.mqtt.rows import BEFORE_ALL, QueuedEvent, insert_by_number

_REMOVE_BATCH: Final = 50
"""Answered events that are removed from the disk without delay."""
_REMOVE_DELAY_S: Final = 1.0
"""Longest time that fewer answered events stay on the disk, so that several leave with one write."""


@dataclass(frozen=True, slots=True)
class DiskChange:
    """What to write to the spool."""

    new: tuple[QueuedEvent, ...]
    """Events to store."""
    answered: tuple[int, ...]
    """Numbers of the ANSWERED events to remove."""


class DiskState:
    """The events on the disk, and whether the disk works. The owner of this object locks it."""

    def __init__(self, max_events: int | None, clock: EventClock) -> None:
        """Begin without an event.

        Args:
            max_events: events that the spool holds; None if there is no spool.
            clock: the clock of the events.
        """
        self.writing = Outage()
        """Whether the disk fails when it is written to."""
        self.reading = Outage()
        """Whether the disk fails when it is read."""
        self.read_ahead: deque[QueuedEvent] = deque()
        """The READ AHEAD events, by number."""
        self.n_dropped = 0
        """Events that were dropped from the disk."""
        self._max_events = max_events
        self._clock = clock
        self._n_stored = 0
        self._last_stored = BEFORE_ALL
        self._stored_up_to = 0
        """Last number of this run that was written to the disk."""
        self._read_up_to: int | None = None
        """Last number read from the disk on this connection; None if nothing was read."""
        self._answered: set[int] = set()
        self._first_answer_s = 0.0
        """When the first of ``_answered`` was answered, in seconds of the steady clock."""

    @property
    def is_there(self) -> bool:
        """Whether there is a spool."""
        return self._max_events is not None

    @property
    def max_new(self) -> int:
        """Events that the disk can take; 0 without a spool and while it fails."""
        return 0 if self._max_events is None or self.writing.is_on else self._max_events

    @property
    def may_write(self) -> bool:
        """Whether there is a spool that works, or failed a while ago."""
        return self.is_there and self.writing.may_try

    @property
    def is_timed(self) -> bool:
        """Whether the passing of time may bring something to write or to read."""
        return bool(self._answered) or self.writing.is_on or self.reading.is_on

    @property
    def n_unanswered(self) -> int:
        """Events on the disk that the broker has not acknowledged."""
        return self._n_stored - len(self._answered)

    @property
    def answered(self) -> tuple[int, ...]:
        """Numbers of the ANSWERED events."""
        return tuple(self._answered)

    @property
    def is_removal_due(self) -> bool:
        """Whether the ANSWERED events are many, or have been on the disk for long enough."""
        is_old = self._clock.steady_s() - self._first_answer_s >= _REMOVE_DELAY_S
        return bool(self._answered) and (is_old or len(self._answered) >= _REMOVE_BATCH)

    @property
    def is_unread(self) -> bool:
        """Whether the disk can be read, and has events that were not read on this connection."""
        if not self.is_there or not self.reading.may_try:
            return False
        if self.reading.is_on:
            return True
        return self._n_stored > 0 and (self._read_up_to is None or self._read_up_to < self._last_stored)

    @property
    def read_position(self) -> int:
        """The number after which events are read next."""
        return BEFORE_ALL if self._read_up_to is None else self._read_up_to

    def is_committed(self, number: int) -> bool:
        """Whether an event is on the disk, or the disk fails."""
        return number <= self._stored_up_to or self.writing.is_on

    def stored(self, change: DiskChange) -> None:
        """Note that a change is on the disk."""
        self._answered.difference_update(change.answered)
        self._stored_up_to = max([self._stored_up_to, *(each.number for each in change.new)])

    def return_stored(self, event: QueuedEvent) -> None:
        """Leave a stored event to be read, or take it into READ AHEAD if reading has passed it."""
        if self._read_up_to is not None and event.number <= self._read_up_to:
            insert_by_number(self.read_ahead, event)

    def answer(self, number: int) -> None:
        """Note that an event is ANSWERED."""
        if not self._answered:
            self._first_answer_s = self._clock.steady_s()
        self._answered.add(number)

    def read(
        self, events: Sequence[QueuedEvent], *, in_flight: Collection[int], last_stored: int
    ) -> None:
        """Add the next events of the spool, in order, to READ AHEAD.

        Args:
            events: the events; none if all were read.
            in_flight: numbers of those that are sent already.
            last_stored: the last number in the spool.
        """
        taken = self._answered.union(in_flight)
        self.read_ahead.extend(each for each in events if each.number not in taken)
        self._read_up_to = events[-1].number if events else last_stored

    def read_again(self) -> None:
        """Begin to read at the first event again."""
        self.read_ahead.clear()
        self._read_up_to = None

    def copy_counts(self, *, n_stored: int, last_stored: int, n_dropped: int) -> None:
        """Note the counts of the spool after each use of it."""
        self._n_stored = n_stored
        self._last_stored = last_stored
        self.n_dropped = n_dropped

"""Where each event of the event queue is, and what comes next; without a thread, a disk or a broker.

An event belongs to the queue until it is acknowledged. At the end of a connection, events in flight go
back and are sent again on the next one, in order, so the broker may get them twice.

States of an event (and the field that holds it); [C], [S] and [L] are the threads of ``serd.mqtt.queue``
that a transition is for::

                     [C] put
                        │
                        ▼                    [S] write
    dropped ◀─────── WAITING ─────────────────────────────────▶ STORED ──────▶ dropped
         [C] too     (_waiting)                        ┌──────▶ (the spool) [S] too many, too old
             many     ▲    │                           │           │ [S] read ahead
                      │    │                           │           ▼
             [L] lost │    │ [S] send         [L] lost ├────── READ AHEAD
                      │    │                           │       (_read_ahead)
                      │    │                           │           │ [S] send
                      │    ▼           [S] write       │           ▼
                    IN FLIGHT, in memory alone ────────┴─────▶ IN FLIGHT, stored
                     (_in_flight)                              (_in_flight)
                        │                                          │
                        │ [L] acknowledged or refused for good     │ [L] acknowledged or refused for good
                        ▼                                          ▼       [S] write
                       gone                                    ANSWERED ───────────────▶ gone
                                                               (_answered)

A message behind which connections break (``serd.mqtt.suspects``) waits until the connection has lasted
for ``calm_s``, and if that one breaks behind it too, it counts as refused for good.

An event that the broker refuses for now (MQTT 5: quota exceeded) goes back to WAITING or READ AHEAD,
and no event is sent for ``RETRY_S`` (``serd.mqtt.outage``).

States of the connection (``ConnectionState``)::

                 [L] connected                        [L] disconnected
    CONNECTING ─────────────────▶ CONNECTED ──────────────────────────────▶ AWAY
        │                             ▲                                      │ ▲
        │                             └──────────── [L] connected ───────────┘ │
        └─────────────── [L] disconnected, or after 3 s by itself ─────────────┘

WAITING events are written while the broker is AWAY, while there are too many, and at the end; with
``stores_every_event`` always, and then they are not sent unless the disk fails. If an event is in memory
alone for ``store_after_s``, because the broker does not acknowledge or the connection only looks up, all
events in memory are written. An event that was put before the connection came back from AWAY is marked
as replayed.
"""

import bisect
import heapq
import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Final

from serd.mqtt.clock import EventClock
from serd.mqtt.connection_state import ConnectionState
from serd.mqtt.limits import BrokerLimits, packet_bytes
from serd.mqtt.message import Answer, Message
from serd.mqtt.outage import Outage
from serd.mqtt.retained import RetainedState
from serd.mqtt.rows import BEFORE_ALL, MoveTime, QueuedEvent, after_step
from serd.mqtt.suspects import Suspects

_POLL_S: Final = 0.5
"""How often the sender looks again while something may change by the passing of time, in seconds."""
_REMOVE_BATCH: Final = 50
"""Answered events that are removed from the disk without delay."""
_REMOVE_DELAY_S: Final = 1.0
"""Longest time that fewer answered events stay on the disk, so that several leave with one write."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueLimits:
    """Bounds of an event queue."""

    max_in_memory: int
    """Events that may wait in memory; beyond it they go to the disk, or without a spool the oldest are
    dropped."""
    stores_every_event: bool
    """Whether each event is on the disk before it is sent."""
    store_after_s: float = 5.0
    """Time after which an event that is not acknowledged goes to the disk although the connection is up,
    in seconds."""
    calm_s: float = 1.0
    """How long a connection must have lasted before it carries a message behind which one broke, in
    seconds."""
    commit_timeout_s: float = 0.5
    """Longest wait of ``put`` for the disk with ``stores_every_event``, in seconds."""


@dataclass(frozen=True, slots=True)
class DiskChange:
    """What to write to the spool."""

    new: tuple[QueuedEvent, ...]
    """Events to store."""
    answered: tuple[int, ...]
    """Numbers of the ANSWERED events to remove."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that the broker refused, for a reason that is new on its topic."""

    message: Message
    answer: Answer


class QueueState:
    """The state of an event queue. The owner of this object locks it."""

    def __init__(
        self, limits: QueueLimits, *, max_on_disk: int | None, online: Message, clock: EventClock
    ) -> None:
        """Begin without an event, with the first connection under way.

        Args:
            limits: bounds in memory and time.
            max_on_disk: events that the spool holds; None if there is no spool.
            online: retained message that each connection begins with.
            clock: the clock of the events.
        """
        self.connection = ConnectionState(clock.steady_s)
        self.retained = RetainedState(online.topic, online.payload)
        self.is_closing = False
        self.stores_every_event = limits.stores_every_event and max_on_disk is not None
        self.writing = Outage()
        """Whether the disk fails when it is written to."""
        self.reading = Outage()
        """Whether the disk fails when it is read."""
        self.n_dropped_from_memory = 0
        self.n_refused = 0
        """Events that the broker refused for good, or behind which connections break."""
        self._limits = limits
        self._max_on_disk = max_on_disk
        self._clock = clock
        self._accepting = Outage()
        """Whether the broker refuses events for now."""
        self._suspects: Suspects[int | str] = Suspects()
        self._broker_limits = BrokerLimits()

        self._n_put = 0
        self._waiting: deque[QueuedEvent] = deque()
        self._read_ahead: deque[QueuedEvent] = deque()
        self._read_up_to: int | None = None
        """Last number read from the disk on this connection; None if nothing was read."""
        self._in_flight: dict[int, Message] = {}
        self._early_answers: dict[int, Answer] = {}
        """Answers that came before the sender had noted the message, by the message's id."""
        self._answered: set[int] = set()
        self._first_answer_s = 0.0
        """When the first of ``_answered`` was answered, in seconds of the steady clock."""
        self._stored_up_to = 0
        """Last number of this run that was written to the disk."""
        self._n_stored = 0
        self._last_stored = BEFORE_ALL
        self._n_dropped_from_disk = 0
        self._logged_refusals: set[tuple[str, str]] = set()

    # Counts

    @property
    def n_in_memory(self) -> int:
        """Events that are WAITING."""
        return len(self._waiting)

    @property
    def n_on_disk(self) -> int:
        """Events on the disk that the broker has not acknowledged."""
        return self._n_stored - len(self._answered)

    @property
    def n_in_flight(self) -> int:
        """Messages that are IN FLIGHT."""
        return len(self._in_flight)

    @property
    def n_dropped(self) -> int:
        """Events that were dropped from memory or from the disk."""
        return self.n_dropped_from_memory + self._n_dropped_from_disk

    @property
    def max_waiting(self) -> int:
        """Events beyond which the oldest WAITING one is dropped."""
        limit = self._limits.max_in_memory
        if self._max_on_disk is not None and not self.writing.is_on:
            # They leave for the disk at once; this only bounds what a disk that hangs can pile up.
            limit += self._max_on_disk
        return limit

    # What is next

    @property
    def has_work(self) -> bool:
        """Whether the sender has anything to do."""
        return self.is_closing or self._is_sendable() or self._is_writing_due()

    @property
    def poll_s(self) -> float | None:
        """Seconds until the sender looks again unasked; None if time alone changes nothing."""
        outages = (self.writing, self.reading, self._accepting)
        is_timed = bool(self._answered) or any(outage.is_on for outage in outages)
        is_aging = bool(self._in_flight) or (self._max_on_disk is not None and bool(self._waiting))
        is_any = is_timed or is_aging or self.connection.is_first or self._is_held()
        return _POLL_S if is_any else None

    @property
    def is_drained(self) -> bool:
        """Whether the broker has acknowledged everything that can be sent."""
        return not (
            self.retained.has_unsent or self._in_flight or self._waiting or self._has_unsent_event()
        )

    def is_committed(self, number: int) -> bool:
        """Whether an event that has to be on the disk is there, or the disk fails."""
        return not self.stores_every_event or number <= self._stored_up_to or self.writing.is_on

    @property
    def oldest_in_flight(self) -> Message | None:
        """The message that has been IN FLIGHT for the longest; None if there is none."""
        return next(iter(self._in_flight.values()), None)

    @property
    def disk_change(self) -> DiskChange | None:
        """What is due to be written: events in memory to store, ANSWERED ones to remove; or None."""
        if not self._is_writing_due():
            return None
        waiting = self._waiting if self._is_storing_due() else ()
        return DiskChange((*self._overdue_in_flight(), *waiting), tuple(self._answered))

    @property
    def read_position(self) -> int | None:
        """The number after which events must be read before the next message can be sent, or None."""
        if self.is_closing or not self._is_reading_due() or self._is_state_next():
            return None
        return BEFORE_ALL if self._read_up_to is None else self._read_up_to

    def _is_sendable(self) -> bool:
        """Whether the connection can take a message, and there is one."""
        has_room = self.connection.is_up and len(self._in_flight) < self._max_in_flight()
        has_message = self._is_state_next() or self._has_unsent_event()
        return has_room and has_message and not self._is_held()

    def _is_held(self) -> bool:
        """Whether the next message is a suspect that this connection is too young for."""
        suspect = self._suspects.alone
        if suspect is None or self.connection.age_s >= self._limits.calm_s:
            return False
        if self._is_state_next():
            return self.retained.next_topic == suspect
        numbers = [place[0].number for place in (self._read_ahead, self._waiting) if place]
        return min(numbers, default=None) == suspect

    def _max_in_flight(self) -> int:
        """Messages that may wait for their acknowledgement; one while a message is suspected."""
        return 1 if self._suspects.are_there else self._broker_limits.max_in_flight

    def _is_state_next(self) -> bool:
        """Whether the next message is no event; half of those in flight are left to events."""
        n_in_flight = sum(message.event is None for message in self._in_flight.values())
        return self.retained.has_unsent and n_in_flight < max(1, self._max_in_flight() // 2)

    def _has_unsent_event(self) -> bool:
        """Whether an event could be sent now."""
        has_event = bool(self._read_ahead) or self._is_waiting_sendable() or self._is_disk_unread()
        return has_event and self._accepting.may_try

    def _is_reading_due(self) -> bool:
        """Whether the next event to send must be read from the disk first."""
        return self._is_sendable() and not self._read_ahead and self._is_disk_unread()

    def _is_disk_unread(self) -> bool:
        """Whether the disk has events that were not read on this connection."""
        if self._max_on_disk is None or not self.reading.may_try:
            return False
        if self.reading.is_on:
            return True
        return self._n_stored > 0 and (self._read_up_to is None or self._read_up_to < self._last_stored)

    def _is_waiting_sendable(self) -> bool:
        """Whether the first WAITING event may be sent without being on the disk."""
        return bool(self._waiting) and (not self.stores_every_event or self.writing.is_on)

    def _is_writing_due(self) -> bool:
        """Whether there is anything to write to the disk."""
        if self._max_on_disk is None or not self.writing.may_try:
            return False
        is_old = self._clock.steady_s() - self._first_answer_s >= _REMOVE_DELAY_S
        is_removing = bool(self._answered) and (is_old or len(self._answered) >= _REMOVE_BATCH)
        return is_removing or self._is_storing_due() or self._is_overdue()

    def _is_storing_due(self) -> bool:
        """Whether WAITING events must go to the disk."""
        is_wanted = (
            self.stores_every_event
            or self.connection.is_away
            or len(self._waiting) > self._limits.max_in_memory
            or self._is_overdue()
        )
        return is_wanted and bool(self._waiting)

    def _is_overdue(self) -> bool:
        """Whether an event has been in memory alone for too long."""
        before_s = self._clock.now_s - self._limits.store_after_s
        return any(event.taken_s <= before_s for event in self._in_memory_alone())

    def _in_memory_alone(self) -> Iterator[QueuedEvent]:
        """The first WAITING event, and those IN FLIGHT in memory alone."""
        yield from itertools.islice(self._waiting, 1)
        yield from (each.event for each in self._in_flight.values() if each.event and not each.is_stored)

    def _overdue_in_flight(self) -> list[QueuedEvent]:
        """All events IN FLIGHT in memory alone, if one of them or of WAITING is overdue."""
        messages = self._in_flight.values() if self._is_overdue() else ()
        return [each.event for each in messages if each.event is not None and not each.is_stored]

    # Transitions for the callers

    def put(self, event_id: str, topic: str, payload: str) -> int:
        """Add an event to WAITING, drop the oldest beyond ``max_waiting``; return the event's number."""
        self._n_put += 1
        self._waiting.append(QueuedEvent(self._n_put, event_id, topic, payload, self._clock.now_s))
        while len(self._waiting) > self.max_waiting:
            self._waiting.popleft()
            self.n_dropped_from_memory += 1
        return self._n_put

    # Transitions for the sender

    def pop(self) -> Message | None:
        """Take the next message that the connection can carry: state before events, those by number."""
        if self.is_closing or not self._is_sendable():
            return None
        if self._is_state_next():
            topic, payload, is_retained = self.retained.pop()
            return Message(topic, payload, is_retained=is_retained)
        if not self._accepting.may_try or self._is_reading_due():
            # The connection may have changed since the disk was read; it may hold older events.
            return None
        is_memory_first = (
            self._waiting and self._read_ahead and self._waiting[0].number < self._read_ahead[0].number
        )
        if self._read_ahead and not is_memory_first:
            return self._message_of(self._read_ahead.popleft(), is_stored=True)
        if self._is_waiting_sendable():
            return self._message_of(self._waiting.popleft(), is_stored=False)
        return None

    def _message_of(self, event: QueuedEvent, *, is_stored: bool) -> Message:
        is_replayed = event.number < self.connection.first_live_number
        return Message(
            event.topic, event.payload, event=event, is_stored=is_stored, is_replayed=is_replayed
        )

    def sent(self, message: Message, message_id: int | None, epoch: int) -> Refused | None:
        """Note a message as IN FLIGHT.

        Args:
            message: what ``pop`` gave.
            message_id: its id on the connection; None if there was none.
            epoch: that of the connection on which it was taken.

        Returns:
            What ``settle`` gives, if the broker has answered already.
        """
        if message_id is not None and epoch == self.connection.epoch:
            answer = self._early_answers.pop(message_id, None)
            if answer is None:
                self._in_flight[message_id] = replace(message, sent_s=self._clock.steady_s())
                return None
            self._suspects.answered(message.key)
            return self.settle(message, answer)
        if message.event is not None and not message.is_stored:
            # The connection has ended meanwhile; a stored event will be read again.
            self._return_to_waiting([message.event])
        return None

    def put_back(self, message: Message, epoch: int) -> None:
        """Return a message's event, which was taken on the connection of ``epoch``, to its place."""
        if message.event is None:
            return
        if epoch == self.connection.epoch:
            (self._read_ahead if message.is_stored else self._waiting).appendleft(message.event)
        elif not message.is_stored:
            self._return_to_waiting([message.event])

    def move_times(self, step_s: float, move_time: MoveTime) -> None:
        """Move the times of this run's events in memory by a step of the clock, in seconds."""

        def moved(event: QueuedEvent) -> QueuedEvent:
            return after_step(event, step_s, move_time) if event.number > 0 else event

        self._waiting = deque(map(moved, self._waiting))
        self._read_ahead = deque(map(moved, self._read_ahead))
        self._in_flight = {
            message_id: replace(message, event=message.event and moved(message.event))
            for message_id, message in self._in_flight.items()
        }

    def take_back(self) -> DiskChange:
        """Return events IN FLIGHT to WAITING, for the end; give all that is to be written."""
        self._take_back_in_flight()
        return DiskChange(tuple(self._waiting), tuple(self._answered))

    def written(self, change: DiskChange) -> None:
        """Move the events of a change that is on the disk to their next states."""
        self._answered.difference_update(change.answered)
        stored = {event.number for event in change.new}
        waiting, self._waiting = self._waiting, deque()
        for event in waiting:
            if event.number not in stored:
                self._waiting.append(event)
            elif self._read_up_to is not None and event.number <= self._read_up_to:
                # Reading only goes forward, and has passed this one.
                _insert(self._read_ahead, event)
        for message_id, message in self._in_flight.items():
            if message.event is not None and message.event.number in stored:
                self._in_flight[message_id] = replace(message, is_stored=True)
        # The broker has answered the others while they were written.
        left = {event.number for event in waiting} | self._numbers_in_flight()
        for number in stored - left:
            self._note_answered(number)
        self._stored_up_to = max([self._stored_up_to, *stored])

    def read(self, events: Sequence[QueuedEvent], epoch: int, last_stored: int) -> None:
        """Add events to READ AHEAD.

        Args:
            events: the next ones of the spool, in order.
            epoch: that of the connection for which they were read; the next one reads them again.
            last_stored: the last number in the spool.
        """
        if epoch == self.connection.epoch:
            taken = self._answered | self._numbers_in_flight()
            self._read_ahead.extend(each for each in events if each.number not in taken)
            self._read_up_to = events[-1].number if events else last_stored

    def copy_counts(self, *, n_stored: int, last_stored: int, n_dropped: int) -> None:
        """Note the counts of the spool after each use of it."""
        self._n_stored = n_stored
        self._last_stored = last_stored
        self._n_dropped_from_disk = n_dropped

    # Transitions for the connection

    def connected(self, limits: BrokerLimits) -> None:
        """Begin a connection: schedule the retained state, then the events."""
        self._broker_limits = limits
        self.connection.connected(self._n_put + 1)
        self.retained.connected(limits.max_packet_bytes)
        self._suspects.connected()

    def disconnected(self) -> Refused | None:
        """End a connection: events that it did not deliver wait for the next one.

        Returns:
            The message behind which connections break, if that is known since now.
        """
        self.connection.disconnected()
        self.retained.disconnected()
        repeated = [each.key for each in self._in_flight.values() if each.is_repeated]
        cause = self._suspects.broken(repeated)
        left_out = next((each for each in self._in_flight.values() if each.key == cause), None)
        refused = None if left_out is None else self._leave_out(left_out)
        self._take_back_in_flight()
        return refused

    def acknowledged(self, message_id: int, answer: Answer) -> Refused | None:
        """Settle a message that the broker has answered."""
        message = self._in_flight.pop(message_id, None)
        if message is None:
            self._early_answers[message_id] = answer
            return None
        self._suspects.answered(message.key)
        refused = self.settle(message, answer)
        if self.is_drained:
            self._suspects.drained()
        return refused

    def settle(self, message: Message, answer: Answer) -> Refused | None:
        """Note the answer to a message; return it if it is a refusal that is new on its topic."""
        refusal = answer.refusal
        if message.event is not None and not answer.is_final:
            self._accepting.failed()
            _insert(self._read_ahead if message.is_stored else self._waiting, message.event)
        elif message.event is not None:
            if message.is_stored:
                self._note_answered(message.event.number)
            self.n_refused += bool(refusal)
            self._accepting.worked()
        if not refusal or (message.topic, refusal) in self._logged_refusals:
            return None
        self._logged_refusals.add((message.topic, refusal))
        return Refused(message, answer)

    def _leave_out(self, message: Message) -> Refused | None:
        """Send a message IN FLIGHT no more."""
        self._in_flight = {key: each for key, each in self._in_flight.items() if each is not message}
        if message.event is None:
            self.retained.leave_out(message.topic, packet_bytes(message.topic, message.payload))
        return self.settle(message, Answer("it ends the connection"))

    def _take_back_in_flight(self) -> None:
        """Return events IN FLIGHT to WAITING; stored ones will be read again."""
        messages = tuple(self._in_flight.values())
        self._in_flight.clear()
        self._early_answers.clear()
        self._return_to_waiting(
            each.event for each in messages if each.event is not None and not each.is_stored
        )

    def _return_to_waiting(self, events: Iterable[QueuedEvent]) -> None:
        """Add events to WAITING by their numbers, and read the disk from its start again."""
        self._waiting = deque(heapq.merge(events, self._waiting, key=attrgetter("number")))
        self._read_ahead.clear()
        self._read_up_to = None

    def _note_answered(self, number: int) -> None:
        """Note that an event on the disk is ANSWERED."""
        if not self._answered:
            self._first_answer_s = self._clock.steady_s()
        self._answered.add(number)

    def _numbers_in_flight(self) -> set[int]:
        return {each.event.number for each in self._in_flight.values() if each.event is not None}


def _insert(place: deque[QueuedEvent], event: QueuedEvent) -> None:
    """Insert an event into events by its number."""
    bisect.insort(place, event, key=attrgetter("number"))

"""Where each event of the event queue is, and what comes next; without a thread, a disk or a broker.

The queue keeps an event until it is acknowledged. At the end of a connection, events in flight go back
and are sent again on the next one, in order, so the broker may get them twice.

States of an event (and what holds it); [C], [S] and [L] are the threads of ``serd.mqtt.queue`` that a
transition is for::

                     [C] put
                        │
                        ▼                    [S] write
    dropped ◀─────── WAITING ─────────────────────────────────▶ STORED ──────▶ dropped
         [C] too     (_waiting)                        ┌──────▶ (the spool) [S] too many, too old
             many     ▲    │                           │           │ [S] read ahead
                      │    │                           │           ▼
             [L] lost │    │ [S] send         [L] lost ├────── READ AHEAD
                      │    │                           │       (DiskState.read_ahead)
                      │    │                           │           │ [S] send
                      │    ▼           [S] write       │           ▼
                    IN FLIGHT, in memory alone ────────┴─────▶ IN FLIGHT, stored
                     (InFlight)                                (InFlight)
                        │                                          │
                        │ [L] acknowledged or refused for good     │ [L] acknowledged or refused for good
                        ▼                                          ▼       [S] write
                       gone                                    ANSWERED ───────────────▶ gone
                                                               (DiskState)

A message after which a connection broke (``serd.mqtt.suspects``) waits until the next one has lasted for
``calm_s``. If that one breaks after it too, the message counts as refused for good.

An event that the broker refuses for now (MQTT 5: quota exceeded) goes back to WAITING or READ AHEAD,
and no event is sent for ``RETRY_S`` (``serd.mqtt.outage``).

States of the connection (``ConnectionState``)::

                 [L] connected                        [L] disconnected
    CONNECTING ─────────────────▶ CONNECTED ──────────────────────────────▶ AWAY
        │                             ▲                                      │ ▲
        │                             └──────────── [L] connected ───────────┘ │
        └─────────────── [L] disconnected, or after 3 s by itself ─────────────┘

WAITING events are written while the broker is AWAY, while there are too many, and at the end. With
``stores_every_event`` they are always written, and sent from memory only if the disk fails. If an event
is in memory alone for ``store_after_s``, because the broker does not acknowledge it or the connection is
dead without a sign of it, all events in memory are written. An event that was put before the connection
came back from AWAY is marked as replayed.
"""

import heapq
import itertools
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Final

from serd.mqtt.clock import EventClock
from serd.mqtt.connection_state import ConnectionState
from serd.mqtt.disk_state import DiskChange, DiskState
from serd.mqtt.in_flight import InFlight
from serd.mqtt.limits import BrokerLimits, packet_bytes
from serd.mqtt.message import Answer, Message, Refused
from serd.mqtt.outage import Outage
from serd.mqtt.retained import RetainedState
from serd.mqtt.rows import MoveTime, QueuedEvent, after_step, insert_by_number
from serd.mqtt.suspects import Suspects

_POLL_S: Final = 0.5
"""How often the sender looks again while something may change by the passing of time, in seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueLimits:
    """Bounds of an event queue."""

    max_in_memory: int
    """Events that may wait in memory; beyond it they go to the disk, or without a spool the oldest are
    dropped."""
    stores_every_event: bool
    """Whether each event is on the disk before it is sent."""
    store_after_s: float = 5.0
    """Time after which an event that is not acknowledged is written to the disk although the connection
    is up, in seconds."""
    calm_s: float = 1.0
    """How long a connection must have lasted before it carries a message after which an earlier one
    broke, in seconds."""
    commit_timeout_s: float = 0.5
    """Longest wait of ``put`` for the disk with ``stores_every_event``, in seconds."""


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
        self.disk = DiskState(max_on_disk, clock)
        self.stores_every_event = limits.stores_every_event and self.disk.is_there
        self.n_dropped_from_memory = 0
        self.n_refused = 0
        """Events that the broker refused for good, or after which it closes the connection."""
        self._limits = limits
        self._clock = clock
        self._accepting = Outage()
        """Whether the broker refuses events for now."""
        self._suspects: Suspects[int | str] = Suspects()
        self._broker_limits = BrokerLimits()

        self._n_put = 0
        self._waiting: deque[QueuedEvent] = deque()
        self._in_flight = InFlight()
        self._logged_refusals: set[tuple[str, str]] = set()

    # Counts

    @property
    def n_in_memory(self) -> int:
        """Events that are WAITING."""
        return len(self._waiting)

    @property
    def n_on_disk(self) -> int:
        """Events on the disk that the broker has not acknowledged."""
        return self.disk.n_unanswered

    @property
    def n_in_flight(self) -> int:
        """Messages that are IN FLIGHT."""
        return len(self._in_flight)

    @property
    def n_dropped(self) -> int:
        """Events that were dropped from memory or from the disk."""
        return self.n_dropped_from_memory + self.disk.n_dropped

    @property
    def max_waiting(self) -> int:
        """Events beyond which the oldest WAITING one is dropped."""
        # Those for the disk leave at once; this only bounds what a disk that hangs can pile up.
        return self._limits.max_in_memory + self.disk.max_new

    # What is next

    @property
    def has_work(self) -> bool:
        """Whether the sender has anything to do."""
        return self.is_closing or self._is_sendable() or self._is_writing_due()

    @property
    def poll_s(self) -> float | None:
        """Seconds until the sender looks again by itself; None if time alone changes nothing."""
        is_timed = self.disk.is_timed or self._accepting.is_on
        is_aging = bool(self._in_flight) or (self.disk.is_there and bool(self._waiting))
        is_any = is_timed or is_aging or self.connection.is_first or self._is_held()
        return _POLL_S if is_any else None

    @property
    def is_drained(self) -> bool:
        """Whether the broker has acknowledged everything that can be sent."""
        return not (
            self.retained.has_unsent or self._in_flight or self._waiting or self._has_unsent_event()
        )

    def is_committed(self, number: int) -> bool:
        """Whether ``put`` need not wait for the disk any more: the event is there, or need not be."""
        return not self.stores_every_event or self.disk.is_committed(number)

    @property
    def oldest_in_flight(self) -> Message | None:
        """The message that has been IN FLIGHT for the longest; None if there is none."""
        return self._in_flight.oldest

    @property
    def disk_change(self) -> DiskChange | None:
        """What is due to be written: events in memory to store, ANSWERED ones to remove; or None."""
        if not self._is_writing_due():
            return None
        waiting = self._waiting if self._is_storing_due() else ()
        in_flight = self._in_flight.in_memory_alone if self._is_overdue() else ()
        return DiskChange((*in_flight, *waiting), self.disk.answered)

    @property
    def read_position(self) -> int | None:
        """The number after which events must be read before the next message can be sent, or None."""
        if self.is_closing or not self._is_reading_due() or self._is_state_next():
            return None
        return self.disk.read_position

    def _is_sendable(self) -> bool:
        """Whether the connection can take a message, and there is one."""
        has_room = self.connection.is_up and len(self._in_flight) < self._max_in_flight()
        has_message = self._is_state_next() or self._has_unsent_event()
        return has_room and has_message and not self._is_held()

    def _is_held(self) -> bool:
        """Whether the next message is suspected, and has to wait until this connection is older."""
        suspect = self._suspects.alone
        if suspect is None or self.connection.age_s >= self._limits.calm_s:
            return False
        if self._is_state_next():
            return self.retained.next_topic == suspect
        numbers = [place[0].number for place in (self.disk.read_ahead, self._waiting) if place]
        return min(numbers, default=None) == suspect

    def _max_in_flight(self) -> int:
        """Messages that may wait for their acknowledgement; one while a message is suspected."""
        return 1 if self._suspects.are_there else self._broker_limits.max_in_flight

    def _is_state_next(self) -> bool:
        """Whether the next message is no event; half of those in flight are left to events."""
        has_room = self._in_flight.n_without_event < max(1, self._max_in_flight() // 2)
        return self.retained.has_unsent and has_room

    def _has_unsent_event(self) -> bool:
        """Whether an event could be sent now."""
        has_event = bool(self.disk.read_ahead) or self._is_waiting_sendable() or self.disk.is_unread
        return has_event and self._accepting.may_try

    def _is_reading_due(self) -> bool:
        """Whether the next event to send must be read from the disk first."""
        return self._is_sendable() and not self.disk.read_ahead and self.disk.is_unread

    def _is_waiting_sendable(self) -> bool:
        """Whether the first WAITING event may be sent without being on the disk."""
        return bool(self._waiting) and (not self.stores_every_event or self.disk.writing.is_on)

    def _is_writing_due(self) -> bool:
        """Whether there is anything to write to the disk."""
        return self.disk.may_write and (
            self.disk.is_removal_due or self._is_storing_due() or self._is_overdue()
        )

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
        first_waiting = itertools.islice(self._waiting, 1)
        events = itertools.chain(first_waiting, self._in_flight.in_memory_alone)
        return any(event.taken_s <= before_s for event in events)

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
        """Take the next message that the connection can carry: first state, then events by number."""
        if self.is_closing or not self._is_sendable():
            return None
        if self._is_state_next():
            topic, payload, is_retained = self.retained.pop()
            return Message(topic, payload, is_retained=is_retained)
        if not self._accepting.may_try or self._is_reading_due():
            # The connection may have changed since the disk was read; it may hold older events.
            return None
        read_ahead = self.disk.read_ahead
        is_memory_first = self._waiting and read_ahead and self._waiting[0].number < read_ahead[0].number
        if read_ahead and not is_memory_first:
            return self._message_of(read_ahead.popleft(), is_stored=True)
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
            sent = replace(message, sent_s=self._clock.steady_s())
            answer = self._in_flight.add(message_id, sent)
            if answer is None:
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
            self._place_of(message).appendleft(message.event)
        elif not message.is_stored:
            self._return_to_waiting([message.event])

    def move_times(self, step_s: float, move_time: MoveTime) -> None:
        """Move the times of this run's events in memory by a step of the clock, in seconds."""

        def moved(event: QueuedEvent) -> QueuedEvent:
            return after_step(event, step_s, move_time) if event.number > 0 else event

        self._waiting = deque(map(moved, self._waiting))
        self.disk.read_ahead = deque(map(moved, self.disk.read_ahead))
        self._in_flight.change_events(moved)

    def take_back(self) -> DiskChange:
        """Return events IN FLIGHT to WAITING, at the end; return all that is to be written."""
        self._take_back_in_flight()
        return DiskChange(tuple(self._waiting), self.disk.answered)

    def written(self, change: DiskChange) -> None:
        """Move the events of a change that is on the disk to their next states."""
        stored = {event.number for event in change.new}
        self.disk.stored(change)
        self._in_flight.stored(stored)
        waiting, self._waiting = self._waiting, deque()
        for event in waiting:
            if event.number in stored:
                self.disk.return_stored(event)
            else:
                self._waiting.append(event)
        # The broker has answered the others while they were written.
        for number in stored - {event.number for event in waiting} - self._in_flight.numbers:
            self.disk.answer(number)

    def read(self, events: Sequence[QueuedEvent], epoch: int, last_stored: int) -> None:
        """Add events to READ AHEAD.

        Args:
            events: the next ones of the spool, in order.
            epoch: that of the connection for which they were read; the next one reads them again.
            last_stored: the last number in the spool.
        """
        if epoch == self.connection.epoch:
            self.disk.read(events, in_flight=self._in_flight.numbers, last_stored=last_stored)

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
            The message after which the broker closes the connection, if this end was the proof.
        """
        self.connection.disconnected()
        self.retained.disconnected()
        cause = self._suspects.broken([each.key for each in self._in_flight if each.is_repeated])
        left_out = next((each for each in self._in_flight if each.key == cause), None)
        refused = None if left_out is None else self._leave_out(left_out)
        self._take_back_in_flight()
        return refused

    def acknowledged(self, message_id: int, answer: Answer) -> Refused | None:
        """Settle a message that the broker has answered."""
        message = self._in_flight.answered(message_id, answer)
        if message is None:
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
            insert_by_number(self._place_of(message), message.event)
        elif message.event is not None:
            if message.is_stored:
                self.disk.answer(message.event.number)
            self.n_refused += bool(refusal)
            self._accepting.worked()
        if not refusal or (message.topic, refusal) in self._logged_refusals:
            return None
        self._logged_refusals.add((message.topic, refusal))
        return Refused(message, answer)

    def _leave_out(self, message: Message) -> Refused | None:
        """Stop sending a message that is IN FLIGHT."""
        self._in_flight.remove(message)
        if message.event is None:
            self.retained.leave_out(message.topic, packet_bytes(message.topic, message.payload))
        return self.settle(message, Answer("the broker closes the connection after it"))

    def _take_back_in_flight(self) -> None:
        """Return events IN FLIGHT to WAITING; stored ones will be read again."""
        events = self._in_flight.in_memory_alone
        self._in_flight.clear()
        self._return_to_waiting(events)

    def _return_to_waiting(self, events: Iterable[QueuedEvent]) -> None:
        """Add events to WAITING by their numbers, and read the disk from its start again."""
        self._waiting = deque(heapq.merge(events, self._waiting, key=attrgetter("number")))
        self.disk.read_again()

    def _place_of(self, message: Message) -> deque[QueuedEvent]:
        """Where the event of a message waits to be sent."""
        return self.disk.read_ahead if message.is_stored else self._waiting

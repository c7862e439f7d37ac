"""The life of every event from ``EventQueue.put`` until the broker has acknowledged it.

An event belongs to the queue until it is acknowledged. At the end of a connection, events in flight go
back and are sent again on the next one, in order, so the broker may get them twice.

States of an event (and the field that holds it)::

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
for ``calm_s``, and if that one breaks behind it too, it counts as refused for good. If a
message stays IN FLIGHT for ``ANSWER_TIMEOUT_S``, the connection is given up.

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

Threads: [C] a caller of ``put``, ``retain``, ``send``, ``subscribe`` or ``close``; [S] the sender, which
runs ``run``; [L] the link's thread, which calls the methods of ``LinkListener``.

Locking: one lock, that of ``_changed``, guards all fields of the queue and of the objects that it owns,
but for the spool, which belongs to the sender. The lock is held to look at fields and to change them,
and never during

- a call of the link: the link's thread holds a lock of paho's when it calls the queue;
- a call of the spool: the disk may be slow;
- a call of a handler, or of the log.

So the sender, which alone sends events and uses the spool, works in three steps: decide under the lock,
act without it, note the result under the lock. Private methods that need the lock say "Locked:".
"""

import bisect
import contextlib
import heapq
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Final, Protocol

from serd.errors import SpoolError
from serd.mqtt.clock import EventClock
from serd.mqtt.connection_state import ConnectionState
from serd.mqtt.limits import BrokerLimits, packet_bytes
from serd.mqtt.message import Answer, Message
from serd.mqtt.outage import Outage
from serd.mqtt.retained import Document, Handler, RetainedState
from serd.mqtt.rows import BEFORE_ALL, MoveTime, QueuedEvent, after_step
from serd.mqtt.spool import Spool
from serd.mqtt.suspects import Suspects
from serd.mqtt.threads import Thread, Threads

_log = logging.getLogger("serd.mqtt")

ANSWER_TIMEOUT_S = 60.0
"""Time for the broker to acknowledge a message, in seconds, after which the connection is given up."""
_POLL_S: Final = 0.5
"""How often the sender looks again while something may change by the passing of time, in seconds."""
_READ_BATCH: Final = 50
"""Events that are read from the disk at a time."""
_REMOVE_BATCH: Final = 50
"""Answered events that are removed from the disk without delay."""
_REMOVE_DELAY_S: Final = 1.0
"""Longest time that fewer answered events stay on the disk, so that several leave with one write."""
_GOODBYE_S: Final = 0.4
"""Part of the time to close that is kept for the goodbye, in seconds."""
_MIN_STEP_S: Final = 0.1
"""Time that each step of the goodbye gets even after the deadline, in seconds."""


class Transport(Protocol):
    """The part of a link that the queue uses; ``serd.mqtt.link.Link`` is one."""

    address: str
    limits: BrokerLimits

    def publish(self, topic: str, payload: str, *, is_retained: bool) -> int | None:
        """Send a message; return its id, or None if there is no connection."""
        ...

    def subscribe(self, topic_filter: str) -> None:
        """Subscribe for as long as the connection lasts."""
        ...

    def give_up(self, reason: str) -> None:
        """End the present connection, and connect again after a pause."""
        ...


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


class EventQueue:
    """Sends events, retained state and transient messages over any number of connections.

    After construction: ``attach`` the link, start the sender's thread with ``start``, start the link.
    """

    link: Transport

    def __init__(
        self,
        spool: Spool | None,
        limits: QueueLimits,
        *,
        online: Message,
        offline: Message,
        as_replayed: Callable[[str], str],
        move_time: MoveTime,
        clock: EventClock,
    ) -> None:
        """Create a queue without a connection.

        Args:
            spool: stores events on the disk; None keeps them in memory alone.
            limits: bounds in memory and time.
            online: retained message that each connection begins with.
            offline: retained message that ``close`` ends the connection with, on the same topic.
            as_replayed: marks the JSON of an event as replayed.
            move_time: moves the time in the JSON of an event by a step of the clock.
            clock: the clock of the events, which the spool shares.
        """
        self._spool = spool
        self._limits = limits
        self._stores_every_event = limits.stores_every_event and spool is not None
        self._as_replayed = as_replayed
        self._move_time = move_time
        self._clock = clock
        self._offline = offline
        self._sender: Thread | None = None

        self._changed = threading.Condition()
        self._connection = ConnectionState(clock.steady_s)
        self._retained = RetainedState(online.topic, online.payload)
        self._suspects: Suspects[int | str] = Suspects()
        self._is_closing = False
        self._close_deadline_s = 0.0

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
        """When the first of ``_answered`` was answered, in seconds of the monotonic clock."""

        self._stored_up_to = 0
        """Last number of this run that was written to the disk."""
        self._n_stored = 0
        self._last_stored = BEFORE_ALL
        self._n_dropped_from_disk = 0
        self._n_dropped_from_memory = 0
        self._n_refused = 0
        self._logged_refusals: set[tuple[str, str]] = set()
        self._writing = Outage()
        self._reading = Outage()
        self._accepting = Outage()
        """Whether the broker refuses events for now."""
        self._sending = Outage()
        """Unexpected exceptions of the sender, which alone uses this one."""

    def attach(self, link: Transport) -> None:
        """Set the link that carries the messages, before either is started."""
        self.link = link

    def start(self, threads: Threads) -> None:
        """Start the sender's thread."""
        self._sender = threads.start("mqtt", self.run)

    @property
    def n_in_memory(self) -> int:
        """Events that wait in memory alone."""
        with self._changed:
            return len(self._waiting)

    @property
    def n_on_disk(self) -> int:
        """Events on the disk that the broker has not acknowledged."""
        with self._changed:
            return self._n_stored - len(self._answered)

    @property
    def n_in_flight(self) -> int:
        """Messages that were sent and not yet acknowledged."""
        with self._changed:
            return len(self._in_flight)

    @property
    def n_dropped(self) -> int:
        """Events that were dropped because there were too many, or they were too old."""
        with self._changed:
            return self._n_dropped_from_memory + self._n_dropped_from_disk

    @property
    def n_refused(self) -> int:
        """Events that the broker refused, which only MQTT 5 reports, or that no broker accepts."""
        with self._changed:
            return self._n_refused

    # Callers' threads

    def put(self, event_id: str, topic: str, payload: str) -> None:
        """Put an event into the queue.

        Never waits for the broker. With ``stores_every_event`` the event is on the disk on return,
        unless the disk fails or takes longer than ``commit_timeout_s``.
        """
        with self._changed:
            self._n_put += 1
            number = self._n_put
            self._waiting.append(QueuedEvent(number, event_id, topic, payload, self._clock.now_s))
            has_dropped = self._n_dropped_from_memory > 0
            limit = self._drop_oldest()
            is_first_drop = not has_dropped and self._n_dropped_from_memory > 0
            self._changed.notify_all()
        if is_first_drop:
            _log.warning("%d events wait for the broker: the oldest are dropped", limit)
        with self._changed:
            self._changed.wait_for(
                lambda: self._is_closing or self._is_committed(number), self._limits.commit_timeout_s
            )

    def retain(self, topic: str, payload: str) -> None:
        """Set the retained value of a topic; it is sent now, and again on each new connection."""
        with self._changed:
            self._retained.retain(topic, payload)
            self._changed.notify_all()

    def retain_document(self, name: str, document: Document) -> None:
        """Set a document that is retained in as many messages as the broker needs."""
        with self._changed:
            self._retained.retain_document(name, document)
            self._changed.notify_all()

    def repeat_retained(self) -> None:
        """Send the retained values of all topics again, unless the end, which is offline, has begun."""
        with self._changed:
            if not self._is_closing:
                self._retained.repeat()
                self._changed.notify_all()

    def send(self, topic: str, payload: str) -> None:
        """Send a transient message, not retained; it is dropped while there is no connection."""
        with self._changed:
            self._retained.send(topic, payload)
            self._changed.notify_all()

    def subscribe(self, topic: str, handler: Handler) -> None:
        """Call a handler with each message on a topic, on this and all later connections."""
        with self._changed:
            must_subscribe = self._retained.subscribe(topic, handler)
        if must_subscribe:
            self.link.subscribe(topic)

    def close(self, timeout_s: float) -> None:
        """Wait for the broker to acknowledge everything, publish ``offline`` and end the sender.

        Events that are not acknowledged within ``timeout_s`` seconds are written to the disk.
        """
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            self._changed.wait_for(self._is_drained, max(0.0, timeout_s - _GOODBYE_S))
            self._is_closing = True
            self._close_deadline_s = deadline_s
            self._changed.notify_all()
        if self._sender is not None:
            self._sender.end(remaining_s(deadline_s))

    # The sender's thread

    def run(self, thread: Thread) -> None:
        """Write and send whatever is due, until ``close``.

        No exception ends the sender: an unexpected one of the spool counts as a failure of the disk, and
        after any other one the sender pauses and tries again.
        """
        self._attempt(self.open, thread)
        is_closing = False
        while not is_closing:
            with self._changed, thread.waiting("events"):
                if not self._has_work():
                    # Not ``wait_for``: a change may bring no work yet, but a time to look again.
                    self._changed.wait(self._poll_s())
                is_closing = self._is_closing
            self._attempt(lambda: self._write_and_send(thread), thread)
        self._attempt(self._say_goodbye, thread)
        self._attempt(self.finish, thread)

    def _attempt(self, step: Callable[[], None], thread: Thread) -> None:
        """Run one step of the sender; after an exception, log it once and pause until the next step."""
        try:
            step()
        except Exception:  # noqa: BLE001 - whatever it is, the events must not wait for ever
            if self._sending.failed():
                _log.exception("events cannot be sent; trying again each %g s", self._sending.pause_s)
            with self._changed, thread.waiting("its next attempt", self._sending.pause_s):
                self._changed.wait_for(lambda: self._is_closing, self._sending.pause_s)
        else:
            if self._sending.worked():
                _log.info("events are sent again")

    def _write_and_send(self, thread: Thread) -> None:
        self.give_up_stalled()
        self.write()
        while self.send_next():
            thread.progress()

    def open(self) -> None:
        """Open the spool if an earlier run left one."""
        spool = self._spool
        if spool is None or not spool.exists:
            return
        try:
            spool.open()
        except Exception as exc:  # noqa: BLE001 - see ``_disk_failed``
            self._disk_failed(spool, self._reading, exc, "events of an earlier run cannot be read")
            return
        with self._changed:
            self._copy_counts(spool)
        if spool.n_stored:
            _log.info("%d events of an earlier run are sent first", spool.n_stored)
        self._close_if_empty(spool)

    def write(self) -> None:
        """Write to the disk what is due: events in memory to store, ANSWERED ones to remove."""
        self._follow_clock()
        with self._changed:
            if self._spool is None or not self._is_writing_due():
                return
            new = [*self._overdue_in_flight(), *(self._waiting if self._is_storing_due() else ())]
            answered = tuple(self._answered)
        self._update(self._spool, new, answered)

    def give_up_stalled(self) -> None:
        """Give up a connection on which a message is not acknowledged: another may do better."""
        with self._changed:
            oldest = next(iter(self._in_flight.values()), None)
        if oldest is not None and self._clock.steady_s() - oldest.sent_s >= ANSWER_TIMEOUT_S:
            self.link.give_up(f"it has not acknowledged {oldest.topic} for {ANSWER_TIMEOUT_S:g} s")

    def send_next(self) -> bool:
        """Send the next message; return whether there was one that the connection could take."""
        while self._read_if_due():
            pass
        with self._changed:
            message = self._pop() if self._is_sendable() and not self._is_closing else None
            epoch = self._connection.epoch
        if message is None:
            return False
        self._publish(message, epoch)
        return True

    def finish(self) -> None:
        """Write all events that are not acknowledged to the disk, and close it."""
        self._follow_clock()
        with self._changed:
            self._take_back_in_flight()
            new = tuple(self._waiting)
            answered = tuple(self._answered)
        if self._spool is None:
            return
        if new or answered:
            self._update(self._spool, new, answered)
        self._spool.close()

    def _follow_clock(self) -> None:
        """Move the times of this run's events if the clock was stepped; the spool does so when used."""
        with self._changed:
            step_s = self._clock.take_step()
            if not step_s:
                return

            def moved(event: QueuedEvent) -> QueuedEvent:
                return after_step(event, step_s, self._move_time) if event.number > 0 else event

            self._waiting = deque(map(moved, self._waiting))
            self._read_ahead = deque(map(moved, self._read_ahead))
            self._in_flight = {
                message_id: replace(message, event=message.event and moved(message.event))
                for message_id, message in self._in_flight.items()
            }
        _log.info("the clock was set %+.0f s; the times of waiting events are moved with it", step_s)
        if self._spool is not None and self._spool.n_stored:
            self._update(self._spool, (), ())

    def _update(self, spool: Spool, new: Sequence[QueuedEvent], answered: Sequence[int]) -> None:
        n_dropped = spool.n_dropped
        try:
            spool.update(store=new, remove=answered)
        except Exception as exc:  # noqa: BLE001 - see ``_disk_failed``
            about = "events cannot be stored on the disk and wait in memory"
            self._disk_failed(spool, self._writing, exc, about)
            return
        with self._changed:
            self._answered.difference_update(answered)
            self._note_stored({event.number for event in new})
            has_recovered = self._writing.worked()
            self._copy_counts(spool)
        if has_recovered:
            _log.info("events are stored in %s again", spool.path)
        if spool.n_dropped and not n_dropped:
            _log.warning("%d events are stored on the disk: the oldest are dropped", spool.n_stored)
        self._close_if_empty(spool)

    def _note_stored(self, stored: set[int]) -> None:
        """Locked: move the events that were written, given by their numbers, to their next states."""
        waiting, self._waiting = self._waiting, deque()
        for event in waiting:
            if event.number not in stored:
                self._waiting.append(event)
            elif self._read_up_to is not None and event.number <= self._read_up_to:
                # Reading only goes forward, and has passed this one.
                self._insert(self._read_ahead, event)
        for message_id, message in self._in_flight.items():
            if message.event is not None and message.event.number in stored:
                self._in_flight[message_id] = replace(message, is_stored=True)
        # The broker has answered the others while they were written.
        left = {event.number for event in waiting} | self._numbers_in_flight()
        for number in stored - left:
            self._note_answered(number)
        self._stored_up_to = max([self._stored_up_to, *stored])

    def _read_if_due(self) -> bool:
        """Read the next events if they come next; return whether to look again."""
        with self._changed:
            is_event_next = self._is_reading_due() and not self._is_state_next()
            if self._spool is None or self._is_closing or not is_event_next:
                return False
            after = BEFORE_ALL if self._read_up_to is None else self._read_up_to
            epoch = self._connection.epoch
        spool = self._spool
        try:
            events = spool.read(_READ_BATCH, after=after)
        except Exception as exc:  # noqa: BLE001 - see ``_disk_failed``
            self._disk_failed(spool, self._reading, exc, "events on the disk cannot be read")
            return False
        with self._changed:
            if epoch == self._connection.epoch:
                taken = self._answered | self._numbers_in_flight()
                self._read_ahead.extend(each for each in events if each.number not in taken)
                self._read_up_to = events[-1].number if events else spool.last_number
            # Else the connection has ended meanwhile, and the next one reads them again.
            has_recovered = self._reading.worked()
            self._copy_counts(spool)
        if has_recovered:
            _log.info("events are read from %s again", spool.path)
        return True

    def _disk_failed(self, spool: Spool, outage: Outage, error: Exception, about: str) -> None:
        """Begin or continue an outage of the disk, and log its first failure.

        An unexpected exception is logged with its traceback, and the spool is closed: it is opened anew
        at the next attempt.
        """
        is_expected = isinstance(error, SpoolError)
        if not is_expected:
            with contextlib.suppress(Exception):
                spool.close()
        with self._changed:
            is_first_failure = outage.failed()
            self._copy_counts(spool)
        if is_first_failure:
            _log.warning("%s: %s", about, error, exc_info=None if is_expected else error)

    def _copy_counts(self, spool: Spool) -> None:
        """Locked: copy the counts of the spool for the other threads, after each use of it."""
        self._n_stored = spool.n_stored
        self._last_stored = spool.last_number
        self._n_dropped_from_disk = spool.n_dropped
        self._changed.notify_all()

    def _close_if_empty(self, spool: Spool) -> None:
        if not spool.n_stored and not self._stores_every_event:
            spool.close()

    def _publish(self, message: Message, epoch: int) -> None:
        """Hand a message to the link, and note it as IN FLIGHT on the connection of ``epoch``."""
        message_id: int | None = None
        answer: Answer | None = None
        try:
            payload = self._as_replayed(message.payload) if message.is_replayed else message.payload
            message_id = self.link.publish(message.topic, payload, is_retained=message.is_retained)
        except ValueError as exc:
            # No broker accepts it: a topic with a wildcard, or a text that UTF-8 cannot express.
            answer = Answer(str(exc))
        except BaseException:
            self._put_back(message, epoch)
            raise
        is_new_refusal = False
        with self._changed:
            if message_id is not None and epoch == self._connection.epoch:
                answer = self._early_answers.pop(message_id, None)
                if answer is None:
                    self._in_flight[message_id] = replace(message, sent_s=self._clock.steady_s())
                else:
                    self._suspects.answered(message.key)
            elif answer is None and message.event is not None and not message.is_stored:
                # The connection has ended meanwhile; a stored event will be read again.
                self._return_to_waiting([message.event])
            if answer is not None:
                is_new_refusal = self._settle(message, answer)
        if answer and is_new_refusal:
            self._log_refusal(message, answer)

    def _put_back(self, message: Message, epoch: int) -> None:
        """Return a message's event, which was taken on the connection of ``epoch``, to its place."""
        if message.event is None:
            return
        with self._changed:
            if epoch == self._connection.epoch:
                (self._read_ahead if message.is_stored else self._waiting).appendleft(message.event)
            elif not message.is_stored:
                self._return_to_waiting([message.event])

    def _say_goodbye(self) -> None:
        with self._changed:
            is_up, epoch = self._connection.is_up, self._connection.epoch
        if is_up:
            self._publish(self._offline, epoch)
        with self._changed:
            timeout_s = remaining_s(self._close_deadline_s - 2 * _MIN_STEP_S)
            self._changed.wait_for(lambda: not self._in_flight, timeout_s)

    # The link's thread (``LinkListener``)

    def connected(self) -> None:
        """Begin a connection: subscribe, schedule the retained state, then the events."""
        with self._changed:
            self._connection.connected(self._n_put + 1)
            self._retained.connected(self.link.limits.max_packet_bytes)
            self._suspects.connected()
            self._changed.notify_all()
            topics = self._retained.subscribed_topics
        for topic in topics:
            self.link.subscribe(topic)

    def disconnected(self) -> None:
        """End a connection: events that it did not deliver wait for the next one."""
        with self._changed:
            self._connection.disconnected()
            self._retained.disconnected()
            repeated = [each.key for each in self._in_flight.values() if each.is_repeated]
            cause = self._suspects.broken(repeated)
            left_out = next((each for each in self._in_flight.values() if each.key == cause), None)
            is_new_refusal = left_out is not None and self._leave_out(left_out)
            self._take_back_in_flight()
            self._changed.notify_all()
        if left_out is not None and is_new_refusal:
            n_bytes = packet_bytes(left_out.topic, left_out.payload)
            _log.warning(
                "broker %s ends the connection behind each message on %s of %d bytes: it is left out",
                self.link.address,
                left_out.topic,
                n_bytes,
            )

    def acknowledged(self, message_id: int, *, refusal: str, is_final: bool) -> None:
        """Settle a message that the broker has acknowledged or refused."""
        answer = Answer(refusal, is_final)
        with self._changed:
            message = self._in_flight.pop(message_id, None)
            if message is None:
                self._early_answers[message_id] = answer
                return
            self._suspects.answered(message.key)
            is_new_refusal = self._settle(message, answer)
            if self._is_drained():
                self._suspects.drained()
        if is_new_refusal:
            self._log_refusal(message, answer)

    def received(self, topic: str, payload: bytes) -> None:
        """Call the handlers of a topic."""
        with self._changed:
            handlers = self._retained.handlers_of(topic)
        for handler in handlers:
            try:
                handler(topic, payload)
            except Exception:  # noqa: BLE001 - whatever it is, the connection must not end with it
                _log.exception("a message on %s could not be handled", topic)

    def status_changed(self, line: str, *, is_up: bool) -> None:
        """Log the state of the connection."""
        _log.log(logging.INFO if is_up else logging.WARNING, "%s", line)

    # Conditions and transitions

    def _is_drained(self) -> bool:
        """Locked: whether the broker has acknowledged everything that can be sent."""
        return not (
            self._retained.has_unsent or self._in_flight or self._waiting or self._has_unsent_event()
        )

    def _has_work(self) -> bool:
        """Locked: whether the sender has anything to do."""
        return self._is_closing or self._is_sendable() or self._is_writing_due()

    def _poll_s(self) -> float | None:
        """Locked: seconds until the sender looks again unasked; None if time alone changes nothing."""
        outages = (self._writing, self._reading, self._accepting)
        is_timed = bool(self._answered) or any(outage.is_on for outage in outages)
        is_aging = bool(self._in_flight) or (self._spool is not None and bool(self._waiting))
        is_any = is_timed or is_aging or self._connection.is_first or self._is_held()
        return _POLL_S if is_any else None

    def _is_sendable(self) -> bool:
        """Locked: whether the connection can take a message, and there is one."""
        has_room = self._connection.is_up and len(self._in_flight) < self._max_in_flight()
        has_message = self._is_state_next() or self._has_unsent_event()
        return has_room and has_message and not self._is_held()

    def _is_held(self) -> bool:
        """Locked: whether the next message is a suspect that this connection is too young for."""
        suspect = self._suspects.alone
        if suspect is None or self._connection.age_s >= self._limits.calm_s:
            return False
        if self._is_state_next():
            return self._retained.next_topic == suspect
        numbers = [place[0].number for place in (self._read_ahead, self._waiting) if place]
        return min(numbers, default=None) == suspect

    def _max_in_flight(self) -> int:
        """Locked: messages that may wait for their acknowledgement; one while a message is suspected."""
        return 1 if self._suspects.are_there else self.link.limits.max_in_flight

    def _is_state_next(self) -> bool:
        """Locked: whether the next message is no event; half of those in flight are left to events."""
        n_in_flight = sum(message.event is None for message in self._in_flight.values())
        return self._retained.has_unsent and n_in_flight < max(1, self._max_in_flight() // 2)

    def _has_unsent_event(self) -> bool:
        """Locked: whether an event could be sent now."""
        has_event = bool(self._read_ahead) or self._is_waiting_sendable() or self._is_disk_unread()
        return has_event and self._accepting.may_try

    def _is_reading_due(self) -> bool:
        """Locked: whether the next event to send must be read from the disk first."""
        return self._is_sendable() and not self._read_ahead and self._is_disk_unread()

    def _is_disk_unread(self) -> bool:
        """Locked: whether the disk has events that were not read on this connection."""
        if self._spool is None or not self._reading.may_try:
            return False
        if self._reading.is_on:
            return True
        return self._n_stored > 0 and (self._read_up_to is None or self._read_up_to < self._last_stored)

    def _is_waiting_sendable(self) -> bool:
        """Locked: whether the first WAITING event may be sent without being on the disk."""
        if not self._waiting:
            return False
        return not self._stores_every_event or self._writing.is_on

    def _is_storing_due(self) -> bool:
        """Locked: whether WAITING events must go to the disk."""
        is_wanted = (
            self._stores_every_event
            or self._connection.is_away
            or len(self._waiting) > self._limits.max_in_memory
            or self._is_overdue()
        )
        return is_wanted and bool(self._waiting)

    def _is_overdue(self) -> bool:
        """Locked: whether an event has been in memory alone for too long."""
        before_s = self._clock.now_s - self._limits.store_after_s
        return any(event.taken_s <= before_s for event in self._in_memory_alone())

    def _in_memory_alone(self) -> Iterator[QueuedEvent]:
        """Locked: the first WAITING event, and those IN FLIGHT in memory alone."""
        yield from itertools.islice(self._waiting, 1)
        yield from (each.event for each in self._in_flight.values() if each.event and not each.is_stored)

    def _overdue_in_flight(self) -> list[QueuedEvent]:
        """Locked: all events IN FLIGHT in memory alone, if one of them or of WAITING is overdue."""
        messages = self._in_flight.values() if self._is_overdue() else ()
        return [each.event for each in messages if each.event is not None and not each.is_stored]

    def _numbers_in_flight(self) -> set[int]:
        """Locked: the numbers of the events IN FLIGHT."""
        return {each.event.number for each in self._in_flight.values() if each.event is not None}

    def _is_writing_due(self) -> bool:
        """Locked: whether there is anything to write to the disk."""
        if self._spool is None or not self._writing.may_try:
            return False
        is_old = time.monotonic() - self._first_answer_s >= _REMOVE_DELAY_S
        is_removing = bool(self._answered) and (is_old or len(self._answered) >= _REMOVE_BATCH)
        return is_removing or self._is_storing_due() or self._is_overdue()

    def _is_committed(self, number: int) -> bool:
        """Locked: whether an event that has to be on the disk is there, or the disk fails."""
        return not self._stores_every_event or number <= self._stored_up_to or self._writing.is_on

    def _drop_oldest(self) -> int:
        """Locked: drop WAITING events beyond the limit; return the limit."""
        limit = self._limits.max_in_memory
        if self._spool is not None and not self._writing.is_on:
            # They leave for the disk at once; this only bounds what a disk that hangs can pile up.
            limit += self._spool.max_events
        while len(self._waiting) > limit:
            self._waiting.popleft()
            self._n_dropped_from_memory += 1
        return limit

    def _pop(self) -> Message | None:
        """Locked: take the next message: retained state, transient messages, then events by number."""
        if self._is_state_next():
            topic, payload, is_retained = self._retained.pop()
            return Message(topic, payload, is_retained=is_retained)
        if not self._accepting.may_try:
            return None
        if self._is_reading_due():
            # The connection has changed since ``_read_if_due``; the disk may hold older events.
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
        """Locked: the message that carries an event."""
        is_replayed = event.number < self._connection.first_live_number
        return Message(
            event.topic, event.payload, event=event, is_stored=is_stored, is_replayed=is_replayed
        )

    def _take_back_in_flight(self) -> None:
        """Locked: return events IN FLIGHT to WAITING; stored ones will be read again."""
        messages = tuple(self._in_flight.values())
        self._in_flight.clear()
        self._early_answers.clear()
        self._return_to_waiting(
            each.event for each in messages if each.event is not None and not each.is_stored
        )

    def _return_to_waiting(self, events: Iterable[QueuedEvent]) -> None:
        """Locked: add events to WAITING by their numbers, and read the disk from its start again."""
        self._waiting = deque(heapq.merge(events, self._waiting, key=attrgetter("number")))
        self._read_ahead.clear()
        self._read_up_to = None

    def _settle(self, message: Message, answer: Answer) -> bool:
        """Locked: note the broker's answer; return whether it is a refusal that was not logged yet."""
        refusal = answer.refusal
        if message.event is not None and not answer.is_final:
            self._postpone(message.event, is_stored=message.is_stored)
        elif message.event is not None:
            if message.is_stored:
                self._note_answered(message.event.number)
            self._n_refused += bool(refusal)
            self._accepting.worked()
        self._changed.notify_all()
        if not refusal or (message.topic, refusal) in self._logged_refusals:
            return False
        self._logged_refusals.add((message.topic, refusal))
        return True

    def _leave_out(self, message: Message) -> bool:
        """Locked: send a message IN FLIGHT no more; return whether it is the first on its topic."""
        self._in_flight = {key: each for key, each in self._in_flight.items() if each is not message}
        if message.event is None:
            self._retained.leave_out(message.topic, packet_bytes(message.topic, message.payload))
        return self._settle(message, Answer("it ends the connection"))

    def _note_answered(self, number: int) -> None:
        """Locked: note that an event on the disk is ANSWERED."""
        if not self._answered:
            self._first_answer_s = time.monotonic()
        self._answered.add(number)

    def _postpone(self, event: QueuedEvent, *, is_stored: bool) -> None:
        """Locked: return an event to its place by its number, and send no event for a while."""
        self._accepting.failed()
        self._insert(self._read_ahead if is_stored else self._waiting, event)

    def _insert(self, place: deque[QueuedEvent], event: QueuedEvent) -> None:
        """Locked: insert an event into events by its number."""
        bisect.insort(place, event, key=attrgetter("number"))

    def _log_refusal(self, message: Message, answer: Answer) -> None:
        now = "" if answer.is_final else " for now"
        about = f"does not accept {message.topic}{now}"
        _log.warning("broker %s %s: %s", self.link.address, about, answer.refusal)


def remaining_s(deadline_s: float) -> float:
    """Seconds until a deadline of the monotonic clock, at least 0.1."""
    return max(_MIN_STEP_S, deadline_s - time.monotonic())

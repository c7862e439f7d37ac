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
                      │    ▼                           │           ▼
                    IN FLIGHT, in memory alone         └────── IN FLIGHT, stored
                     (_in_flight)                              (_in_flight)
                        │                                          │
                        │ [L] acknowledged or refused for good     │ [L] acknowledged or refused for good
                        ▼                                          ▼       [S] write
                       gone                                    ANSWERED ───────────────▶ gone
                                                               (_answered)

An event that the broker refuses for now (MQTT 5: quota exceeded) goes back to WAITING or READ AHEAD,
and no event is sent for ``RETRY_S``.

States of the connection (``ConnectionState``)::

                 [L] connected                        [L] disconnected
    CONNECTING ─────────────────▶ CONNECTED ──────────────────────────────▶ AWAY
        │                             ▲                                      │ ▲
        │                             └──────────── [L] connected ───────────┘ │
        └─────────────── [L] disconnected, or after 3 s by itself ─────────────┘

Events are written while the broker is AWAY, while too many are WAITING, and at the end; with
``stores_every_event`` always, and then WAITING events are not sent unless the disk fails. An event that
was put before the connection came back from AWAY is marked as replayed.

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

import contextlib
import heapq
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, Protocol

from serd.errors import SpoolError
from serd.mqtt.retained import Handler, RetainedState
from serd.mqtt.spool import BEFORE_ALL, QueuedEvent, Spool

_log = logging.getLogger("serd.mqtt")

RETRY_S = 30.0
"""Pause between two attempts at an operation that fails, in seconds."""
_FIRST_CONNECTION_S: Final = 3.0
"""Time for the first connection, in seconds, after which the broker counts as away."""
_COMMIT_TIMEOUT_S: Final = 0.5
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
    max_in_flight: int

    def publish(self, topic: str, payload: str, *, is_retained: bool) -> int | None:
        """Send a message; return its id, or None if there is no connection."""
        ...

    def subscribe(self, topic_filter: str) -> None:
        """Subscribe for as long as the connection lasts."""
        ...


@dataclass(frozen=True, slots=True)
class _Answer:
    """The broker's answer to a message."""

    refusal: str
    """Why it was refused; empty if it was taken."""
    is_final: bool = True
    """False if the message may be taken later."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message to the broker."""

    topic: str
    payload: str
    is_retained: bool = False
    event: QueuedEvent | None = None
    """None for a message that is no event."""
    is_stored: bool = False
    """Whether the event is on the disk."""
    is_replayed: bool = False
    """Whether the event is marked as replayed."""


class ConnectionState:
    """The state of the connection to the broker. The owner of this object locks it."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Begin with the first connection under way.

        Args:
            monotonic: the clock, in seconds.
        """
        self._monotonic = monotonic
        self._started_s = monotonic()
        self._is_lost = False
        self.is_up = False
        """Whether there is a connection."""
        self.epoch = 0
        """Number of connections, of their ends and of failed attempts so far."""
        self.first_live_number = 1
        """Number of the first event that is not marked as replayed."""

    @property
    def is_first(self) -> bool:
        """Whether the first connection is still under way."""
        return self.epoch == 0

    @property
    def is_away(self) -> bool:
        """Whether the connection was lost, or the first takes too long."""
        is_overdue = self.is_first and self._monotonic() - self._started_s > _FIRST_CONNECTION_S
        return self._is_lost or is_overdue

    def connected(self, next_number: int) -> None:
        """Note a new connection; ``next_number`` is that of the event that will be put next."""
        if self.is_away:
            self.first_live_number = next_number
        self.epoch += 1
        self.is_up, self._is_lost = True, False

    def disconnected(self) -> None:
        """Note the end of a connection, or a failed attempt."""
        self.epoch += 1
        self.is_up, self._is_lost = False, True


class Outage:
    """Whether an operation keeps failing. The owner of this object locks it."""

    def __init__(self) -> None:
        self.is_on = False
        self._failed_s = 0.0

    @property
    def may_try(self) -> bool:
        """Whether the operation works, or failed ``RETRY_S`` ago."""
        return not self.is_on or time.monotonic() - self._failed_s >= RETRY_S

    def failed(self) -> bool:
        """Note a failure; return whether it begins an outage."""
        is_new, self.is_on = not self.is_on, True
        self._failed_s = time.monotonic()
        return is_new

    def worked(self) -> bool:
        """Note a success; return whether it ends an outage."""
        was_on, self.is_on = self.is_on, False
        return was_on


class EventQueue:
    """Sends events, retained state and transient messages over any number of connections.

    After construction: ``attach`` the link, start the sender's thread with ``start``, start the link.
    """

    link: Transport

    def __init__(
        self,
        spool: Spool | None,
        *,
        max_in_memory: int,
        stores_every_event: bool,
        online: Message,
        offline: Message,
        as_replayed: Callable[[str], str],
        monotonic: Callable[[], float] = time.monotonic,
        commit_timeout_s: float = _COMMIT_TIMEOUT_S,
    ) -> None:
        """Create a queue without a connection.

        Args:
            spool: stores events on the disk; None keeps them in memory alone.
            max_in_memory: events that may wait in memory; beyond it they go to the disk, or without a
                spool the oldest are dropped.
            stores_every_event: whether each event is on the disk before it is sent.
            online: retained message that each connection begins with.
            offline: retained message that ``close`` ends the connection with, on the same topic.
            as_replayed: marks the JSON of an event as replayed.
            monotonic: clock of the connection, in seconds.
            commit_timeout_s: longest wait of ``put`` for the disk with ``stores_every_event``.
        """
        self._spool = spool
        self._max_in_memory = max_in_memory
        self._stores_every_event = stores_every_event and spool is not None
        self._as_replayed = as_replayed
        self._commit_timeout_s = commit_timeout_s
        self._offline = offline
        self._sender = threading.Thread(target=self.run, name="serd-mqtt", daemon=True)

        self._changed = threading.Condition()
        self._connection = ConnectionState(monotonic)
        self._retained = RetainedState(online.topic, online.payload)
        self._is_closing = False
        self._close_deadline_s = 0.0

        self._n_put = 0
        self._waiting: deque[QueuedEvent] = deque()
        self._read_ahead: deque[QueuedEvent] = deque()
        self._read_up_to: int | None = None
        """Last number read from the disk on this connection; None if nothing was read."""
        self._in_flight: dict[int, Message] = {}
        self._early_answers: dict[int, _Answer] = {}
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

    def start(self) -> None:
        """Start the sender's thread."""
        self._sender.start()

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
            self._waiting.append(QueuedEvent(number, event_id, topic, payload, time.time()))
            has_dropped = self._n_dropped_from_memory > 0
            limit = self._drop_oldest()
            is_first_drop = not has_dropped and self._n_dropped_from_memory > 0
            self._changed.notify_all()
        if is_first_drop:
            _log.warning("%d events wait for the broker: the oldest are dropped", limit)
        with self._changed:
            self._changed.wait_for(
                lambda: self._is_closing or self._is_committed(number), self._commit_timeout_s
            )

    def retain(self, topic: str, payload: str) -> None:
        """Set the retained value of a topic; it is sent now, and again on each new connection."""
        with self._changed:
            self._retained.retain(topic, payload)
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

    def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """Call a handler with each message whose topic matches, on this and all later connections."""
        with self._changed:
            must_subscribe = self._retained.subscribe(topic_filter, handler)
        if must_subscribe:
            self.link.subscribe(topic_filter)

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
        self._sender.join(remaining_s(deadline_s))

    # The sender's thread

    def run(self) -> None:
        """Write and send whatever is due, until ``close``.

        No exception ends the sender: an unexpected one of the spool counts as a failure of the disk, and
        after any other one the sender pauses and tries again.
        """
        self._attempt(self.open)
        is_closing = False
        while not is_closing:
            with self._changed:
                self._changed.wait_for(self._has_work, self._poll_s())
                is_closing = self._is_closing
            self._attempt(self._write_and_send)
        self._attempt(self._say_goodbye)
        self._attempt(self.finish)

    def _attempt(self, step: Callable[[], None]) -> None:
        """Run one step of the sender; after an exception, log it once and pause until the next step."""
        try:
            step()
        except Exception:  # noqa: BLE001 - whatever it is, the events must not wait for ever
            if self._sending.failed():
                _log.exception("events cannot be sent; trying again each %g s", RETRY_S)
            with self._changed:
                self._changed.wait_for(lambda: self._is_closing, RETRY_S)
        else:
            if self._sending.worked():
                _log.info("events are sent again")

    def _write_and_send(self) -> None:
        self.write()
        while self.send_next():
            pass

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
        """Write to the disk what is due: WAITING events to store, ANSWERED ones to remove."""
        with self._changed:
            if self._spool is None or not self._is_writing_due():
                return
            is_storing = self._is_storing_due()
            new = [event for event in self._waiting if is_storing and self._is_storable(event)]
            answered = tuple(self._answered)
        self._update(self._spool, new, answered)

    def send_next(self) -> bool:
        """Send the next message; return whether there was one that the connection could take."""
        self._read_if_due()
        with self._changed:
            message = self._pop() if self._is_sendable() and not self._is_closing else None
            epoch = self._connection.epoch
        if message is None:
            return False
        self._publish(message, epoch)
        return True

    def finish(self) -> None:
        """Write all events that are not acknowledged to the disk, and close it."""
        with self._changed:
            self._take_back_in_flight()
            new = tuple(self._waiting)
            answered = tuple(self._answered)
        if self._spool is None:
            return
        if new or answered:
            self._update(self._spool, new, answered)
        self._spool.close()

    def _update(self, spool: Spool, new: Sequence[QueuedEvent], answered: Sequence[int]) -> None:
        n_dropped = spool.n_dropped
        try:
            spool.update(store=new, remove=answered)
        except Exception as exc:  # noqa: BLE001 - see ``_disk_failed``
            about = "events cannot be stored on the disk and wait in memory"
            self._disk_failed(spool, self._writing, exc, about)
            return
        with self._changed:
            stored = {event.number for event in new}
            self._waiting = deque(event for event in self._waiting if event.number not in stored)
            self._answered.difference_update(answered)
            self._stored_up_to = max([self._stored_up_to, *stored])
            has_recovered = self._writing.worked()
            self._copy_counts(spool)
        if has_recovered:
            _log.info("events are stored in %s again", spool.path)
        if spool.n_dropped and not n_dropped:
            _log.warning("%d events are stored on the disk: the oldest are dropped", spool.n_stored)
        self._close_if_empty(spool)

    def _read_if_due(self) -> None:
        with self._changed:
            is_event_next = self._is_reading_due() and not self._retained.has_unsent
            if self._spool is None or self._is_closing or not is_event_next:
                return
            after = BEFORE_ALL if self._read_up_to is None else self._read_up_to
            epoch = self._connection.epoch
        spool = self._spool
        try:
            events = spool.read(_READ_BATCH, after=after)
        except Exception as exc:  # noqa: BLE001 - see ``_disk_failed``
            self._disk_failed(spool, self._reading, exc, "events on the disk cannot be read")
            return
        with self._changed:
            if epoch == self._connection.epoch:
                self._read_ahead.extend(each for each in events if each.number not in self._answered)
                self._read_up_to = events[-1].number if events else spool.last_number
            # Else the connection has ended meanwhile, and the next one reads them again.
            has_recovered = self._reading.worked()
            self._copy_counts(spool)
        if has_recovered:
            _log.info("events are read from %s again", spool.path)

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
        answer: _Answer | None = None
        try:
            payload = self._as_replayed(message.payload) if message.is_replayed else message.payload
            message_id = self.link.publish(message.topic, payload, is_retained=message.is_retained)
        except ValueError as exc:
            # No broker accepts it: a topic with a wildcard, or a text that UTF-8 cannot express.
            answer = _Answer(str(exc))
        except Exception:
            self._put_back(message, epoch)
            raise
        is_new_refusal = False
        with self._changed:
            if message_id is not None and epoch == self._connection.epoch:
                answer = self._early_answers.pop(message_id, None)
                if answer is None:
                    self._in_flight[message_id] = message
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
            self._retained.connected()
            self._changed.notify_all()
            topic_filters = self._retained.topic_filters
        for topic_filter in topic_filters:
            self.link.subscribe(topic_filter)

    def disconnected(self) -> None:
        """End a connection: events that it did not deliver wait for the next one."""
        with self._changed:
            self._connection.disconnected()
            self._retained.disconnected()
            self._take_back_in_flight()
            self._changed.notify_all()

    def acknowledged(self, message_id: int, *, refusal: str, is_final: bool) -> None:
        """Settle a message that the broker has acknowledged or refused."""
        answer = _Answer(refusal, is_final)
        with self._changed:
            message = self._in_flight.pop(message_id, None)
            if message is None:
                self._early_answers[message_id] = answer
                return
            is_new_refusal = self._settle(message, answer)
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
        return _POLL_S if is_timed or self._connection.is_first else None

    def _is_sendable(self) -> bool:
        """Locked: whether the connection can take a message, and there is one."""
        has_room = self._connection.is_up and len(self._in_flight) < self.link.max_in_flight
        return has_room and (self._retained.has_unsent or self._has_unsent_event())

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
        must_store = self._stores_every_event and not self._writing.is_on
        return not must_store or not self._is_storable(self._waiting[0])

    def _is_storable(self, event: QueuedEvent) -> bool:
        """Locked: whether the event, once stored, would still be read: reading only goes forward."""
        return self._read_up_to is None or event.number > self._read_up_to

    def _is_storing_due(self) -> bool:
        """Locked: whether WAITING events must go to the disk."""
        is_wanted = (
            self._stores_every_event
            or self._connection.is_away
            or len(self._waiting) > self._max_in_memory
        )
        return is_wanted and bool(self._waiting) and self._is_storable(self._waiting[-1])

    def _is_writing_due(self) -> bool:
        """Locked: whether there is anything to write to the disk."""
        if self._spool is None or not self._writing.may_try:
            return False
        is_old = time.monotonic() - self._first_answer_s >= _REMOVE_DELAY_S
        is_removing = bool(self._answered) and (is_old or len(self._answered) >= _REMOVE_BATCH)
        return is_removing or self._is_storing_due()

    def _is_committed(self, number: int) -> bool:
        """Locked: whether an event that has to be on the disk is there, or the disk fails."""
        return not self._stores_every_event or number <= self._stored_up_to or self._writing.is_on

    def _drop_oldest(self) -> int:
        """Locked: drop WAITING events beyond the limit; return the limit."""
        limit = self._max_in_memory
        if self._spool is not None and not self._writing.is_on:
            # They leave for the disk at once; this only bounds what a disk that hangs can pile up.
            limit += self._spool.max_events
        while len(self._waiting) > limit:
            self._waiting.popleft()
            self._n_dropped_from_memory += 1
        return limit

    def _pop(self) -> Message | None:
        """Locked: take the next message: retained state, transient messages, then events by number."""
        if self._retained.has_unsent:
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

    def _settle(self, message: Message, answer: _Answer) -> bool:
        """Locked: note the broker's answer; return whether it is a refusal that was not logged yet."""
        refusal = answer.refusal
        if message.event is not None and not answer.is_final:
            self._postpone(message.event, is_stored=message.is_stored)
        elif message.event is not None:
            if message.is_stored:
                if not self._answered:
                    self._first_answer_s = time.monotonic()
                self._answered.add(message.event.number)
            self._n_refused += bool(refusal)
            self._accepting.worked()
        self._changed.notify_all()
        if not refusal or (message.topic, refusal) in self._logged_refusals:
            return False
        self._logged_refusals.add((message.topic, refusal))
        return True

    def _postpone(self, event: QueuedEvent, *, is_stored: bool) -> None:
        """Locked: return an event to its place by its number, and send no event for a while."""
        self._accepting.failed()
        place = self._read_ahead if is_stored else self._waiting
        merged = tuple(heapq.merge([event], place, key=attrgetter("number")))
        place.clear()
        place.extend(merged)

    def _log_refusal(self, message: Message, answer: _Answer) -> None:
        now = "" if answer.is_final else " for now"
        about = f"does not accept {message.topic}{now}"
        _log.warning("broker %s %s: %s", self.link.address, about, answer.refusal)


def remaining_s(deadline_s: float) -> float:
    """Seconds until a deadline of the monotonic clock, at least 0.1."""
    return max(_MIN_STEP_S, deadline_s - time.monotonic())

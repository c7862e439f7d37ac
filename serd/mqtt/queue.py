"""Delivers events, retained state and transient messages over any number of connections.

``serd.mqtt.queue_state`` says where each event is and what comes next; this module does it, with
``serd.mqtt.queue_disk`` for the disk.

Threads: [C] a caller of ``put``, ``retain``, ``send``, ``subscribe`` or ``close``; [S] the sender, which
runs ``run``; [L] the link's thread, which calls the methods of ``LinkListener``.

Locking: one lock, that of ``_changed``, guards the state and all other fields but the spool, which
belongs to the sender. The lock is held to look at the state and to change it, and never during

- a call of the link: the link's thread holds a lock of paho's when it calls the queue;
- a call of the spool: the disk may be slow;
- a call of a handler, or of the log.

So the sender, which alone sends events and uses the spool, works in three steps: decide under the lock,
act without it, note the result under the lock.

If a message stays in flight for ``ANSWER_TIMEOUT_S``, the connection is given up.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from serd.mqtt.clock import EventClock
from serd.mqtt.limits import BrokerLimits, packet_bytes
from serd.mqtt.message import Answer, Message, Refused
from serd.mqtt.outage import Outage
from serd.mqtt.queue_disk import QueueDisk
from serd.mqtt.queue_state import QueueLimits, QueueState
from serd.mqtt.retained import Document
from serd.mqtt.rows import MoveTime
from serd.mqtt.spool import Spool
from serd.mqtt.subscriptions import Handler, Subscriptions
from serd.mqtt.threads import Thread, Threads

_log = logging.getLogger("serd.mqtt")

ANSWER_TIMEOUT_S = 60.0
"""Time for the broker to acknowledge a message, in seconds, after which the connection is given up."""
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
        self._limits = limits
        self._as_replayed = as_replayed
        self._move_time = move_time
        self._clock = clock
        self._offline = offline
        self._sender: Thread | None = None
        self._sending = Outage()
        """Unexpected exceptions of the sender, which alone uses this one."""

        self._changed = threading.Condition()
        max_on_disk = None if spool is None else spool.max_events
        self._state = QueueState(limits, max_on_disk=max_on_disk, online=online, clock=clock)
        self._disk = None if spool is None else QueueDisk(spool, self._state, self._changed)
        self._subscriptions = Subscriptions()
        self._close_deadline_s = 0.0

    def attach(self, link: Transport) -> None:
        """Set the link that carries the messages; call it before both are started."""
        self.link = link

    def start(self, threads: Threads) -> None:
        """Start the sender's thread."""
        self._sender = threads.start("mqtt", self.run)

    @property
    def n_in_memory(self) -> int:
        """Events that wait in memory alone."""
        with self._changed:
            return self._state.n_in_memory

    @property
    def n_on_disk(self) -> int:
        """Events on the disk that the broker has not acknowledged."""
        with self._changed:
            return self._state.n_on_disk

    @property
    def n_in_flight(self) -> int:
        """Messages that were sent and not yet acknowledged."""
        with self._changed:
            return self._state.n_in_flight

    @property
    def n_dropped(self) -> int:
        """Events that were dropped because there were too many, or they were too old."""
        with self._changed:
            return self._state.n_dropped

    @property
    def n_refused(self) -> int:
        """Events that the broker refused, which only MQTT 5 reports, or that no broker accepts."""
        with self._changed:
            return self._state.n_refused

    # Callers' threads

    def put(self, event_id: str, topic: str, payload: str) -> None:
        """Put an event into the queue.

        Never waits for the broker. With ``stores_every_event`` the event is on the disk on return,
        unless the disk fails or takes longer than ``commit_timeout_s``.
        """
        state = self._state
        with self._changed:
            had_dropped = state.n_dropped_from_memory > 0
            number = state.put(event_id, topic, payload)
            is_first_drop = not had_dropped and state.n_dropped_from_memory > 0
            limit = state.max_waiting
            self._changed.notify_all()
        if is_first_drop:
            _log.warning("%d events wait for the broker: the oldest are dropped", limit)
        with self._changed:
            self._changed.wait_for(
                lambda: state.is_closing or state.is_committed(number), self._limits.commit_timeout_s
            )

    def retain(self, topic: str, payload: str) -> None:
        """Set the retained value of a topic; it is sent now, and again on each new connection."""
        with self._changed:
            self._state.retained.retain(topic, payload)
            self._changed.notify_all()

    def retain_document(self, name: str, document: Document) -> None:
        """Set a document that is retained in as many messages as the broker needs."""
        with self._changed:
            self._state.retained.retain_document(name, document)
            self._changed.notify_all()

    def repeat_retained(self) -> None:
        """Send the retained values of all topics again, unless the end, which is offline, has begun."""
        with self._changed:
            if not self._state.is_closing:
                self._state.retained.repeat()
                self._changed.notify_all()

    def send(self, topic: str, payload: str) -> None:
        """Send a transient message, not retained; it is dropped while there is no connection."""
        with self._changed:
            self._state.retained.send(topic, payload)
            self._changed.notify_all()

    def subscribe(self, topic: str, handler: Handler) -> None:
        """Call a handler with each message on a topic, on this and all later connections."""
        with self._changed:
            is_new = self._subscriptions.add(topic, handler)
            must_subscribe = is_new and self._state.connection.is_up
        if must_subscribe:
            self.link.subscribe(topic)

    def close(self, timeout_s: float) -> None:
        """Wait for the broker to acknowledge everything, publish ``offline`` and end the sender.

        Events that are not acknowledged within ``timeout_s`` seconds are written to the disk.
        """
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            self._changed.wait_for(lambda: self._state.is_drained, max(0.0, timeout_s - _GOODBYE_S))
            self._state.is_closing = True
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
        if self._disk is not None:
            self._disk.thread = thread
        self._attempt(self.open, thread)
        is_closing = False
        while not is_closing:
            with self._changed, thread.waiting("events"):
                if not self._state.has_work:
                    # Not ``wait_for``: a change may bring no work yet, but a time to look again.
                    self._changed.wait(self._state.poll_s)
                is_closing = self._state.is_closing
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
                self._changed.wait_for(lambda: self._state.is_closing, self._sending.pause_s)
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
        if self._disk is not None:
            self._disk.open()

    def write(self) -> None:
        """Write to the disk what is due: events in memory to store, answered ones to remove."""
        self._follow_clock()
        with self._changed:
            change = self._state.disk_change
        if self._disk is not None and change is not None:
            self._disk.update(change)

    def give_up_stalled(self) -> None:
        """Give up a connection on which a message is not acknowledged; the next one may be better."""
        with self._changed:
            oldest = self._state.oldest_in_flight
        if oldest is not None and self._clock.steady_s() - oldest.sent_s >= ANSWER_TIMEOUT_S:
            self.link.give_up(f"it has not acknowledged {oldest.topic} for {ANSWER_TIMEOUT_S:g} s")

    def send_next(self) -> bool:
        """Send the next message; return whether there was one that the connection could take."""
        while self._disk is not None and self._disk.read_if_due():
            pass
        with self._changed:
            message = self._state.pop()
            epoch = self._state.connection.epoch
        if message is None:
            return False
        self._publish(message, epoch)
        return True

    def finish(self) -> None:
        """Write all events that are not acknowledged to the disk, and close it."""
        self._follow_clock()
        with self._changed:
            change = self._state.take_back()
        if self._disk is None:
            return
        if change.new or change.answered:
            self._disk.update(change)
        self._disk.close()

    def _follow_clock(self) -> None:
        """If the clock was stepped, move the times of this run's events, in memory and on the disk."""
        with self._changed:
            step_s = self._clock.take_step()
            if not step_s:
                return
            self._state.move_times(step_s, self._move_time)
        _log.info("the clock was set %+.0f s; the times of waiting events are moved with it", step_s)
        if self._disk is not None:
            self._disk.follow_clock()

    def _publish(self, message: Message, epoch: int) -> None:
        """Hand a message, which was taken on the connection of ``epoch``, to the link."""
        message_id: int | None = None
        answer: Answer | None = None
        try:
            payload = self._as_replayed(message.payload) if message.is_replayed else message.payload
            message_id = self.link.publish(message.topic, payload, is_retained=message.is_retained)
        except ValueError as exc:
            # No broker accepts it: its topic has a wildcard, or its text cannot be encoded as UTF-8.
            answer = Answer(str(exc))
        except BaseException:
            with self._changed:
                self._state.put_back(message, epoch)
            raise
        with self._changed:
            if answer is None:
                refused = self._state.sent(message, message_id, epoch)
            else:
                refused = self._state.settle(message, answer)
            self._changed.notify_all()
        self._log_refusal(refused)

    def _say_goodbye(self) -> None:
        with self._changed:
            is_up, epoch = self._state.connection.is_up, self._state.connection.epoch
        if is_up:
            self._publish(self._offline, epoch)
        with self._changed:
            timeout_s = remaining_s(self._close_deadline_s - 2 * _MIN_STEP_S)
            self._changed.wait_for(lambda: not self._state.n_in_flight, timeout_s)

    # The link's thread (``LinkListener``)

    def connected(self) -> None:
        """Begin a connection: subscribe, schedule the retained state, then the events."""
        with self._changed:
            self._state.connected(self.link.limits)
            self._changed.notify_all()
            topics = self._subscriptions.topics
        for topic in topics:
            self.link.subscribe(topic)

    def disconnected(self) -> None:
        """End a connection: events that it did not deliver wait for the next one."""
        with self._changed:
            left_out = self._state.disconnected()
            self._changed.notify_all()
        if left_out is not None:
            message = left_out.message
            _log.warning(
                "broker %s closes the connection after each message on %s of %d bytes;"
                " this message is no longer sent",
                self.link.address,
                message.topic,
                packet_bytes(message.topic, message.payload),
            )

    def acknowledged(self, message_id: int, *, refusal: str, is_final: bool) -> None:
        """Settle a message that the broker has acknowledged or refused."""
        with self._changed:
            refused = self._state.acknowledged(message_id, Answer(refusal, is_final))
            self._changed.notify_all()
        self._log_refusal(refused)

    def received(self, topic: str, payload: bytes) -> None:
        """Call the handlers of a topic."""
        with self._changed:
            handlers = self._subscriptions.handlers_of(topic)
        for handler in handlers:
            try:
                handler(topic, payload)
            except Exception:  # noqa: BLE001 - whatever it is, the connection must not end with it
                _log.exception("a message on %s could not be handled", topic)

    def status_changed(self, line: str, *, is_up: bool) -> None:
        """Log the state of the connection."""
        _log.log(logging.INFO if is_up else logging.WARNING, "%s", line)

    def _log_refusal(self, refused: Refused | None) -> None:
        """Log a refusal that is new; called without the lock."""
        if refused is not None:
            now = "" if refused.answer.is_final else " for now"
            about = f"does not accept {refused.message.topic}{now}"
            _log.warning("broker %s %s: %s", self.link.address, about, refused.answer.refusal)


def remaining_s(deadline_s: float) -> float:
    """Seconds until a deadline of the monotonic clock, at least 0.1."""
    return max(_MIN_STEP_S, deadline_s - time.monotonic())

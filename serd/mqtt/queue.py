"""What goes to the broker, and what comes from it, over any number of connections.

    put -> backlog -> (sender thread) -> in flight -> acknowledged

An event is ours until the broker has acknowledged it. When a connection ends, what was in flight returns
to the backlog, and the next connection begins with it; what the broker took without our knowing is sent
twice. Other messages are present values, told again on each connection, or mere passing ones.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from serd.mqtt.backlog import Backlog
from serd.mqtt.link import Link
from serd.mqtt.retained import Handler, RetainedState
from serd.mqtt.settings import Settings
from serd.mqtt.spool import QueuedEvent


@dataclass(frozen=True, slots=True)
class Message:
    """One message to a broker."""

    topic: str
    """Where it goes."""
    payload: str
    """What it says."""
    is_retained: bool = False
    """Whether the broker keeps it for those who come later."""
    event: QueuedEvent | None = None
    """None for what is no event."""
    is_stored: bool = False
    """Whether the event is on the disk."""


class InFlight:
    """Messages by the ids that a link has given them. It locks nothing: whoever owns it does.

    The answer may come before the sender has learned the id: it waits here until he has.
    """

    def __init__(self) -> None:
        """There are none."""
        self._messages: dict[int, Message] = {}
        self._early: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._messages)

    def sent(self, message_id: int, message: Message) -> str | None:
        """Note a message; None, or what is said of it where the answer is there already."""
        refusal = self._early.pop(message_id, None)
        if refusal is None:
            self._messages[message_id] = message
        return refusal

    def answered(self, message_id: int, refusal: str) -> Message | None:
        """The message that the broker has taken or refused, no longer noted; None if it never was."""
        message = self._messages.pop(message_id, None)
        if message is None:
            self._early[message_id] = refusal
        return message

    def take_back(self) -> list[QueuedEvent]:
        """Forget all of them; the events that are nowhere else, in their order."""
        messages = tuple(self._messages.values())
        self._messages.clear()
        self._early.clear()
        return [each.event for each in messages if each.event is not None and not each.is_stored]


_FIRST_ATTEMPT_S: Final = 3.0
"""How long the first connection may take before the broker counts as away."""


class ConnectionState:
    """How the connection to a broker stands. It locks nothing: whoever owns it does."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """The first connection is under way.

        Args:
            monotonic: the clock, in seconds.
        """
        self._monotonic = monotonic
        self._started_s = monotonic()
        self._is_lost = False
        self.is_up = False
        """Whether there is a connection."""
        self.number = 0
        """Counts connections and their ends."""
        self.first_fresh = 1
        """Events with a smaller number were taken while the broker was away."""

    @property
    def is_first(self) -> bool:
        """Whether the first connection is still under way."""
        return self.number == 0

    @property
    def is_away(self) -> bool:
        """Whether the connection was lost, or the first takes too long."""
        is_overdue = self.is_first and self._monotonic() - self._started_s > _FIRST_ATTEMPT_S
        return self._is_lost or is_overdue

    def came(self, next_number: int) -> None:
        """There is a connection; ``next_number`` is that of the event that will be taken next."""
        if self.is_away:
            self.first_fresh = next_number
        self.number += 1
        self.is_up, self._is_lost = True, False

    def went(self) -> None:
        """It is gone."""
        self.number += 1
        self.is_up, self._is_lost = False, True


_log = logging.getLogger("serd.mqtt")

_PATIENCE_S: Final = 0.5
_COMMIT_S: Final = 0.5
"""How long ``put`` waits at most for the disk, where each event must be there."""
_GOODBYE_S: Final = 0.4
"""Part of the time to close that is kept for the goodbye, in seconds."""
_LEAST_S: Final = 0.1
"""What each step of the goodbye gets at least, in seconds, though the time is up."""


class EventQueue:
    """Everything between those who have something to say and the link to the broker.

    Three threads meet here: those of the callers, the sender's, and the link's (the methods that
    ``LinkListener`` names). The link's thread holds a lock of paho's when it calls us, so nobody may
    hold ours while calling paho; the disk may be slow, so nobody may hold ours while waiting for it:
    hence the sender, who alone does both.
    """

    def __init__(
        self,
        settings: Settings,
        backlog: Backlog,
        *,
        name: str,
        status: tuple[str, str, str],
        as_replayed: Callable[[str], str],
    ) -> None:
        """Begin to connect.

        Args:
            settings: the broker.
            backlog: where events wait.
            name: how the client is called at the broker.
            status: topic that says whether we are there, and the texts for here and gone.
            as_replayed: makes the JSON of a replayed event of that of an event.

        Raises:
            SettingsError: a certificate, key or password file cannot be read.
        """
        self._backlog = backlog
        self._as_replayed = as_replayed
        topic, here, gone = status
        self._goodbye = Message(topic, gone, is_retained=True)
        self._standing = RetainedState(topic, here)
        self._in_flight = InFlight()
        self._n_refused = 0
        self._refused: set[tuple[str, str]] = set()
        self._presence = ConnectionState(time.monotonic)
        self._is_ended = False
        self._deadline = 0.0
        self._changed = threading.Condition()
        self.link = Link(settings, self, name=name, will=(topic, gone))
        self._sender = threading.Thread(target=self._run, name="serd-mqtt", daemon=True)
        self.link.start()
        self._sender.start()

    @property
    def n_in_flight(self) -> int:
        """Messages sent and not yet acknowledged."""
        return len(self._in_flight)

    @property
    def n_refused(self) -> int:
        """Events that the broker's access rules forbid; only MQTT 5 tells."""
        return self._n_refused

    def put(self, event_id: str, topic: str, payload: str) -> None:
        """Take an event; never waits for the broker, and for the disk 0.5 s at most."""
        with self._changed:
            number = self._backlog.take(event_id, topic, payload)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_ended or self._backlog.is_safe(number), _COMMIT_S)

    def retain(self, topic: str, payload: str) -> None:
        """Set what stands on a topic, retained; it is told now, and again on each new connection."""
        with self._changed:
            self._standing.retain(topic, payload)
            self._changed.notify_all()

    def send(self, topic: str, payload: str) -> None:
        """Send a passing message, not retained; it is dropped while there is no connection."""
        with self._changed:
            self._standing.send(topic, payload)
            self._changed.notify_all()

    def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """Have a handler called with each message whose topic fits, on all connections to come."""
        with self._changed:
            is_new = self._standing.subscribe(topic_filter, handler)
        if is_new:
            self.link.subscribe(topic_filter)

    def close(self, timeout_s: float) -> None:
        """Wait until the broker has everything, say goodbye and leave; the rest stays in the backlog."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            self._changed.wait_for(self._is_settled, max(0.0, timeout_s - _GOODBYE_S))
            self._is_ended = True
            self._deadline = deadline
            self._changed.notify_all()
        self._sender.join(left_s(deadline))

    def _is_settled(self) -> bool:
        backlog = self._backlog
        return not (self._standing or self._in_flight or backlog.n_in_memory or backlog.has_unsent)

    def _run(self) -> None:
        self._backlog.open()
        while not self._is_ended:
            with self._changed:
                self._changed.wait_for(self._has_work, self._patience_s())
                is_away = self._presence.is_away
            if self._backlog.wants_disk(is_away=is_away):
                self._backlog.sync(is_away=is_away)
                with self._changed:
                    self._changed.notify_all()
            while self._send_next():
                pass
        self._say_goodbye()

    def _has_work(self) -> bool:
        is_away = self._presence.is_away
        return self._is_ended or self._is_sendable() or self._backlog.wants_disk(is_away=is_away)

    def _patience_s(self) -> float | None:
        return _PATIENCE_S if self._backlog.is_patient or self._presence.is_first else None

    def _is_sendable(self) -> bool:
        has_room = len(self._in_flight) < self.link.window
        return self._presence.is_up and has_room and (bool(self._standing) or self._backlog.has_unsent)

    def _send_next(self) -> bool:
        with self._changed:
            if self._is_ended or not self._is_sendable():
                return False
            connection = self._presence.number
            present = self._standing.next()
        if present is not None:
            topic, payload, is_retained = present
            self._hand_over(Message(topic, payload, is_retained=is_retained), connection)
        elif (turn := self._backlog.next()) is not None:
            self._hand_over(self._message(*turn), connection)
        else:
            return False
        return True

    def _message(self, event: QueuedEvent, is_stored: bool) -> Message:  # noqa: FBT001
        is_fresh = event.number >= self._presence.first_fresh
        payload = event.payload if is_fresh else self._as_replayed(event.payload)
        return Message(event.topic, payload, event=event, is_stored=is_stored)

    def _hand_over(self, message: Message, connection: int) -> None:
        refusal: str | None = None
        message_id = None
        try:
            message_id = self.link.publish(
                message.topic, message.payload, is_retained=message.is_retained
            )
        except ValueError as exc:
            # No broker would take it: a topic with a wildcard, or what has no place in UTF-8.
            refusal = str(exc)
        with self._changed:
            if message_id is not None and connection == self._presence.number:
                refusal = self._in_flight.sent(message_id, message)
            elif refusal is None and message.event is not None and not message.is_stored:
                # The connection has ended meanwhile; what is on the disk will be read again.
                self._backlog.rewind([message.event])
            if refusal is not None:
                self._settle(message, refusal)

    def _settle(self, message: Message, refusal: str) -> None:
        if message.event is not None:
            if message.is_stored:
                self._backlog.acknowledged(message.event.number)
            self._n_refused += bool(refusal)
        if refusal and (message.topic, refusal) not in self._refused:
            self._refused.add((message.topic, refusal))
            _log.warning("broker %s does not take %s: %s", self.link.address, message.topic, refusal)
        self._changed.notify_all()

    def _say_goodbye(self) -> None:
        """Publish that we are gone, and leave to the disk what nobody has taken."""
        if self._presence.is_up:
            self._hand_over(self._goodbye, self._presence.number)
        with self._changed:
            self._changed.wait_for(lambda: not self._in_flight, left_s(self._deadline - 2 * _LEAST_S))
            self._backlog.rewind(self._in_flight.take_back())
        self._backlog.finish()

    def connected(self) -> None:
        """Subscribe; tell present values, then send events."""
        with self._changed:
            self._presence.came(self._backlog.next_number)
            self._standing.begin()
            self._changed.notify_all()
            filters = self._standing.filters
        for topic_filter in filters:
            self.link.subscribe(topic_filter)

    def disconnected(self) -> None:
        """Hold the sender."""
        with self._changed:
            self._presence.went()
            self._standing.end()
            self._backlog.rewind(self._in_flight.take_back())
            self._changed.notify_all()

    def acknowledged(self, message_id: int, *, refusal: str) -> None:
        """Forget a message that the broker has taken, or never will."""
        with self._changed:
            if (message := self._in_flight.answered(message_id, refusal)) is not None:
                self._settle(message, refusal)

    def received(self, topic: str, payload: bytes) -> None:
        """Call who has subscribed."""
        with self._changed:
            handlers = self._standing.handlers(topic)
        for handler in handlers:
            try:
                handler(topic, payload)
            except Exception:  # noqa: BLE001 - whatever it is, the connection must not end with it
                _log.exception("a message on %s could not be handled", topic)

    def news(self, line: str, *, is_up: bool) -> None:
        """Log it."""
        _log.log(logging.INFO if is_up else logging.WARNING, "%s", line)


def left_s(deadline: float) -> float:
    """The time until a deadline of the monotonic clock, but never nothing, in seconds."""
    return max(_LEAST_S, deadline - time.monotonic())

"""Events to an MQTT broker, each with QoS 1, in order, over any number of reconnects.

    publish -> waiting -> (sender thread) -> in flight -> acknowledged

An event is ours until the broker has acknowledged it. While the broker is away the newest
``queue_events`` events wait in memory.
"""

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from serd.errors import PublishError
from serd.events import Event
from serd.labels import NONE, UNCERTAIN
from serd.link import WINDOW_MESSAGES, Link
from serd.mqtt_settings import Settings
from serd.publishers import Context
from serd.reports import Report
from serd.topics import OFFLINE, ONLINE, NodeTopics

if TYPE_CHECKING:
    from serd.broker import EmbeddedBroker

__all__ = ["SECTION", "MqttPublisher", "Settings", "create"]

SECTION: Final = "mqtt"

_log = logging.getLogger("serd.mqtt")

_GOODBYE_S: Final = 0.4
"""Part of the time to close that is kept for the goodbye, in seconds."""
_LEAST_S: Final = 0.1
"""What each step of the goodbye gets at least, in seconds, though the time is up."""


def create(settings: Settings, context: Context) -> "MqttPublisher | None":
    """A publisher that begins to connect; the broker need not be there yet.

    Raises:
        SettingsError: a certificate or key cannot be read.
        PublishError: no broker is named, none runs here and the one inside serd does not start.
        LibraryError: the one inside serd is needed, but its library is not installed.
    """
    if not settings.enabled:
        return None
    broker = None
    if not settings.host:
        from serd.broker import find_or_start  # noqa: PLC0415

        host, port, broker = find_or_start(settings)
        settings = replace(settings, host=host, port=port)
    return MqttPublisher(settings, context, broker)


@dataclass(frozen=True, slots=True)
class _Message:
    topic: str
    payload: str
    is_retained: bool
    n_events: int
    """1 for an event, 0 for what is only a present value."""


class MqttPublisher:
    """Hands events to a broker; see the module's text for their way.

    Three threads meet here: the pipeline's (``publish``, ``close``), the sender's, and the network's
    (the methods that ``LinkUser`` names). The network thread holds a lock of paho's when it calls us, so
    nobody may hold ours while calling paho: hence the sender.
    """

    def __init__(
        self, settings: Settings, context: Context, broker: "EmbeddedBroker | None" = None
    ) -> None:
        """Begin to connect; an embedded ``broker`` is stopped with the publisher."""
        self._topics = NodeTopics(prefix=settings.prefix, node=context.node)
        self._limit = settings.queue_events
        self._broker = broker
        self._present = {self._topics.state(source): NONE for source in context.sources}
        """Retained topics and what stands on them now."""
        self._due: dict[str, str] = {}
        """Those of them that the broker must be told."""
        self._waiting: deque[Event] = deque()
        self._in_flight: dict[int, int] = {}
        """Number of events by message id."""
        self._early: set[int] = set()
        """Messages acknowledged before we learned their id."""
        self._n_open = 0
        """Events taken, and neither acknowledged nor dropped."""
        self._n_dropped = 0
        self._is_up = False
        self._is_ended = False
        self._online_ids: list[int] = []
        self._changed = threading.Condition()
        will = (self._topics.status, OFFLINE)
        self._link = Link(settings, self, name=context.node, will=will)
        self._sender = threading.Thread(target=self._send_all, name="serd-mqtt", daemon=True)
        self._link.start()
        self._sender.start()

    @property
    def address(self) -> str:
        """Host and port of the broker."""
        return self._link.address

    @property
    def n_dropped(self) -> int:
        """Events dropped because the queue was full."""
        return self._n_dropped

    @property
    def n_in_flight(self) -> int:
        """Messages sent and not yet acknowledged."""
        return len(self._in_flight)

    def publish(self, report: Report) -> None:
        """Take one event; never waits for the broker."""
        if isinstance(report, Event):
            self._publish_event(report)

    def _publish_event(self, event: Event) -> None:
        with self._changed:
            self._waiting.append(event)
            if len(self._waiting) > self._limit:
                self._waiting.popleft()
                self._n_dropped += 1
                is_first = self._n_dropped == 1
            else:
                self._n_open += 1
                is_first = False
            self._changed.notify_all()
        if is_first:
            _log.warning("%d events wait for the broker: the oldest are dropped", self._limit)

    def close(self, timeout_s: float) -> None:
        """Wait until the broker has every event, then publish ``offline`` and leave.

        Raises:
            PublishError: the broker did not acknowledge every event within ``timeout_s`` seconds.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            self._changed.wait_for(self._is_settled, max(0.0, timeout_s - _GOODBYE_S))
            self._is_ended = True
            self._changed.notify_all()
        self._sender.join(_left_s(deadline))
        reason = self._link.reason or f"no answer within {timeout_s:g} s"
        if self._is_up:
            self._hand_over(_Message(self._topics.status, OFFLINE, True, 0))
        with self._changed:
            self._changed.wait_for(lambda: not self._in_flight, _left_s(deadline))
            n_left = self._n_open
        if self._broker is not None:
            self._broker.drain(_left_s(deadline))
        self._link.stop(_left_s(deadline))
        if self._broker is not None:
            self._broker.stop(_left_s(deadline))
        if self._n_dropped:
            _log.warning("%d events were dropped while the broker was away", self._n_dropped)
        if n_left:
            events = "1 event was" if n_left == 1 else f"{n_left} events were"
            raise PublishError(f"{events} not acknowledged by broker {self.address}: {reason}")

    def _is_settled(self) -> bool:
        return not self._n_open and not self._in_flight and not (self._is_up and self._due)

    def _send_all(self) -> None:
        while (message := self._next()) is not None:
            self._hand_over(message)

    def _next(self) -> _Message | None:
        """The next message, as soon as it may be sent; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_ended or self._is_sendable())
            if self._is_ended:
                return None
            if self._due:
                topic, payload = self._due.popitem()
                return _Message(topic, payload, True, 0)
            event = self._waiting.popleft()
            state = self._topics.state(event.source)
            if event.emotion not in (UNCERTAIN, self._present.get(state)):
                self._present[state] = self._due[state] = event.emotion
        return _Message(self._topics.event(event.source), event.to_json(), False, 1)

    def _is_sendable(self) -> bool:
        has_room = len(self._in_flight) < WINDOW_MESSAGES
        return self._is_up and has_room and bool(self._due or self._waiting)

    def _hand_over(self, message: _Message) -> None:
        message_id = self._link.publish(message.topic, message.payload, is_retained=message.is_retained)
        with self._changed:
            self._in_flight[message_id] = message.n_events
            if message_id in self._early:
                self._early.discard(message_id)
                self._settle(message_id)

    def _settle(self, message_id: int) -> None:
        self._n_open -= self._in_flight.pop(message_id)
        self._changed.notify_all()

    def connected(self) -> None:
        """Publish ``online``; the sender goes on once the broker has acknowledged it.

        By then paho has repeated what was in flight when the connection broke off, and nothing new can
        overtake it.
        """
        status = self._link.publish(self._topics.status, ONLINE, is_retained=True)
        self._online_ids.append(status)

    def disconnected(self) -> None:
        """Hold the sender."""
        with self._changed:
            self._is_up = False

    def acknowledged(self, message_id: int) -> None:
        """Forget a message that the broker has taken."""
        if message_id in self._online_ids:
            is_latest = message_id == self._online_ids[-1]
            self._online_ids.remove(message_id)
            with self._changed:
                if is_latest:
                    self._is_up = True
                    # A broker that keeps nothing over a restart has lost them.
                    self._due = dict(self._present)
                self._changed.notify_all()
            return
        with self._changed:
            if message_id in self._in_flight:
                self._settle(message_id)
            else:
                self._early.add(message_id)

    def received(self, topic: str, payload: bytes) -> None:
        """Nothing is subscribed to."""

    def news(self, line: str, *, is_up: bool) -> None:
        """Log it."""
        _log.log(logging.INFO if is_up else logging.WARNING, "%s", line)


def _left_s(deadline: float) -> float:
    return max(_LEAST_S, deadline - time.monotonic())

"""Events to an MQTT broker, each with QoS 1, in order, over any number of reconnects.

What is published where is decided here; ``serd.mqtt.queue`` brings it there.
"""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from serd.errors import PublishError
from serd.events.controls import OFF, ON, control_texts
from serd.events.event import Event, as_replayed
from serd.events.reports import (
    AvailabilityReport,
    ControlRefused,
    ControlReport,
    LevelReport,
    Report,
    SpeechReport,
    StateReport,
    StatsReport,
)
from serd.mqtt.backlog import Backlog
from serd.mqtt.homeassistant import announce
from serd.mqtt.queue import EventQueue, left_s
from serd.mqtt.retained import Handler
from serd.mqtt.settings import ALWAYS, MQTT_311, Settings
from serd.mqtt.spool import Spool
from serd.mqtt.topics import OFFLINE, ONLINE, NodeTopics
from serd.publishers import Context

if TYPE_CHECKING:
    from serd.mqtt.broker import EmbeddedBroker

__all__ = ["SECTION", "SPOOL_FILE", "MqttPublisher", "Settings", "create"]

SECTION: Final = "mqtt"
KEEPS_EVENTS: Final = True
SPOOL_FILE: Final = "spool.db"
"""Name of the file in the state folder that keeps events."""

_log = logging.getLogger("serd.mqtt")

_GOODBYE_S: Final = 0.2
"""Part of the time to close that is kept for closing the connection, in seconds."""


def create(settings: Settings, context: Context) -> "MqttPublisher | None":
    """A publisher that begins to connect; the broker need not be there yet.

    Raises:
        SettingsError: a certificate, key or password file cannot be read.
        PublishError: no broker is named, none runs here and the one inside serd does not start.
        LibraryError: the one inside serd is needed, but its library is not installed.
    """
    if not settings.enabled:
        return None
    broker = None
    has_broker = bool(settings.host)
    if not settings.host:
        from serd.mqtt.broker import find_or_start  # noqa: PLC0415

        host, port, broker = find_or_start(settings)
        settings = replace(settings, host=host, port=port)
    if broker is not None:
        # It speaks nothing newer, and it is never away while we are there.
        settings = replace(settings, protocol=MQTT_311)
        context = replace(context, state_folder=None)
    publisher = MqttPublisher(settings, context, broker)
    announce(
        publisher,
        context.homeassistant,
        node=context.node,
        sources=context.sources,
        labels=context.labels,
        has_broker=has_broker,
    )
    return publisher


class MqttPublisher:
    """Says on the topics of a node what the daemon finds."""

    def __init__(
        self, settings: Settings, context: Context, broker: "EmbeddedBroker | None" = None
    ) -> None:
        """Begin to connect; an embedded ``broker`` is stopped with the publisher."""
        self.topics = NodeTopics(prefix=settings.prefix, node=context.node)
        self._broker = broker
        self._spool = _spool(settings, context.state_folder)
        self._backlog = Backlog(
            self._spool,
            queue_events=settings.queue_events,
            is_always=settings.durability == ALWAYS,
        )
        self._outbox = EventQueue(
            settings,
            self._backlog,
            name=context.node,
            status=(self.topics.status, ONLINE, OFFLINE),
            as_replayed=as_replayed,
        )
        for source in context.sources:
            self._take_commands(source, context.command)

    @property
    def address(self) -> str:
        """Host and port of the broker."""
        return self._outbox.link.address

    @property
    def n_dropped(self) -> int:
        """Events dropped because there were too many, or they were too old."""
        return self._backlog.n_dropped

    @property
    def n_refused(self) -> int:
        """Events that the broker's access rules forbid; only MQTT 5 tells."""
        return self._outbox.n_refused

    @property
    def n_spooled(self) -> int:
        """Events on the disk that the broker does not have."""
        return self._backlog.n_on_disk

    @property
    def n_in_flight(self) -> int:
        """Messages sent and not yet acknowledged."""
        return self._outbox.n_in_flight

    @property
    def n_attempts(self) -> int:
        """Attempts to connect, successful ones included."""
        return self._outbox.link.n_attempts

    @property
    def n_reconnects(self) -> int:
        """Connections behind the first."""
        return max(0, self._outbox.link.n_connections - 1)

    def publish(self, report: Report) -> None:
        """Take one report; never waits for the broker.

        With ``durability = "always"`` an event is on the disk on return, unless the disk fails or takes
        more than half a second.
        """
        topics = self.topics
        match report:
            case Event():
                self._outbox.put(report.id, topics.event(report.source), report.to_json())
            case StateReport():
                self.retain(topics.state(report.source), report.emotion)
            case SpeechReport():
                self.retain(topics.speech(report.source), ON if report.is_speaking else OFF)
            case AvailabilityReport():
                state = ONLINE if report.is_alive else OFFLINE
                self.retain(topics.availability(report.source), state)
            case ControlReport():
                for control, text in control_texts(report.controls).items():
                    self.retain(topics.control(report.source, control), text)
            case ControlRefused():
                self.send(topics.control_error(report.source, report.control), report.reason)
            case LevelReport():
                body = {"level_dbfs": report.level_dbfs, "guesses": dict(report.guesses)}
                self.send(topics.level(report.source), json.dumps(body))
            case StatsReport():
                self.send(topics.stats, json.dumps(asdict(report) | self._figures()))

    def retain(self, topic: str, payload: str) -> None:
        """Set what stands on a topic, retained; it is told now, and again on each new connection."""
        self._outbox.retain(topic, payload)

    def send(self, topic: str, payload: str) -> None:
        """Send a passing message, not retained; it is dropped while there is no connection."""
        self._outbox.send(topic, payload)

    def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """Have a handler called with each message whose topic fits, on all connections to come.

        It is called on the network's thread with topic and payload, and must return soon.
        """
        self._outbox.subscribe(topic_filter, handler)

    def close(self, timeout_s: float) -> None:
        """Wait until the broker has every event, then publish ``offline`` and leave.

        What it does not take in time stays on the disk for the next start.

        Raises:
            PublishError: the broker did not acknowledge every event within ``timeout_s`` seconds; the
                text says whether they are kept.
        """
        deadline = time.monotonic() + timeout_s
        self._outbox.close(timeout_s - _GOODBYE_S)
        reason = self._outbox.link.reason or f"no answer within {timeout_s:g} s"
        if self._broker is not None:
            self._broker.drain(left_s(deadline))
        self._outbox.link.stop(left_s(deadline))
        if self._broker is not None:
            self._broker.stop(left_s(deadline))
        self._say_what_is_left(reason)

    def _take_commands(self, source: str, command: Callable[[str, str, bytes], None]) -> None:
        """Pass on what anyone writes to the controls of a source."""

        def handle(topic: str, payload: bytes) -> None:
            command(source, topic.split("/")[-2], payload)

        self.subscribe(self.topics.control_set(source, "+"), handle)

    def _figures(self) -> dict[str, int]:
        """What the publisher itself adds to the stats."""
        return {
            "spool_depth": self._backlog.n_on_disk + self._backlog.n_in_memory,
            "spool_drops": self.n_dropped,
            "reconnects": self.n_reconnects,
        }

    def _say_what_is_left(self, reason: str) -> None:
        if self.n_dropped:
            _log.warning("%d events were dropped while the broker was away", self.n_dropped)
        if self.n_refused:
            _log.warning("%d events were refused by broker %s", self.n_refused, self.address)
        if self._spool is not None and self.n_spooled:
            events = "1 event is" if self.n_spooled == 1 else f"{self.n_spooled} events are"
            go = "goes" if self.n_spooled == 1 else "go"
            raise PublishError(
                f"{events} kept in {self._spool.path} and {go} out at the next start;"
                f" broker {self.address}: {reason}"
            )
        if n_left := self._backlog.n_in_memory:
            events = "1 event was" if n_left == 1 else f"{n_left} events were"
            raise PublishError(f"{events} not acknowledged by broker {self.address}: {reason}")


def _spool(settings: Settings, folder: Path | None) -> Spool | None:
    if folder is None:
        return None
    return Spool(
        folder / SPOOL_FILE,
        max_events=settings.spool_events,
        max_age_s=settings.spool_age_h * 3600.0,
        is_power_safe=settings.durability == ALWAYS,
    )

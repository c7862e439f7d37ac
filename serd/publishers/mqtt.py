"""Publishes events and the daemon's state over MQTT, and receives commands.

This module chooses topic and payload of each message; ``serd.mqtt.queue`` delivers it.
"""

import json
import logging
import os
import secrets
import socket
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
    ControlReport,
    LevelReport,
    RefusalReport,
    Report,
    SpeechReport,
    StateReport,
    StatsReport,
)
from serd.mqtt.homeassistant import announce
from serd.mqtt.link import Link
from serd.mqtt.namesake import Instance, NamesakeWatch
from serd.mqtt.queue import EventQueue, Message, remaining_s
from serd.mqtt.retained import Handler
from serd.mqtt.settings import MQTT_311, STORE_ALWAYS, Settings
from serd.mqtt.spool import Spool
from serd.mqtt.topics import OFFLINE, ONLINE, NodeTopics
from serd.publishers import Context

if TYPE_CHECKING:
    from serd.mqtt.broker import EmbeddedBroker

__all__ = ["SECTION", "SPOOL_FILE", "MqttPublisher", "Settings", "create"]

SECTION: Final = "mqtt"
KEEPS_EVENTS: Final = True
SPOOL_FILE: Final = "spool.db"
"""File in the state folder that stores events."""

_log = logging.getLogger("serd.mqtt")

_GOODBYE_S: Final = 0.2
"""Part of the time to close that is kept for closing the connection, in seconds."""


def create(settings: Settings, context: Context) -> "MqttPublisher | None":
    """A publisher that begins to connect, or None if it is disabled; the broker may be away.

    Raises:
        SettingsError: a certificate, key or password file cannot be read.
        PublishError: no broker is named, none runs on this machine and the embedded one does not start.
        LibraryError: the embedded broker is needed, but its library is not installed.
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
        # The embedded broker speaks only 3.1.1, and is never away while the daemon runs.
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
    """Publishes the reports of the daemon on the topics of its node."""

    def __init__(
        self, settings: Settings, context: Context, broker: "EmbeddedBroker | None" = None
    ) -> None:
        """Begin to connect.

        Args:
            settings: the broker; its host must not be empty.
            context: the daemon.
            broker: the embedded broker, if the settings lead to it; it is stopped with the publisher.

        Raises:
            SettingsError: a certificate, key or password file cannot be read.
        """
        self.topics = NodeTopics(prefix=settings.prefix, node=context.node)
        self._broker = broker
        self._spool = _make_spool(settings, context.state_folder)
        status = self.topics.status
        self._queue = EventQueue(
            self._spool,
            max_in_memory=settings.queue_events,
            stores_every_event=settings.durability == STORE_ALWAYS,
            online=Message(status, ONLINE, is_retained=True),
            offline=Message(status, OFFLINE, is_retained=True),
            as_replayed=as_replayed,
        )
        self._link = Link(settings, self._queue, name=context.node, will=(status, OFFLINE))
        self._queue.attach(self._link)
        self._link.start()
        self._queue.start()
        self._watch_for_namesakes(context.node)
        for source in context.sources:
            self._subscribe_to_commands(source, context.command)

    @property
    def address(self) -> str:
        """Host and port of the broker."""
        return self._link.address

    @property
    def n_dropped(self) -> int:
        """Events that were dropped because there were too many, or they were too old."""
        return self._queue.n_dropped

    @property
    def n_refused(self) -> int:
        """Events that the broker refused, which only MQTT 5 reports, or that no broker accepts."""
        return self._queue.n_refused

    @property
    def n_spooled(self) -> int:
        """Events on the disk that the broker has not acknowledged."""
        return self._queue.n_on_disk

    @property
    def n_in_flight(self) -> int:
        """Messages that were sent and not yet acknowledged."""
        return self._queue.n_in_flight

    @property
    def n_attempts(self) -> int:
        """Attempts to connect, including those that succeeded."""
        return self._link.n_attempts

    @property
    def n_reconnects(self) -> int:
        """Connections after the first."""
        return max(0, self._link.n_connections - 1)

    def publish(self, report: Report) -> None:
        """Publish one report, without waiting for the broker.

        With ``durability = "always"`` an event is on the disk on return, unless the disk fails or takes
        longer than half a second.
        """
        topics = self.topics
        match report:
            case Event():
                self._queue.put(report.id, topics.event(report.source), report.to_json())
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
            case RefusalReport():
                self.send(topics.control_error(report.source, report.control), report.reason)
            case LevelReport() if report.is_due:
                body = {"level_dbfs": report.level_dbfs, "guesses": dict(report.guesses)}
                self.send(topics.level(report.source), json.dumps(body))
            case StatsReport():
                self.send(topics.stats, json.dumps(asdict(report) | self._queue_stats()))

    def retain(self, topic: str, payload: str) -> None:
        """Set the retained value of a topic; it is sent now, and again on each new connection."""
        self._queue.retain(topic, payload)

    def send(self, topic: str, payload: str) -> None:
        """Send a transient message, not retained; it is dropped while there is no connection."""
        self._queue.send(topic, payload)

    def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """Call a handler with each message whose topic matches, on this and all later connections.

        It is called on the link's thread with topic and payload, and must return soon.
        """
        self._queue.subscribe(topic_filter, handler)

    def close(self, timeout_s: float) -> None:
        """Wait for the broker to acknowledge every event, publish ``offline`` and disconnect.

        Events that are not acknowledged in time stay on the disk for the next start.

        Raises:
            PublishError: events were not acknowledged within ``timeout_s`` seconds; the text says
                whether they are on the disk.
        """
        deadline_s = time.monotonic() + timeout_s
        self._queue.close(timeout_s - _GOODBYE_S)
        reason = self._link.reason or f"no answer within {timeout_s:g} s"
        if self._broker is not None:
            self._broker.drain(remaining_s(deadline_s))
        self._link.stop(remaining_s(deadline_s))
        if self._broker is not None:
            self._broker.stop(remaining_s(deadline_s))
        self._report_undelivered(reason)

    def _subscribe_to_commands(self, source: str, command: Callable[[str, str, bytes], None]) -> None:
        """Pass messages on the ``set`` topics of a source to the daemon."""

        def handle(topic: str, payload: bytes) -> None:
            command(source, topic.split("/")[-2], payload)

        self.subscribe(self.topics.control_set(source, "+"), handle)

    def _watch_for_namesakes(self, node: str) -> None:
        """Notice other daemons of the same name, and publish the state again when one of them ends."""
        own = Instance(id=secrets.token_hex(8), host=socket.gethostname(), pid=os.getpid())
        watch = NamesakeWatch(
            node,
            own,
            introduce=lambda: self.send(self.topics.instance, own.to_json()),
            restore=self._queue.repeat_retained,
        )
        self.subscribe(
            self.topics.status,
            lambda _topic, payload: watch.status_received(payload, self._link.n_connections),
        )
        self.subscribe(self.topics.instance, lambda _topic, payload: watch.instance_received(payload))

    def _queue_stats(self) -> dict[str, int]:
        """The fields of the stats that this publisher adds."""
        return {
            "spool_depth": self._queue.n_on_disk + self._queue.n_in_memory,
            "spool_drops": self.n_dropped,
            "reconnects": self.n_reconnects,
        }

    def _report_undelivered(self, reason: str) -> None:
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
        if n_left := self._queue.n_in_memory:
            events = "1 event was" if n_left == 1 else f"{n_left} events were"
            raise PublishError(f"{events} not acknowledged by broker {self.address}: {reason}")


def _make_spool(settings: Settings, folder: Path | None) -> Spool | None:
    if folder is None:
        return None
    return Spool(
        folder / SPOOL_FILE,
        max_events=settings.spool_events,
        max_age_s=settings.spool_age_h * 3600.0,
        is_power_safe=settings.durability == STORE_ALWAYS,
    )

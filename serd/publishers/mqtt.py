"""Publishes events and the daemon's state over MQTT, and receives commands.

``serd.mqtt.report_messages`` chooses topic and payload of each message, ``serd.mqtt.queue`` delivers it.
"""

import functools
import json
import logging
import os
import secrets
import socket
import time
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from serd.errors import PublishError
from serd.events.alert import AlertKey
from serd.events.controls import CONTROLS
from serd.events.event import Event
from serd.events.replay import as_replayed, move_time
from serd.events.reports import Report, StatsReport
from serd.mqtt.access import read_credentials
from serd.mqtt.clock import EventClock
from serd.mqtt.homeassistant.announcement import Announcement
from serd.mqtt.link import Link
from serd.mqtt.message import Message
from serd.mqtt.namesake import Instance, NamesakeWatch
from serd.mqtt.queue import EventQueue, remaining_s
from serd.mqtt.queue_state import QueueLimits
from serd.mqtt.report_messages import messages_of
from serd.mqtt.retained import Document
from serd.mqtt.settings import MQTT_311, STORE_ALWAYS, STORE_OFFLINE, Settings
from serd.mqtt.spool import Spool
from serd.mqtt.subscriptions import Handler
from serd.mqtt.topics import FORGET, OFFLINE, ONLINE, NodeTopics
from serd.publishers import Context
from serd.publishers.health import BrokerState

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
    """A publisher that can be started, or None if it is disabled.

    Raises:
        SettingsError: a certificate, key or password file cannot be read.
    """
    return MqttPublisher(settings, context) if settings.enabled else None


class MqttPublisher:
    """Publishes the reports of the daemon on the topics of its node."""

    _spool: Spool | None
    _queue: EventQueue
    _link: Link
    _announcement: Announcement | None = None

    def __init__(self, settings: Settings, context: Context) -> None:
        """Read passwords and certificates, to see whether they can be read.

        Args:
            settings: the broker; if its host is empty, ``start`` finds or starts one.
            context: the daemon.

        Raises:
            SettingsError: a certificate, key or password file cannot be read.
        """
        read_credentials(settings)
        self.topics = NodeTopics(prefix=settings.prefix, node=context.node)
        self._settings = settings
        self._context = context
        self._broker: EmbeddedBroker | None = None
        self._is_started = False
        self._commanded: set[str] = set()
        """Sources to whose commands the publisher has subscribed."""

    def start(self) -> None:
        """Begin to connect; the broker may be away.

        From now on the spool in the state folder belongs to this publisher, and so does the broker
        inside serd, if there is one.

        Raises:
            SettingsError: a certificate, key or password file cannot be read any more.
            PublishError: no broker is named, none runs on this machine and the embedded one does not
                start.
            LibraryError: the embedded broker is needed, but its library is not installed.
        """
        settings, state_folder = self._settings, self._context.state_folder
        if not settings.host:
            from serd.mqtt.broker import find_or_start  # noqa: PLC0415

            host, port, self._broker = find_or_start(settings, self._context.threads)
            settings = replace(settings, host=host, port=port)
        if self._broker is not None:
            # The embedded broker speaks only 3.1.1, and is never away while the daemon runs.
            if settings.durability == STORE_ALWAYS:
                _log.warning(
                    "the broker inside serd keeps events in memory alone; [mqtt] durability ="
                    ' "always" needs a broker that outlives serd: name one in [mqtt] host'
                )
            settings = replace(settings, protocol=MQTT_311, durability=STORE_OFFLINE)
            state_folder = None
        self._connect(settings, state_folder)
        self._subscribe_to_commands(self._context.sources)
        self._remove_alerts(self._context.gone_alerts)
        if self._context.homeassistant.is_on(has_broker=bool(self._settings.host)):
            self._announcement = Announcement(
                self,
                self._context.homeassistant,
                node=self._context.node,
                labels=self._context.labels,
            )
            self._describe()

    def _connect(self, settings: Settings, state_folder: Path | None) -> None:
        clock = EventClock()
        self._spool = _make_spool(settings, state_folder, clock)
        status = self.topics.status
        self._queue = EventQueue(
            self._spool,
            QueueLimits(
                max_in_memory=settings.queue_events,
                stores_every_event=settings.durability == STORE_ALWAYS,
                store_after_s=settings.store_after_s,
            ),
            online=Message(status, ONLINE, is_retained=True),
            offline=Message(status, OFFLINE, is_retained=True),
            as_replayed=as_replayed,
            move_time=move_time,
            clock=clock,
        )
        self._link = Link(settings, self._queue, name=self._context.node, will=(status, OFFLINE))
        self._queue.attach(self._link)
        self._link.start(self._context.threads)
        self._queue.start(self._context.threads)
        self._is_started = True
        self._watch_for_namesakes(self._context.node)

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

    def broker_state(self) -> BrokerState:
        """The connection, and the events for it; any thread may call it."""
        return BrokerState(
            address=self.address,
            is_connected=self._link.is_connected,
            since_s=self._link.since_s,
            n_waiting=self._queue.n_on_disk + self._queue.n_in_memory,
            n_dropped=self.n_dropped,
            n_refused=self.n_refused,
        )

    def publish(self, report: Report) -> None:
        """Publish one report, without waiting for the broker.

        With ``durability = "always"`` an event is on the disk on return, unless the disk fails or takes
        longer than half a second.
        """
        match report:
            case Event():
                self._queue.put(report.id, self.topics.event(report.source), report.to_json())
            case StatsReport():
                self.send(self.topics.stats, json.dumps(asdict(report) | self._queue_stats()))
            case _:
                for message in messages_of(report, self.topics):
                    if message.is_retained:
                        self.retain(message.topic, message.payload)
                    else:
                        self.send(message.topic, message.payload)

    def retain(self, topic: str, payload: str) -> None:
        """Set the retained value of a topic; it is sent now, and again on each new connection."""
        self._queue.retain(topic, payload)

    def retain_document(self, name: str, document: Document) -> None:
        """Set a document that is retained in as many messages as the broker needs."""
        self._queue.retain_document(name, document)

    def send(self, topic: str, payload: str) -> None:
        """Send a transient message, not retained; it is dropped while there is no connection."""
        self._queue.send(topic, payload)

    def subscribe(self, topic: str, handler: Handler) -> None:
        """Call a handler with each message on a topic, on this and all later connections.

        It is called on the link's thread with topic and payload, and must return soon. Payloads of more
        than 1 kB are dropped.
        """
        self._queue.subscribe(topic, handler)

    def adapt(self, context: Context) -> bool:
        """Follow a change of the sources and alerts, and use changed passwords and certificates.

        Returns:
            False if anything else has changed, which needs another connection.
        """
        ours = self._context
        if ours != replace(
            context, sources=ours.sources, alerts=ours.alerts, gone_alerts=ours.gone_alerts
        ):
            return False
        if context != ours:
            self._context = context
            self._subscribe_to_commands(context.sources)
            self._remove_alerts(context.gone_alerts)
            self._describe()
        self._link.refresh_access()
        return True

    def close(self, timeout_s: float) -> None:
        """Wait for the broker to acknowledge every event, publish ``offline`` and disconnect.

        Events that are not acknowledged in time stay on the disk for the next start.

        Raises:
            PublishError: events were not acknowledged within ``timeout_s`` seconds; the text says
                whether they are on the disk.
        """
        if not self._is_started:
            return
        deadline_s = time.monotonic() + timeout_s
        self._queue.close(timeout_s - _GOODBYE_S)
        reason = self._link.reason or f"no answer within {timeout_s:g} s"
        if self._broker is not None:
            self._broker.drain(remaining_s(deadline_s))
        self._link.stop(remaining_s(deadline_s))
        if self._broker is not None:
            self._broker.stop(remaining_s(deadline_s))
        self._report_undelivered(reason)

    def _subscribe_to_commands(self, sources: Iterable[str]) -> None:
        """Pass messages on the ``set`` topics of sources to the daemon."""
        for source in set(sources) - self._commanded:
            self._commanded.add(source)
            for control in (*CONTROLS, FORGET):
                handle = functools.partial(self._pass_command, source, control)
                self.subscribe(self.topics.control_set(source, control), handle)

    def _remove_alerts(self, alerts: Iterable[AlertKey]) -> None:
        """Remove the retained messages of alerts that no longer exist."""
        for source, name in alerts:
            self.retain(self.topics.alert(source, name), "")

    def _describe(self) -> None:
        """Describe the node to Home Assistant, if that is on."""
        if self._announcement is not None:
            context = self._context
            self._announcement.describe(context.sources, context.alerts, context.gone_alerts)

    def _pass_command(self, source: str, control: str, _topic: str, payload: bytes) -> None:
        self._context.command(source, control, payload)

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


def _make_spool(settings: Settings, folder: Path | None, clock: EventClock) -> Spool | None:
    if folder is None:
        return None
    return Spool(
        folder / SPOOL_FILE,
        max_events=settings.spool_events,
        max_age_s=settings.spool_age_h * 3600.0,
        is_power_safe=settings.durability == STORE_ALWAYS,
        clock=clock,
        move_time=move_time,
    )

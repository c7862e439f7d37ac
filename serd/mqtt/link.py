"""The connection to an MQTT broker, opened again whenever it ends.

There is always a next attempt. The pauses before them grow from about 1 to 60 seconds, with random
jitter. Each change of the connection is logged once, with its cause.

Each connection has a paho client and a clean session of its own: no message of an earlier connection can
be sent again or out of order, and no topic subscribed to twice. Messages that must outlive a connection
are kept by the listener (``serd.mqtt.queue``). Everything is sent with QoS 1, if the broker takes it.

A message whose payload is longer than ``max_payload_bytes`` is dropped. A packet too long for that and
for the longest topic is not even read: the connection ends, and later ones do not subscribe again to the
filter that the packet matches.
"""

import logging
import random
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from serd.mqtt.access import Access
from serd.mqtt.backoff import Backoff
from serd.mqtt.diagnosis import (
    CONNECTION_LOST,
    NO_ANSWER,
    describe_access_refusal,
    describe_connection_error,
    describe_login_refusal,
    lower_first,
)
from serd.mqtt.limits import MAX_IN_FLIGHT, BrokerLimits, limits_of, packet_bytes
from serd.mqtt.link_status import LinkStatus
from serd.mqtt.settings import MQTT_5, Settings
from serd.mqtt.threads import Thread, Threads

if TYPE_CHECKING:
    from paho.mqtt.client import Client, DisconnectFlags, MQTTMessage
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

    from serd.mqtt.receiving import BoundedClient, OversizedPacket


MAX_PAYLOAD_BYTES: Final = 1024
"""Longest payload of a message to serd, in bytes; values of controls have a few characters."""
FIRST_PAUSE_S = 1.0
MAX_PAUSE_S = 60.0
ANSWER_S = 10.0
"""Time for the broker to answer the login, in seconds."""
STEADY_S = 5.0
"""Length of a connection, in seconds, after which the next pause is the shortest again."""

_log = logging.getLogger("serd.mqtt")

_QOS: Final = 1
_QOS_NOT_SUPPORTED: Final = 0x9B
_RETAIN_NOT_SUPPORTED: Final = 0x9A
_LOOP_S: Final = 1.0
_MAX_CONNECT_S: Final = 300.0
"""Longest time of a name look-up and the attempts at all its addresses, in seconds."""
_PASSING_REFUSALS: Final = frozenset({0x91, 0x97})
"""Reason codes of a PUBACK after which the same message may be taken later (MQTT 5, section 3.4.2.1):
packet identifier in use, quota exceeded. Too high a rate (0x96) or number in flight (0x93) makes the
broker disconnect instead, and the listener keeps what was not acknowledged."""
_N_MESSAGE_IDS: Final = 1 << 16
"""Message ids of one connection: MQTT counts in 16 bits."""


class LinkListener(Protocol):
    """Takes the events of a link. The link's thread calls all methods; they must return soon."""

    def connected(self) -> None:
        """Begin a connection: publish and subscribe whatever each connection needs."""
        ...

    def disconnected(self) -> None:
        """End a connection, with all messages that were not acknowledged, or a failed attempt."""
        ...

    def acknowledged(self, message_id: int, *, refusal: str, is_final: bool) -> None:
        """Note that the broker has acknowledged a message, or refused it if ``refusal`` says why.

        Args:
            message_id: what ``Link.publish`` returned.
            refusal: why the broker refused it; empty if it took it.
            is_final: whether the answer is the last word on this message; False if the broker may take
                the same message later.
        """
        ...

    def received(self, topic: str, payload: bytes) -> None:
        """Take a message on a subscribed topic."""
        ...

    def status_changed(self, line: str, *, is_up: bool) -> None:
        """Take a line that says that the connection is up, was lost, or fails for a new reason."""
        ...


class Link:
    """A connection to the broker that the settings name."""

    def __init__(
        self,
        settings: Settings,
        listener: LinkListener,
        *,
        name: str,
        will: tuple[str, str] | None = None,
        max_payload_bytes: int = MAX_PAYLOAD_BYTES,
    ) -> None:
        """Read passwords and certificates; ``start`` begins to connect.

        Args:
            settings: the broker; its host must not be empty.
            listener: takes the events of the link.
            name: first part of the client id; a random part follows.
            will: topic and payload of the last will, which is retained.
            max_payload_bytes: longest payload that is passed to the listener, in bytes.

        Raises:
            SettingsError: a certificate, key or password file cannot be read.
        """
        self.address = settings.address
        self.limits = BrokerLimits()
        """What the broker takes, as of the last connection or refused login."""
        self.n_attempts = 0
        """Attempts to connect, including those that succeeded."""
        self.n_connections = 0
        """Connections that were established."""
        self._settings = settings
        self._listener = listener
        self._status = LinkStatus(
            self.address, listener.status_changed, is_version_5=settings.protocol == MQTT_5
        )
        self._access = Access(settings, name=name, will=will)
        self._client: BoundedClient | None = None
        self._live: tuple[Client, int] | None = None
        """The client that is connected, and the number before its first message id."""
        self._connected_s: float | None = None
        """Start of the connection, in seconds of the monotonic clock; None without one."""
        self._changed_s = time.monotonic()
        """Start of the connection, or of the time without one, in seconds of the monotonic clock."""
        self._loss_reason = CONNECTION_LOST
        self._given_up_reason = ""
        """Why the listener gave up the connection; empty if it did not."""
        self._subscriptions: dict[int, str] = {}
        """Subscriptions that the broker has not answered, by their message id."""
        self._max_payload_bytes = max_payload_bytes
        self._topic_filters: set[str] = set()
        """Topic filters that this link was asked to subscribe to."""
        self._avoided: set[str] = set()
        """Those of them that match a message that was too long to be read."""
        self._stopping = threading.Event()
        self._thread: Thread | None = None

    @property
    def reason(self) -> str:
        """Why there is no connection; empty while there is one."""
        return self._status.reason

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection."""
        return self._live is not None

    @property
    def since_s(self) -> float:
        """Time for which there is a connection, or none, in seconds."""
        return time.monotonic() - self._changed_s

    def start(self, threads: Threads) -> None:
        """Connect, and reconnect whenever the connection ends, in a thread of its own."""
        self._thread = threads.start("mqtt-link", self._run)

    def refresh_access(self) -> None:
        """Read passwords and certificates again; if they have changed, reconnect with them."""
        if self._access.refresh() and (client := self._client) is not None:
            self._loss_reason = "serd reconnects with changed credentials"
            client.disconnect()

    def publish(self, topic: str, payload: str, *, is_retained: bool) -> int | None:
        """Send a message on the present connection.

        Returns:
            The id that ``LinkListener.acknowledged`` will be called with, unique among all connections;
            None without a connection.

        Raises:
            ValueError: no broker accepts the topic or the payload, or this one does not take a message
                of that length.
        """
        if (live := self._live) is None:
            return None
        client, first_id = live
        limits = self.limits
        if packet_bytes(topic, payload) > limits.max_packet_bytes:
            raise ValueError(f"longer than the {limits.max_packet_bytes} bytes that the broker takes")
        is_retained = is_retained and limits.can_retain
        return first_id + client.publish(topic, payload, qos=limits.max_qos, retain=is_retained).mid

    def subscribe(self, topic_filter: str) -> None:
        """Subscribe to a topic filter for as long as this connection lasts."""
        self._topic_filters.add(topic_filter)
        if topic_filter not in self._avoided and (live := self._live) is not None:
            _, message_id = live[0].subscribe(topic_filter, qos=_QOS)
            if message_id is not None:
                self._subscriptions[message_id] = topic_filter

    def give_up(self, reason: str) -> None:
        """End the present connection, and connect again after the usual pause."""
        if self._live is not None:
            self._given_up_reason = reason

    def stop(self, timeout_s: float) -> None:
        """Disconnect, so that the broker discards the will, and end within ``timeout_s`` seconds.

        A thread that is stuck in a name look-up for longer ends with the process.
        """
        self._stopping.set()
        if (client := self._client) is not None:
            client.disconnect()
        if self._thread is not None:
            self._thread.end(timeout_s)

    def _run(self, thread: Thread) -> None:
        pauses = Backoff(first_s=FIRST_PAUSE_S, max_s=MAX_PAUSE_S, random=random.random)
        while not self._stopping.is_set():
            self.n_attempts += 1
            is_steady = False
            try:
                self._connect_once(thread)
            except Exception:  # noqa: BLE001 - whatever went wrong, there must be a next attempt
                # paho can raise any exception if the answer is not MQTT.
                _log.debug("broker %s", self.address, exc_info=True)
            finally:
                is_steady = self._end_attempt()
            if is_steady:
                pauses.reset()
            with thread.waiting("its next attempt", MAX_PAUSE_S):
                self._stopping.wait(pauses.next_s())

    def _connect_once(self, thread: Thread) -> None:
        client = self._new_client()
        try:
            with thread.waiting("the broker's address and connection", _MAX_CONNECT_S):
                client.open(self._settings.host, self._settings.port, self._settings.keepalive_s)
        except OSError as exc:
            if not self._stopping.is_set():
                self._status.attempt_failed("cannot be reached", describe_connection_error(exc))
            return
        started_s = time.monotonic()
        self._client = client
        if self._stopping.is_set():
            client.disconnect()
        while client.loop(_LOOP_S) == 0 and not self._given_up_reason:
            thread.progress()
            if self._connected_s is None and time.monotonic() - started_s > ANSWER_S:
                self._status.attempt_failed("cannot be used", NO_ANSWER)
                break

    def _end_attempt(self) -> bool:
        """Report the end of a connection or an attempt; return whether the connection was steady."""
        connected_s, self._connected_s = self._connected_s, None
        reason, self._loss_reason = self._given_up_reason or self._loss_reason, CONNECTION_LOST
        self._given_up_reason = ""
        if connected_s is not None:
            self._changed_s = time.monotonic()
        self._live = self._client = None
        self._subscriptions.clear()
        if self._stopping.is_set():
            return False
        self._listener.disconnected()
        self._status.ended(was_up=connected_s is not None, reason=reason)
        return connected_s is not None and time.monotonic() - connected_s >= STEADY_S

    def _new_client(self) -> "BoundedClient":
        client = self._access.new_client(2 * MAX_IN_FLIGHT, self.limits, self._max_payload_bytes)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        # With this set, the thread that calls ``loop`` writes, and never the one that publishes.
        client.on_socket_register_write = lambda *_: None
        return client

    def _on_connect(
        self,
        client: "Client",
        _data: object,
        _flags: object,
        code: "ReasonCode",
        properties: "Properties | None",
    ) -> None:
        if self._stopping.is_set():
            client.disconnect()
        elif self._live is not None:
            self.give_up("it answers the login twice")
        elif code.is_failure:
            self._adapt_will(code.value)
            self._status.attempt_failed("refuses the connection", describe_login_refusal(str(code)))
        else:
            self.limits = limits_of(properties)
            self.n_connections += 1
            self._connected_s = self._changed_s = time.monotonic()
            self._live = client, self.n_connections * _N_MESSAGE_IDS
            self._status.connected()
            self._status.limited(self.limits.warning)
            self._listener.connected()

    def _adapt_will(self, reason_code: int) -> None:
        """After a login that was refused because of the will, ask for less at the next attempt."""
        if reason_code == _QOS_NOT_SUPPORTED:
            self.limits = replace(self.limits, max_qos=0)
        elif reason_code == _RETAIN_NOT_SUPPORTED:
            self.limits = replace(self.limits, can_retain=False)

    def _on_disconnect(
        self,
        _client: "Client",
        _data: object,
        flags: "DisconnectFlags",
        code: "ReasonCode",
        _properties: object,
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self._loss_reason = f"it closed the connection ({lower_first(str(code))})"
        elif self._client is not None and self._client.oversized is not None:
            self._loss_reason = self._avoid(self._client.oversized)

    def _avoid(self, packet: "OversizedPacket") -> str:
        """From now on, avoid the subscriptions that match a packet; return what to log."""
        matching = {each for each in self._topic_filters if packet.matches(each)}
        self._avoided |= matching
        about = f"it sent {packet.n_bytes} bytes, of which {self._max_payload_bytes} are accepted"
        if not matching:
            return f"{about}, on a topic without a subscription"
        topics = ", ".join(sorted(matching))
        return f"{about}; until the next start there is no subscription to {topics}"

    def _on_publish(
        self, _client: "Client", _data: object, mid: int, code: "ReasonCode", _properties: object
    ) -> None:
        refusal = describe_access_refusal(str(code)) if code.is_failure else ""
        is_final = code.value not in _PASSING_REFUSALS
        message_id = self.n_connections * _N_MESSAGE_IDS + mid
        self._listener.acknowledged(message_id, refusal=refusal, is_final=is_final)

    def _on_subscribe(
        self,
        _client: "Client",
        _data: object,
        mid: int,
        codes: "list[ReasonCode]",
        _properties: object,
    ) -> None:
        topic_filter = self._subscriptions.pop(mid, "")
        if codes and codes[0].is_failure:
            self._status.subscription_refused(topic_filter, describe_access_refusal(str(codes[0])))

    def _on_message(self, _client: "Client", _data: object, message: "MQTTMessage") -> None:
        if len(message.payload) <= self._max_payload_bytes:
            self._listener.received(message.topic, bytes(message.payload))

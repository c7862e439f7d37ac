"""The connection to an MQTT broker, opened again whenever it ends.

The pauses between attempts grow from about 1 to 60 seconds, with random jitter, for as long as it takes.
Each change of the connection is logged once, with its cause.

Each connection has a paho client and a clean session of its own: no message of an earlier connection can
be sent again or out of order, and no topic subscribed to twice. Messages that must outlive a connection
are kept by the listener (``serd.mqtt.queue``). Everything is sent with QoS 1.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from serd.mqtt.access import Access
from serd.mqtt.diagnosis import (
    CONNECTION_LOST,
    NO_ANSWER,
    LinkStatus,
    describe_access_refusal,
    describe_connection_error,
    describe_login_refusal,
    lower_first,
)
from serd.mqtt.settings import MQTT_5, Settings

if TYPE_CHECKING:
    from paho.mqtt.client import Client, DisconnectFlags, MQTTMessage
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode


class Backoff:
    """Pauses that double from ``first_s`` up to ``max_s``, each with a jitter of half its length."""

    def __init__(self, *, first_s: float, max_s: float, random: Callable[[], float]) -> None:
        """Begin with the shortest pause.

        Args:
            first_s: mean of the first pause, in seconds, above 0.
            max_s: the longest pause, in seconds.
            random: gives numbers from 0 to below 1, like ``random.random``.
        """
        self._first_s = first_s
        self._max_s = max_s
        self._random = random
        self._mean_s = first_s

    def next_s(self) -> float:
        """The pause before the next attempt, in seconds."""
        pause_s = min(self._max_s, self._mean_s * (0.5 + self._random()))
        self._mean_s = min(self._max_s / 1.5, 2.0 * self._mean_s)
        return pause_s

    def reset(self) -> None:
        """Return to the shortest pause, after a connection that lasted."""
        self._mean_s = self._first_s


MAX_IN_FLIGHT: Final = 50
"""Messages that may wait for the broker's acknowledgement at a time, unless it asks for fewer."""
FIRST_PAUSE_S = 1.0
MAX_PAUSE_S = 60.0
ANSWER_S = 10.0
"""Time for the broker to answer the login, in seconds."""
STEADY_S = 5.0
"""Length of a connection, in seconds, after which the next pause is the shortest again."""

_log = logging.getLogger("serd.mqtt")

_QOS: Final = 1
_LOOP_S: Final = 1.0
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
    ) -> None:
        """Read passwords and certificates; ``start`` begins to connect.

        Args:
            settings: the broker; its host must not be empty.
            listener: takes the events of the link.
            name: first part of the client id; a random part follows.
            will: topic and payload of the last will, which is retained.

        Raises:
            SettingsError: a certificate, key or password file cannot be read.
        """
        self.address = settings.address
        self.max_in_flight = MAX_IN_FLIGHT
        """Messages that may wait for the broker's acknowledgement on this connection."""
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
        self._client: Client | None = None
        self._live: tuple[Client, int] | None = None
        """The client that is connected, and the number before its first message id."""
        self._connected_s: float | None = None
        """Start of the connection, in seconds of the monotonic clock; None without one."""
        self._loss_reason = CONNECTION_LOST
        self._subscriptions: dict[int, str] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="serd-mqtt-link", daemon=True)

    @property
    def reason(self) -> str:
        """Why there is no connection; empty while there is one."""
        return self._status.reason

    def start(self) -> None:
        """Connect, and reconnect whenever the connection ends, in a thread of its own."""
        self._thread.start()

    def publish(self, topic: str, payload: str, *, is_retained: bool) -> int | None:
        """Send a message on the present connection.

        Returns:
            The id that ``LinkListener.acknowledged`` will be called with, unique among all connections;
            None without a connection.

        Raises:
            ValueError: no broker accepts the topic or the payload.
        """
        if (live := self._live) is None:
            return None
        client, first_id = live
        return first_id + client.publish(topic, payload, qos=_QOS, retain=is_retained).mid

    def subscribe(self, topic_filter: str) -> None:
        """Subscribe to a topic filter for as long as this connection lasts."""
        if (live := self._live) is not None:
            _, message_id = live[0].subscribe(topic_filter, qos=_QOS)
            if message_id is not None:
                self._subscriptions[message_id] = topic_filter

    def stop(self, timeout_s: float) -> None:
        """Disconnect, so that the broker discards the will, and end within ``timeout_s`` seconds.

        A thread that hangs in a name look-up for longer ends with the process.
        """
        self._stopping.set()
        if (client := self._client) is not None:
            client.disconnect()
        if self._thread.is_alive():
            self._thread.join(max(0.0, timeout_s))

    def _run(self) -> None:
        pauses = Backoff(first_s=FIRST_PAUSE_S, max_s=MAX_PAUSE_S, random=random.random)
        while not self._stopping.is_set():
            self.n_attempts += 1
            try:
                self._connect_once()
            except Exception:  # noqa: BLE001 - whatever went wrong, there must be a next attempt
                # paho raises any exception if the answer is no MQTT.
                _log.debug("broker %s", self.address, exc_info=True)
            if self._end_attempt():
                pauses.reset()
            self._stopping.wait(pauses.next_s())

    def _connect_once(self) -> None:
        client = self._new_client()
        try:
            client.connect(self._settings.host, self._settings.port, self._settings.keepalive_s)
        except OSError as exc:
            if not self._stopping.is_set():
                self._status.attempt_failed("cannot be reached", describe_connection_error(exc))
            return
        started_s = time.monotonic()
        self._client = client
        if self._stopping.is_set():
            client.disconnect()
        while client.loop(_LOOP_S) == 0:
            if self._connected_s is None and time.monotonic() - started_s > ANSWER_S:
                self._status.attempt_failed("cannot be used", NO_ANSWER)
                break

    def _end_attempt(self) -> bool:
        """Report the end of a connection or an attempt; return whether the connection was steady."""
        connected_s, self._connected_s = self._connected_s, None
        reason, self._loss_reason = self._loss_reason, CONNECTION_LOST
        self._live = self._client = None
        self._subscriptions.clear()
        if self._stopping.is_set():
            return False
        self._listener.disconnected()
        self._status.ended(was_up=connected_s is not None, reason=reason)
        return connected_s is not None and time.monotonic() - connected_s >= STEADY_S

    def _new_client(self) -> "Client":
        client = self._access.new_client(2 * MAX_IN_FLIGHT)
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
        elif code.is_failure:
            self._status.attempt_failed("refuses the connection", describe_login_refusal(str(code)))
        else:
            self.max_in_flight = min(MAX_IN_FLIGHT, getattr(properties, "ReceiveMaximum", MAX_IN_FLIGHT))
            self.n_connections += 1
            self._connected_s = time.monotonic()
            self._live = client, self.n_connections * _N_MESSAGE_IDS
            self._status.connected()
            self._listener.connected()

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
        self._listener.received(message.topic, bytes(message.payload))

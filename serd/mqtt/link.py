"""One connection to an MQTT broker that comes up when it can and comes back by itself.

The first attempt may fail: the pauses between attempts grow from about 1 to 60 seconds, spread at
random, for as long as it takes. What became of the connection is said once a change, not once an
attempt, and in words that tell what to do.

Each connection has a paho client of its own, and a session that the broker forgets with it: nothing that
either remembers of an earlier one can be sent again, out of order, or subscribed to twice. What must
survive a connection is the user's own business. Everything goes out with QoS 1.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from serd.mqtt.access import Access
from serd.mqtt.diagnosis import CUT, SILENT, LinkStatus, access_refusal, as_part, in_words, refusal
from serd.mqtt.settings import MQTT_5, Settings

if TYPE_CHECKING:
    from paho.mqtt.client import Client, DisconnectFlags, MQTTMessage
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode


class Backoff:
    """Pauses that double from ``first_s`` on, each spread by half of itself, up to ``most_s``."""

    def __init__(self, *, first_s: float, most_s: float, random: Callable[[], float]) -> None:
        """Begin with the shortest.

        Args:
            first_s: middle of the first pause, in seconds, above 0.
            most_s: the longest pause, in seconds.
            random: numbers from 0 to below 1, ``random.random`` for one.
        """
        self._first_s = first_s
        self._most_s = most_s
        self._random = random
        self._middle_s = first_s

    def next_s(self) -> float:
        """The pause before the next attempt, in seconds."""
        pause_s = min(self._most_s, self._middle_s * (0.5 + self._random()))
        self._middle_s = min(self._most_s / 1.5, 2.0 * self._middle_s)
        return pause_s

    def reset(self) -> None:
        """Begin anew: what came back has stayed."""
        self._middle_s = self._first_s


WINDOW_MESSAGES: Final = 50
"""Messages that may wait for the broker's acknowledgement at a time, unless it asks for fewer."""
FIRST_PAUSE_S = 1.0
MOST_PAUSE_S = 60.0
ANSWER_S = 10.0
"""How long a broker that took our connection may take to let us in."""
STEADY_S = 5.0
"""A connection that lasted as long as this was a good one: the pauses begin anew behind it."""

_log = logging.getLogger("serd.mqtt")

_QOS: Final = 1
_LOOP_S: Final = 1.0
_N_MESSAGE_IDS: Final = 1 << 16
"""MQTT counts messages in 16 bits, and each connection anew."""


class LinkListener(Protocol):
    """Who uses a link. All methods are called by its thread and must return soon."""

    def connected(self) -> None:
        """The broker has let us in: publish and subscribe what must be there on each connection."""
        ...

    def disconnected(self) -> None:
        """The connection is gone with all that was not acknowledged, or did not come about."""
        ...

    def acknowledged(self, message_id: int, *, refusal: str) -> None:
        """The broker has taken a message; or will never take it, and ``refusal`` says why."""
        ...

    def received(self, topic: str, payload: bytes) -> None:
        """A message has come on a topic that was subscribed to."""
        ...

    def news(self, line: str, *, is_up: bool) -> None:
        """The connection has come up, broken off, or fails for a reason not yet named."""
        ...


class Link:
    """A connection to the broker that the settings name."""

    def __init__(
        self,
        settings: Settings,
        user: LinkListener,
        *,
        name: str,
        will: tuple[str, str] | None = None,
    ) -> None:
        """Set up; ``start`` begins to connect.

        Args:
            settings: the broker; its host must not be empty.
            user: who is told of what happens.
            name: how the client is called, before a random part.
            will: topic and text that the broker publishes, retained, if we vanish.

        Raises:
            SettingsError: a certificate, key or password file cannot be read.
        """
        self.address = f"{settings.host}:{settings.port}"
        self.window = WINDOW_MESSAGES
        """Messages that this connection's broker lets wait for its acknowledgement."""
        self.n_attempts = 0
        """Attempts to connect, successful ones included."""
        self.n_connections = 0
        """Connections that came up."""
        self._settings = settings
        self._user = user
        self._news = LinkStatus(self.address, user.news, is_version_5=settings.protocol == MQTT_5)
        self._access = Access(settings, name=name, will=will)
        self._client: Client | None = None
        self._live: tuple[Client, int] | None = None
        """The client that is connected, and what its message ids are counted from."""
        self._up_s: float | None = None
        self._cut = CUT
        self._subscriptions: dict[int, str] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="serd-mqtt-link", daemon=True)

    @property
    def reason(self) -> str:
        """Why there is no connection; empty where there is one."""
        return self._news.reason

    def start(self) -> None:
        """Connect, and connect again whenever needed, in a thread of its own."""
        self._thread.start()

    def publish(self, topic: str, payload: str, *, is_retained: bool) -> int | None:
        """Send a message on the present connection.

        Returns:
            The id that ``LinkListener.acknowledged`` will be called with, unique among all connections;
            None where there is no connection.
        """
        if (live := self._live) is None:
            return None
        client, first_id = live
        return first_id + client.publish(topic, payload, qos=_QOS, retain=is_retained).mid

    def subscribe(self, topic_filter: str) -> None:
        """Ask for all messages whose topic fits, for as long as this connection lasts."""
        if (live := self._live) is not None:
            _, message_id = live[0].subscribe(topic_filter, qos=_QOS)
            if message_id is not None:
                self._subscriptions[message_id] = topic_filter

    def stop(self, timeout_s: float) -> None:
        """Say goodbye, so that the broker drops the will, and end within ``timeout_s`` seconds.

        The thread may hang in a name look-up for longer than that; then it ends with the process.
        """
        self._stopping.set()
        if (client := self._client) is not None:
            client.disconnect()
        if self._thread.is_alive():
            self._thread.join(max(0.0, timeout_s))

    def _run(self) -> None:
        pauses = Backoff(first_s=FIRST_PAUSE_S, most_s=MOST_PAUSE_S, random=random.random)
        while not self._stopping.is_set():
            self.n_attempts += 1
            try:
                self._connect_once()
            except Exception:  # noqa: BLE001 - whatever went wrong, there must be a next attempt
                # paho raises anything at answers that are no MQTT.
                _log.debug("broker %s", self.address, exc_info=True)
            if self._is_over():
                pauses.reset()
            self._stopping.wait(pauses.next_s())

    def _connect_once(self) -> None:
        client = self._new_client()
        try:
            client.connect(self._settings.host, self._settings.port, self._settings.keepalive_s)
        except OSError as exc:
            if not self._stopping.is_set():
                self._news.fails("cannot be reached", in_words(exc))
            return
        began_s = time.monotonic()
        self._client = client
        if self._stopping.is_set():
            client.disconnect()
        while client.loop(_LOOP_S) == 0:
            if self._up_s is None and time.monotonic() - began_s > ANSWER_S:
                self._news.fails("cannot be used", SILENT)
                break

    def _is_over(self) -> bool:
        """Say what became of a connection or an attempt; whether the connection was a steady one."""
        up_s, self._up_s = self._up_s, None
        cut, self._cut = self._cut, CUT
        self._live = self._client = None
        self._subscriptions.clear()
        if self._stopping.is_set():
            return False
        self._user.disconnected()
        self._news.over(was_up=up_s is not None, cut=cut)
        return up_s is not None and time.monotonic() - up_s >= STEADY_S

    def _new_client(self) -> "Client":
        client = self._access.new_client(2 * WINDOW_MESSAGES)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        # With this set, whoever publishes leaves the writing to the thread that calls ``loop``.
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
            self._news.fails("refuses us", refusal(str(code)))
        else:
            self.window = min(WINDOW_MESSAGES, getattr(properties, "ReceiveMaximum", WINDOW_MESSAGES))
            self.n_connections += 1
            self._up_s = time.monotonic()
            self._live = client, self.n_connections * _N_MESSAGE_IDS
            self._news.up()
            self._user.connected()

    def _on_disconnect(
        self,
        _client: "Client",
        _data: object,
        flags: "DisconnectFlags",
        code: "ReasonCode",
        _properties: object,
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self._cut = f"it closed the connection ({as_part(str(code))})"

    def _on_publish(
        self, _client: "Client", _data: object, mid: int, code: "ReasonCode", _properties: object
    ) -> None:
        refused = access_refusal(str(code)) if code.is_failure else ""
        self._user.acknowledged(self.n_connections * _N_MESSAGE_IDS + mid, refusal=refused)

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
            self._news.no_subscription(topic_filter, access_refusal(str(codes[0])))

    def _on_message(self, _client: "Client", _data: object, message: "MQTTMessage") -> None:
        self._user.received(message.topic, bytes(message.payload))

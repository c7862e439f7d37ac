"""One connection to an MQTT broker that comes up when it can and comes back by itself.

The first attempt may fail: the pause between attempts grows from 1 to 30 seconds, for as long as it
takes. What became of the connection is said once a change, not once an attempt, and in words that tell
what to do.
"""

import contextlib
import errno
import secrets
import socket
import ssl
import sys
import threading
from typing import TYPE_CHECKING, Final, Protocol

from serd.errors import SettingsError
from serd.mqtt_settings import Settings
from serd.topics import topic_level

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage
    from paho.mqtt.reasoncodes import ReasonCode


WINDOW_MESSAGES: Final = 50
"""Messages that may wait for the broker's acknowledgement at a time."""

_QOS: Final = 1
_CONNECT_TIMEOUT_S: Final = 5.0
_PAUSE_S: Final = (1, 30)
_REFUSED: Final = "connection refused, no broker runs there"
_CUT: Final = "the connection broke off"
_NO_MQTT: Final = (
    "closed before it answered; is it an MQTT broker, and is TLS set on both sides or on neither?"
)


class LinkUser(Protocol):
    """Who uses a link. All methods are called by its network thread and must return soon."""

    def connected(self) -> None:
        """The broker has let us in: publish and subscribe what must be there on each connection."""
        ...

    def disconnected(self) -> None:
        """The connection is gone."""
        ...

    def acknowledged(self, message_id: int) -> None:
        """The broker has taken a message."""
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
        user: LinkUser,
        *,
        name: str,
        will: tuple[str, str] | None = None,
    ) -> None:
        """Set up; ``start`` begins to connect.

        Args:
            settings: the broker; its host must not be empty.
            user: who is told of what happens.
            name: how the client is called; a random part is added, for two clients of one name would
                throw each other out for ever.
            will: topic and text that the broker publishes, retained, if we vanish.

        Raises:
            SettingsError: a certificate or key cannot be read.
        """
        self.address = f"{settings.host}:{settings.port}"
        self.reason = ""
        self._user = user
        self._is_up = False
        self._is_stopping = False
        self._is_refused = False
        self._said: set[str] = set()
        self._client = self._make_client(settings, name, will)
        self._client.connect_async(settings.host, settings.port, settings.keepalive_s)

    def start(self) -> None:
        """Connect, and connect again whenever needed, in a thread of its own."""
        self._client.loop_start()

    def publish(self, topic: str, payload: str, *, is_retained: bool) -> int:
        """Send a message with QoS 1, now or on the next connection.

        Returns:
            The id that ``LinkUser.acknowledged`` will be called with.
        """
        return self._client.publish(topic, payload, qos=_QOS, retain=is_retained).mid

    def subscribe(self, topic_filter: str) -> None:
        """Ask for all messages whose topic fits, for as long as this connection lasts."""
        self._client.subscribe(topic_filter, qos=_QOS)

    def stop(self, timeout_s: float) -> None:
        """Say goodbye, so that the broker drops the will, and end within ``timeout_s`` seconds."""
        self._is_stopping = True
        self._client.disconnect()
        # The network thread may hang in a name look-up for longer than we may wait: a daemon thread
        # waits for it instead, and both end with the process.
        waiter = threading.Thread(target=self._join, name="serd-mqtt-stop", daemon=True)
        waiter.start()
        waiter.join(max(0.0, timeout_s))

    def _join(self) -> None:
        # paho looks at its thread twice, and the thread may end between the two looks.
        with contextlib.suppress(AttributeError):
            self._client.loop_stop()

    def _make_client(self, settings: Settings, name: str, will: tuple[str, str] | None) -> "Client":
        from paho.mqtt.client import Client  # noqa: PLC0415
        from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415

        client_id = f"serd-{topic_level(name)}-{secrets.token_hex(4)}"
        client = Client(CallbackAPIVersion.VERSION2, client_id=client_id)
        client.connect_timeout = _CONNECT_TIMEOUT_S
        client.reconnect_delay_set(*_PAUSE_S)
        # Beyond this number paho would queue messages itself, and send them out of order.
        client.max_inflight_messages_set(2 * WINDOW_MESSAGES)
        if settings.user:
            client.username_pw_set(settings.user, settings.password or None)
        if settings.tls:
            client.tls_set_context(_tls_context(settings))
        if will is not None:
            client.will_set(*will, qos=_QOS, retain=True)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    def _on_connect(
        self, client: "Client", _data: object, _flags: object, code: "ReasonCode", _properties: object
    ) -> None:
        if self._is_stopping:
            client.disconnect()
        elif code.is_failure:
            self._is_refused = True
            self._fails(f"broker {self.address} refuses us", _refusal(str(code)))
        else:
            self._is_up = True
            self.reason = ""
            self._said.clear()
            self._user.news(f"connected to broker {self.address}", is_up=True)
            self._user.connected()

    def _on_connect_fail(self, _client: "Client", _data: object) -> None:
        # paho keeps the cause to itself, but calls this while it handles it.
        self._fails(f"broker {self.address} cannot be reached", in_words(sys.exception()))

    def _on_disconnect(
        self, _client: "Client", _data: object, _flags: object, _code: object, _properties: object
    ) -> None:
        if self._is_stopping:
            return
        if self._is_up:
            self._is_up = False
            self._user.disconnected()
            self._fails(f"lost broker {self.address}", _CUT)
            # A broker that restarts has its port closed, or open too early: no news after a loss.
            self._said.update((_REFUSED, _NO_MQTT))
        elif self._is_refused:
            self._is_refused = False
        else:
            self._fails(f"broker {self.address} cannot be used", _NO_MQTT)

    def _on_publish(
        self, _client: "Client", _data: object, mid: int, _code: object, _properties: object
    ) -> None:
        self._user.acknowledged(mid)

    def _on_message(self, _client: "Client", _data: object, message: "MQTTMessage") -> None:
        self._user.received(message.topic, bytes(message.payload))

    def _fails(self, what: str, reason: str) -> None:
        self.reason = reason
        if reason not in self._said and not self._is_stopping:
            self._said.add(reason)
            self._user.news(f"{what}: {reason}; trying again", is_up=False)


def in_words(error: BaseException | None) -> str:
    """Why a connection did not come about, in words that tell what to do."""
    match error:
        case ConnectionRefusedError():
            words = _REFUSED
        case ConnectionResetError():
            words = _NO_MQTT
        case TimeoutError():
            words = "no answer in time"
        case socket.gaierror():
            words = "the host name is not known"
        case ssl.SSLCertVerificationError():
            words = (
                f"its TLS certificate is not accepted ({error.verify_message});"
                " [mqtt] ca_file must name the authority that signed it"
            )
        case ssl.SSLError(reason="WRONG_VERSION_NUMBER" | "RECORD_LAYER_FAILURE"):
            words = "it does not speak TLS on this port; turn [mqtt] tls off or take its TLS port"
        case ssl.SSLError():
            words = f"TLS failed ({error.reason or error})"
        case OSError(errno=errno.ENETUNREACH | errno.EHOSTUNREACH):
            words = "there is no way to this host; is the network up?"
        case OSError():
            words = error.strerror or str(error)
        case _:
            words = "no answer"
    return words


def _refusal(code: str) -> str:
    if code.lower() in {"not authorized", "bad user name or password"}:
        return "not authorised; check [mqtt] user and password"
    return code[:1].lower() + code[1:]


class _TidySocket(ssl.SSLSocket):
    """Closes itself when the other side is not who it should be; paho would leave it open."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def _tls_context(settings: Settings) -> ssl.SSLContext:
    """What we trust and who we are.

    Raises:
        SettingsError: a file is missing or no PEM.
    """
    key, path = "ca_file", settings.ca_file
    try:
        context = ssl.create_default_context(cafile=path or None)
        context.sslsocket_class = _TidySocket
        if path:
            # Python 3.13 refuses authorities without a key usage extension, which those made by
            # Mosquitto's own instructions lack. The certificate is still verified.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if settings.cert_file:
            key, path = "cert_file", settings.cert_file
            context.load_cert_chain(settings.cert_file, settings.key_file)
    except OSError as exc:
        why = exc.strerror or str(exc)
        if isinstance(exc, ssl.SSLError):
            why = "no PEM, or key and certificate do not belong together"
        raise SettingsError(f"[mqtt] {key} = {path!r} cannot be used: {why}") from exc
    return context

"""Access to a broker: client id, user and password, TLS certificates, last will."""

import os
import secrets
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from serd.errors import SettingsError
from serd.mqtt.settings import MQTT_5, Settings
from serd.mqtt.topics import topic_level

if TYPE_CHECKING:
    from paho.mqtt.client import Client

CREDENTIAL: Final = "mqtt-password"
"""Name of the systemd credential (``LoadCredential=``) that holds the password."""

_CREDENTIALS_VARIABLE: Final = "CREDENTIALS_DIRECTORY"
_MAX_PASSWORD_BYTES: Final = 65_535
"""Longest password of MQTT."""
_CONNECT_TIMEOUT_S: Final = 5.0
_QOS: Final = 1


class Access:
    """The credentials of all connections to a broker, read once at the start."""

    def __init__(self, settings: Settings, *, name: str, will: tuple[str, str] | None) -> None:
        """Read the files that the settings name.

        Args:
            settings: the broker.
            name: first part of the client id. A random part follows, since two clients with the same
                id would disconnect each other again and again. All connections share the id, so that
                a new one ends an old one that the broker still considers alive.
            will: topic and payload of the last will, which is retained; None for no will.

        Raises:
            SettingsError: a certificate, key or password file cannot be read.
        """
        self._settings = settings
        self._will = will
        self._client_id = f"serd-{topic_level(name)}-{secrets.token_hex(4)}"
        self._password = read_password(settings)
        self._tls = tls_context(settings) if settings.tls else None

    def new_client(self, max_in_flight: int) -> "Client":
        """A client for one connection with a clean session.

        Args:
            max_in_flight: messages that the client may send before the first is acknowledged.
        """
        from paho.mqtt.client import Client  # noqa: PLC0415
        from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion  # noqa: PLC0415

        is_5 = self._settings.protocol == MQTT_5
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=MQTTProtocolVersion.MQTTv5 if is_5 else MQTTProtocolVersion.MQTTv311,
            transport=self._settings.transport,
            reconnect_on_failure=False,
        )
        client.connect_timeout = _CONNECT_TIMEOUT_S
        client.ws_set_options(self._settings.websocket_path)
        # Beyond this number paho queues messages itself, and sends them out of order.
        client.max_inflight_messages_set(max_in_flight)
        if self._settings.user:
            client.username_pw_set(self._settings.user, self._password or None)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        if self._will is not None:
            client.will_set(*self._will, qos=_QOS, retain=True)
        return client


def read_password(settings: Settings, environment: Mapping[str, str] | None = None) -> str:
    """The password: from the settings, their password file or systemd's credential, else empty.

    Args:
        settings: the broker.
        environment: environment variables; by default those of the process.

    Raises:
        SettingsError: the file is missing, unreadable, empty or not UTF-8.
    """
    environment = os.environ if environment is None else environment
    if settings.password or not settings.user:
        return settings.password
    if settings.password_file:
        return _read_secret(Path(settings.password_file), "[mqtt] password_file")
    if folder := environment.get(_CREDENTIALS_VARIABLE):
        path = Path(folder) / CREDENTIAL
        if path.exists():
            return _read_secret(path, "credential")
    return ""


def _read_secret(path: Path, origin: str) -> str:
    """The first line of a file; no part of it appears in an error."""
    try:
        with path.open("rb") as file:
            line = file.readline(_MAX_PASSWORD_BYTES + 2).rstrip(b"\r\n")
        text = line.decode("utf-8")
    except OSError as exc:
        raise SettingsError(f"{origin} = {str(path)!r} cannot be read: {exc.strerror}") from exc
    except ValueError:
        raise SettingsError(f"{origin} = {str(path)!r} is no text in UTF-8") from None
    if len(line) > _MAX_PASSWORD_BYTES:
        raise SettingsError(
            f"{origin} = {str(path)!r} has a longer first line than {_MAX_PASSWORD_BYTES} bytes"
        )
    if not text:
        raise SettingsError(f"{origin} = {str(path)!r} is empty, expected a password on its first line")
    return text


def tls_context(settings: Settings) -> ssl.SSLContext:
    """The TLS context with the trusted authority and the client certificate of the settings.

    Raises:
        SettingsError: a file is missing or no PEM, or key and certificate do not match.
    """
    key, path = "ca_file", settings.ca_file
    try:
        context = ssl.create_default_context(cafile=path or None)
        context.sslsocket_class = _SelfClosingSocket
        if path:
            # Python 3.13 refuses authorities without a key usage extension, and Mosquitto's
            # instructions make such authorities. The certificate is still verified.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if settings.cert_file:
            key, path = "cert_file", settings.cert_file
            context.load_cert_chain(settings.cert_file, settings.key_file)
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        if isinstance(exc, ssl.SSLError):
            reason = "no PEM, or key and certificate do not belong together"
        raise SettingsError(f"[mqtt] {key} = {path!r} cannot be used: {reason}") from exc
    return context


class _SelfClosingSocket(ssl.SSLSocket):
    """Closes itself when the TLS handshake fails; paho would leave it open."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise

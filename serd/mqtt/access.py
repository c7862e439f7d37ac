"""Who we are to a broker and whom we trust: name, password, certificates, last will."""

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
_CONNECT_TIMEOUT_S: Final = 5.0
_QOS: Final = 1


class Access:
    """What each connection to a broker is opened with; read once, at the start."""

    def __init__(self, settings: Settings, *, name: str, will: tuple[str, str] | None) -> None:
        """Read what the settings name.

        Args:
            settings: the broker.
            name: how the client is called; a random part is added, for two clients of one name would
                throw each other out for ever. It stays the same for all connections: a new one ends an
                old one that the broker still holds for alive.
            will: topic and text that the broker publishes, retained, if we vanish.

        Raises:
            SettingsError: a certificate, key or password file cannot be read.
        """
        self._settings = settings
        self._will = will
        self._client_id = f"serd-{topic_level(name)}-{secrets.token_hex(4)}"
        self._password = read_password(settings)
        self._tls = tls_context(settings) if settings.tls else None

    def new_client(self, max_in_flight: int) -> "Client":
        """A client for one connection, whose session the broker forgets with it."""
        from paho.mqtt.client import Client  # noqa: PLC0415
        from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion  # noqa: PLC0415

        is_5 = self._settings.protocol == MQTT_5
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=MQTTProtocolVersion.MQTTv5 if is_5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = _CONNECT_TIMEOUT_S
        # Beyond this number paho would queue messages itself, and send them out of order.
        client.max_inflight_messages_set(max_in_flight)
        if self._settings.user:
            client.username_pw_set(self._settings.user, self._password or None)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        if self._will is not None:
            client.will_set(*self._will, qos=_QOS, retain=True)
        return client


def read_password(settings: Settings, environment: Mapping[str, str] | None = None) -> str:
    """The password that the settings give or name; without one, systemd's credential, else none.

    Args:
        settings: ``password`` is taken as it is, ``password_file`` is read.
        environment: variables; by default those of the process.

    Raises:
        SettingsError: the file is missing, unreadable, empty or no text.
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


def _read_secret(path: Path, what: str) -> str:
    """First line of a file; neither it nor any part of it appears in an error."""
    try:
        text = path.read_text("utf-8").partition("\n")[0].rstrip("\r")
    except OSError as exc:
        raise SettingsError(f"{what} = {str(path)!r} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError:
        raise SettingsError(f"{what} = {str(path)!r} is no text in UTF-8") from None
    if not text:
        raise SettingsError(f"{what} = {str(path)!r} is empty, expected a password on its first line")
    return text


def tls_context(settings: Settings) -> ssl.SSLContext:
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


class _TidySocket(ssl.SSLSocket):
    """Closes itself when the other side is not who it should be; paho would leave it open."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise

"""Access to a broker: client id, user and password, TLS certificates, last will."""

import hashlib
import logging
import os
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from serd.errors import SettingsError
from serd.mqtt.limits import BrokerLimits
from serd.mqtt.settings import MQTT_5, Settings
from serd.mqtt.topics import topic_level

if TYPE_CHECKING:
    from serd.mqtt.receiving import BoundedClient

_log = logging.getLogger("serd.mqtt")

CREDENTIAL: Final = "mqtt-password"
"""Name of the systemd credential (``LoadCredential=``) that holds the password."""

_CREDENTIALS_VARIABLE: Final = "CREDENTIALS_DIRECTORY"
_MAX_PASSWORD_BYTES: Final = 65_535
"""Longest password of MQTT."""
_MAX_FILE_BYTES: Final = 1_000_000
"""Part of a certificate's file in which a change is noticed."""
_CONNECT_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """Password and certificates, as they were when their files were read."""

    password: str
    tls: ssl.SSLContext | None
    """None without TLS."""
    digest: bytes
    """Differs if any of the files has other content."""


class Access:
    """The credentials of all connections to a broker.

    Their files are read again for each new connection, since they may have been replaced. While they
    cannot be read, the latest credentials stay in use.
    """

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
        self._credentials = read_credentials(settings)
        self._complaint = ""
        """The error of the latest attempt to read the files; empty if there was none."""

    def refresh(self) -> bool:
        """Read the files again, and return whether they have changed; an error is logged once."""
        try:
            credentials = read_credentials(self._settings)
        except SettingsError as exc:
            if str(exc) != self._complaint:
                _log.warning("%s; the earlier one stays in use", exc)
            self._complaint = str(exc)
            return False
        self._complaint = ""
        previous, self._credentials = self._credentials, credentials
        return credentials.digest != previous.digest

    def new_client(
        self, max_in_flight: int, limits: BrokerLimits, max_payload_bytes: int
    ) -> "BoundedClient":
        """A client for one connection with a clean session and the present credentials.

        Args:
            max_in_flight: messages that the client may send before the first is acknowledged.
            limits: what the broker is known to take; the will keeps to it.
            max_payload_bytes: longest payload that the client must accept, in bytes.
        """
        from paho.mqtt.enums import MQTTProtocolVersion  # noqa: PLC0415

        from serd.mqtt.receiving import MAX_OVERHEAD_BYTES, BoundedClient  # noqa: PLC0415

        self.refresh()
        credentials = self._credentials
        is_5 = self._settings.protocol == MQTT_5
        client = BoundedClient(
            client_id=self._client_id,
            protocol=MQTTProtocolVersion.MQTTv5 if is_5 else MQTTProtocolVersion.MQTTv311,
            transport=self._settings.transport,
            max_packet_bytes=max_payload_bytes + MAX_OVERHEAD_BYTES,
        )
        client.connect_timeout = _CONNECT_TIMEOUT_S
        client.ws_set_options(self._settings.websocket_path)
        # Beyond this number paho queues messages itself, and sends them out of order.
        client.max_inflight_messages_set(max_in_flight)
        if self._settings.user:
            client.username_pw_set(self._settings.user, credentials.password or None)
        if credentials.tls is not None:
            client.tls_set_context(credentials.tls)
        if self._will is not None:
            client.will_set(*self._will, qos=limits.max_qos, retain=limits.can_retain)
        return client


def read_credentials(settings: Settings) -> Credentials:
    """The password and the certificates that the settings name.

    Raises:
        SettingsError: a certificate, key or password file cannot be read.
    """
    password = read_password(settings)
    digest = hashlib.sha256(password.encode("utf-8", "surrogatepass"))
    if not settings.tls:
        return Credentials(password, None, digest.digest())
    context = tls_context(settings)
    for path in (settings.ca_file, settings.cert_file, settings.key_file):
        digest.update(b"\0" + (_content(path) if path else b""))
    return Credentials(password, context, digest.digest())


def _content(path: str) -> bytes:
    """The first megabyte of a file; empty if it cannot be read, as it has just been read whole."""
    try:
        with Path(path).open("rb") as file:
            return file.read(_MAX_FILE_BYTES)
    except OSError:
        return b""


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
        raise SettingsError(f"{origin} = {str(path)!r} is not UTF-8 text") from None
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
        SettingsError: a file is missing or not a PEM file, or key and certificate do not match.
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
            reason = "not a PEM file, or key and certificate do not match"
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

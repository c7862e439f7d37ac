"""Settings of the connection to an MQTT broker; the publisher and ``serd watch`` share them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from serd.mqtt.topics import is_prefix

_MAX_TEXT_BYTES: Final = 65_535
"""Longest text in a packet of MQTT."""
MQTT_311: Final = "3.1.1"
MQTT_5: Final = "5"
STORE_OFFLINE: Final = "offline"
STORE_ALWAYS: Final = "always"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Events to an MQTT broker."""

    enabled: bool = True
    """Whether events are published over MQTT."""
    host: str = field(default="", metadata={"form": "host"})
    """Name or address of the broker; empty for the one on this machine or, if there is none, one inside
    serd that only this machine can reach."""
    port: int = 1883
    """Port of the broker, 1 to 65535; with TLS usually 8883."""
    inner_port: int = 18830
    """Port of the broker inside serd, 1 to 65535. It is not 1883, which a broker that is installed or
    starts later would need."""
    user: str = ""
    """User name at the broker; empty for none. Needs a host: without one, serd sends no user and no
    password to whatever listens on this machine."""
    password: str = field(default="", repr=False, metadata={"secret": True})
    """Password at the broker; better in a file of its own or in the environment than here."""
    password_file: str = ""
    """File whose first line is the password; empty for none. Without this and password, serd uses
    systemd's credential "mqtt-password" if there is one."""
    protocol: str = MQTT_311
    """Version of MQTT: 3.1.1, which every broker speaks, or 5, which reports messages that the broker's
    access rules forbid."""
    transport: Literal["tcp", "websockets"] = "tcp"
    """What carries MQTT: tcp, or websockets, which some brokers have on a port of their own, such as
    9001, and which pass proxies of the web."""
    websocket_path: str = "/mqtt"
    """Path of the broker's websockets."""
    tls: bool = False
    """Whether the connection is encrypted; needs a host."""
    ca_file: str = ""
    """PEM file of the authority that signed the broker's certificate; empty for those of the system."""
    cert_file: str = ""
    """PEM file of serd's own certificate, if the broker asks for one; empty for none."""
    key_file: str = ""
    """PEM file of the key of cert_file."""
    prefix: str = field(default="serd", metadata={"form": "name"})
    """First part of every topic, at most 64 characters; no "+", no "#", no "/" at either end."""
    keepalive_s: int = 30
    """Longest silence on the connection, in seconds, 5 to 3600. A broker that disappears is noticed, and
    serd's own disappearance is published, after one to two times this."""
    durability: str = STORE_OFFLINE
    """When events are written to the disk: offline, only while the broker is away or does not
    acknowledge them, which saves SD cards; or always, before they are sent, so that not even a power cut
    loses one."""
    store_after_s: float = 5.0
    """Time after which an event that the broker has not acknowledged is written to the disk although the
    connection looks up, in seconds, 1 to 3600."""
    queue_events: int = 10_000
    """Most events in memory, 1 to 1000000; beyond it they are written to the disk, or the oldest are
    dropped if it cannot be written."""
    spool_events: int = 100_000
    """Most events on the disk, 1 to 10000000, about 1 kB each; beyond it the oldest are dropped."""
    spool_age_h: int = 168
    """Greatest age of events on the disk, in hours, 1 to 87600; older ones are dropped. The age of
    events of an earlier run counts only while the clock is known to be right."""

    @property
    def address(self) -> str:
        """Host and port, for people; an IPv6 address is in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what was expected) for each value that cannot work."""
        if not _is_host(self.host):
            yield "host", "a host name or address, without scheme or port"
        if not 1 <= self.port <= 65535:
            yield "port", "1 to 65535"
        if not 1 <= self.inner_port <= 65535:
            yield "inner_port", "1 to 65535"
        if not is_prefix(self.prefix):
            yield "prefix", 'a topic without "+" and "#", with no "/" at either end'
        if not 5 <= self.keepalive_s <= 3600:
            yield "keepalive_s", "5 to 3600 seconds"
        if self.protocol not in {MQTT_311, MQTT_5}:
            yield "protocol", f"{MQTT_311} or {MQTT_5}"
        yield from self._access_problems()
        yield from self._transport_problems()
        yield from self._storage_problems()

    def _transport_problems(self) -> Iterator[tuple[str, str]]:
        if self.transport != "tcp" and not self.host:
            yield "host", "the name of a broker, since transport is websockets"
        if not self.websocket_path.startswith("/") or not self.websocket_path.isprintable():
            yield "websocket_path", 'a path that begins with "/"'

    def _storage_problems(self) -> Iterator[tuple[str, str]]:
        if self.durability not in {STORE_OFFLINE, STORE_ALWAYS}:
            yield "durability", f"{STORE_OFFLINE} or {STORE_ALWAYS}"
        if not 1.0 <= self.store_after_s <= 3600.0:
            yield "store_after_s", "1 to 3600 seconds"
        if not 1 <= self.queue_events <= 1_000_000:
            yield "queue_events", "1 to 1000000"
        if not 1 <= self.spool_events <= 10_000_000:
            yield "spool_events", "1 to 10000000"
        if not 1 <= self.spool_age_h <= 87_600:
            yield "spool_age_h", "1 to 87600 hours"

    def _access_problems(self) -> Iterator[tuple[str, str]]:
        for key in ("user", "password"):
            if len(getattr(self, key).encode()) > _MAX_TEXT_BYTES:
                yield key, f"at most {_MAX_TEXT_BYTES} bytes"
        if (self.password or self.password_file) and not self.user:
            yield "user", "a user name, since there is a password"
        if self.password and self.password_file:
            yield "password_file", "no file, since there is a password"
        if self.user and not self.host:
            yield "host", "the broker that [mqtt] user is for; localhost for one on this machine"
        if self.tls and not self.host:
            yield "host", "the name of a broker, since tls is on"
        if bool(self.cert_file) != bool(self.key_file):
            missing = "cert_file" if self.key_file else "key_file"
            yield missing, "a file: certificate and key go together"
        for key in ("ca_file", "cert_file"):
            if getattr(self, key) and not self.tls:
                yield key, "no file, since tls is off"


def _is_host(text: str) -> bool:
    try:
        text.encode("idna")
    except UnicodeError:
        return False
    return not set(text) & set(" \t\r\n/@?#\0") and (text.count(":") != 1)

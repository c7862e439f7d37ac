"""Which MQTT broker serd talks to, and how; the publisher and ``serd watch`` share it."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Events to an MQTT broker."""

    enabled: bool = True
    """Whether events are published over MQTT."""
    host: str = ""
    """Name or address of the broker; empty for the one on this machine or, where there is none, one
    inside serd that only this machine can reach."""
    port: int = 1883
    """Port of the broker, 1 to 65535; with TLS usually 8883."""
    user: str = ""
    """User name for the broker; empty for none."""
    password: str = field(default="", metadata={"secret": True})
    """Password for the broker; better kept in the environment than in a file."""
    tls: bool = False
    """Whether the connection is encrypted; needs a host."""
    ca_file: str = ""
    """PEM file of the authority that signed the broker's certificate; empty for those of the system."""
    cert_file: str = ""
    """PEM file of our own certificate, where the broker asks for one; empty for none."""
    key_file: str = ""
    """PEM file of the key of cert_file."""
    prefix: str = "serd"
    """First part of every topic; no "+", no "#", no "/" at either end."""
    keepalive_s: int = 30
    """Longest silence on the connection, in seconds, 5 to 3600; a broker that vanished without a word
    is noticed, and our own vanishing published, after one to two of it."""
    queue_events: int = 10_000
    """Events kept in memory while the broker is away, 1 to 1000000; beyond it the oldest are dropped."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what was expected) for each value that cannot work."""
        if not _is_host(self.host):
            yield "host", "a host name or address, without scheme or port"
        if not 1 <= self.port <= 65535:
            yield "port", "1 to 65535"
        if not _is_prefix(self.prefix):
            yield "prefix", 'a topic without "+" and "#", with no "/" at either end'
        if not 5 <= self.keepalive_s <= 3600:
            yield "keepalive_s", "5 to 3600 seconds"
        if not 1 <= self.queue_events <= 1_000_000:
            yield "queue_events", "1 to 1000000"
        yield from self._access_problems()

    def _access_problems(self) -> Iterator[tuple[str, str]]:
        if self.password and not self.user:
            yield "user", "a user name, since there is a password"
        if self.tls and not self.host:
            yield "host", "the name of a broker, since tls is on"
        if bool(self.cert_file) != bool(self.key_file):
            missing = "cert_file" if self.key_file else "key_file"
            yield missing, "a file: certificate and key go together"
        for key in ("ca_file", "cert_file"):
            if getattr(self, key) and not self.tls:
                yield key, "no file, since tls is off"


def _is_prefix(text: str) -> bool:
    return all(text.split("/")) and not set(text) & set("+#\0") and not text.startswith("$")


def _is_host(text: str) -> bool:
    try:
        text.encode("idna")
    except UnicodeError:
        return False
    return not set(text) & set(" \t\r\n/@?#\0") and (text.count(":") != 1)

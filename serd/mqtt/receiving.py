"""Bounds for what a broker may send: paho's client reads packets of any length, up to 256 MB."""

from dataclasses import dataclass
from typing import Final, Literal

from paho.mqtt.client import Client, topic_matches_sub
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

MAX_OVERHEAD_BYTES: Final = 65_535 + 64
"""Longest part of a packet that is not its payload: the longest topic of MQTT, its length, the message
id, and properties of the usual kind."""


_RECEIVE_MAXIMUM: Final = 20
"""Messages that an MQTT 5 broker may send before the first is acknowledged, so that few are ahead of its
acknowledgements."""


@dataclass(frozen=True, slots=True)
class OversizedPacket:
    """A packet that is longer than the client accepts; its payload was not read."""

    n_bytes: int
    """Length without the fixed header, in bytes."""
    topic: str
    """Topic, if the packet is a message."""

    def matches(self, topic_filter: str) -> bool:
        """Whether the packet may have been sent for a subscription."""
        return topic_matches_sub(topic_filter, self.topic)


class BoundedClient(Client):
    """A client that closes the connection at the start of a packet that is too long.

    Over MQTT 5 the broker is told the limit, and leaves out longer messages. MQTT 3.1.1 has no such
    field, and not every broker respects it.
    """

    def __init__(
        self,
        *,
        client_id: str,
        protocol: MQTTProtocolVersion,
        transport: Literal["tcp", "websockets"],
        max_packet_bytes: int,
    ) -> None:
        """Create a client for one connection.

        Args:
            client_id: the client id.
            protocol: version of MQTT.
            transport: what carries MQTT.
            max_packet_bytes: length of the longest accepted packet without its fixed header, in bytes.
        """
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=protocol,
            transport=transport,
            reconnect_on_failure=False,
        )
        self.oversized: OversizedPacket | None = None
        """The packet that ended the connection; None if another cause ended it."""
        self._max_packet_bytes = max_packet_bytes
        self._n_oversized_bytes = 0
        self._head = b""
        """Start of a packet that is too long."""

    def open(self, host: str, port: int, keepalive_s: int) -> None:
        """Connect, and tell the broker the limit if the version of MQTT allows it.

        Raises:
            OSError: the broker cannot be reached.
        """
        properties = None
        if self.protocol is MQTTProtocolVersion.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.MaximumPacketSize = self._max_packet_bytes
            properties.ReceiveMaximum = _RECEIVE_MAXIMUM
        self.connect(host, port, keepalive_s, properties=properties)

    def _sock_recv(self, bufsize: int) -> bytes:
        """Read at most ``bufsize`` bytes; paho passes the length that is left of the packet.

        Raises:
            ConnectionAbortedError: the packet is too long; paho then closes the connection.
        """
        if not self._head:
            if bufsize <= self._max_packet_bytes:
                return super()._sock_recv(bufsize)
            self._n_oversized_bytes = bufsize
        data = super()._sock_recv(min(bufsize, self._max_packet_bytes))
        self._head += data
        topic_end = 2 + int.from_bytes(self._head[:2])
        if len(self._head) >= max(2, topic_end):
            topic = self._head[2:topic_end].decode("utf-8", errors="replace")
            self.oversized = OversizedPacket(self._n_oversized_bytes, topic)
            raise ConnectionAbortedError
        return data

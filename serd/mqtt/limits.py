"""What a broker takes: the limits in its answer to the login (MQTT 5, section 3.2.2.3)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from paho.mqtt.properties import Properties

MAX_IN_FLIGHT: Final = 50
"""Messages that may wait for the broker's acknowledgement at a time, unless it asks for fewer."""
MAX_PACKET_BYTES: Final = 268_435_460
"""Longest packet of MQTT."""
_MAX_OVERHEAD_BYTES: Final = 10
"""Bytes of a PUBLISH packet beside topic and payload: type, length, length of the topic, message id, and
the length of the properties."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokerLimits:
    """Limits of one connection; those of MQTT 3.1.1 by default. serd uses no topic aliases."""

    max_in_flight: int = MAX_IN_FLIGHT
    """Messages that may wait for the broker's acknowledgement."""
    max_packet_bytes: int = MAX_PACKET_BYTES
    """Longest packet that the broker takes."""
    max_qos: int = 1
    """0 if the broker acknowledges no messages."""
    can_retain: bool = True
    """Whether the broker retains messages."""

    @property
    def warning(self) -> str:
        """What the broker cannot do that serd relies on; empty for a usual broker."""
        gaps = []
        if self.max_qos == 0:
            gaps.append("acknowledges no messages (QoS 0 alone), so events can be lost")
        if not self.can_retain:
            gaps.append("retains no messages, so a new subscriber does not see the present state")
        return " and ".join(gaps)


def limits_of(properties: "Properties | None") -> BrokerLimits:
    """The limits in the properties of a CONNACK packet; None for MQTT 3.1.1."""
    return BrokerLimits(
        max_in_flight=min(MAX_IN_FLIGHT, getattr(properties, "ReceiveMaximum", MAX_IN_FLIGHT)),
        max_packet_bytes=getattr(properties, "MaximumPacketSize", MAX_PACKET_BYTES),
        max_qos=min(1, getattr(properties, "MaximumQoS", 1)),
        can_retain=bool(getattr(properties, "RetainAvailable", 1)),
    )


def packet_bytes(topic: str, payload: str) -> int:
    """The longest PUBLISH packet that carries a message."""
    return len(topic.encode()) + len(payload.encode()) + _MAX_OVERHEAD_BYTES

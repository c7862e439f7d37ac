"""A subscriber that notes when each event came, on a clock that the feeder shares."""

import json
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from serd.errors import OperationError

_CONNECT_S: Final = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """An event as it came."""

    at_s: float
    """Monotonic time, in seconds."""
    event: dict[str, Any]


class Subscriber:
    """Takes the events of all nodes."""

    def __init__(self, host: str, port: int) -> None:
        """Set up; entering the block connects.

        Args:
            host: of the broker.
            port: of the broker.
        """
        self._arrivals: list[tuple[float, bytes]] = []
        self._address = (host, port)
        self._subscribed = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe("serd/+/+/event", qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._take

    def __enter__(self) -> "Subscriber":
        self._client.connect(*self._address)
        self._client.loop_start()
        if not self._subscribed.wait(_CONNECT_S):
            raise OperationError(f"no subscription at {self._address} within {_CONNECT_S:g} s")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def arrivals(self) -> list[Arrival]:
        """All that have come so far, in their order."""
        return [Arrival(at_s=at_s, event=json.loads(body)) for at_s, body in tuple(self._arrivals)]

    def _take(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._arrivals.append((time.monotonic(), bytes(message.payload)))

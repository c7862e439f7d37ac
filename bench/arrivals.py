"""The times at which messages arrive at an MQTT subscriber: events, and those of a bare client.

A bare paho client publishes messages of an event's size at the daemon's quality of service, as idle
between two of them as a daemon is; each holds the time at which it was handed to the client. Its latency
is the lower bound of serd's from the event on.
"""

import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from bench.context import ROOT
from serd.errors import OperationError

_CONNECT_S: Final = 10.0
_PERIOD_S: Final = 0.125
"""Time between two messages of the bare client, in seconds: the rate of eight daemons at 1 s hop."""
_TOPIC: Final = "serd/bare/bare/event"
_EVENT_BYTES: Final = 450
_DEADLINE_S: Final = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """An event and the time of its arrival."""

    at_s: float
    """Monotonic time, in seconds."""
    event: dict[str, Any]


class Subscriber:
    """Receives the events of all nodes."""

    def __init__(self, host: str, port: int) -> None:
        """Set up; entering the block connects to the broker."""
        self._arrivals: list[tuple[float, bytes]] = []
        self._address = (host, port)
        self._subscribed = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe("serd/+/+/event", qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._receive

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
        """All arrivals so far, in order."""
        return [Arrival(at_s=at_s, event=json.loads(body)) for at_s, body in tuple(self._arrivals)]

    def _receive(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._arrivals.append((time.monotonic(), bytes(message.payload)))


def bare_latencies_ms(host: str, port: int, n_messages: int, *, core: int) -> list[float]:
    """Times from a bare client's call to the subscriber's handler, in milliseconds.

    Args:
        host: of the broker.
        port: of the broker.
        n_messages: number of messages to send.
        core: the processor core of the client.
    """
    target = [sys.executable, "-m", "bench.arrivals", host, str(port), str(n_messages)]
    with Subscriber(host, port) as subscriber:
        subprocess.run(
            ["taskset", "-c", str(core), *target],
            check=True,
            cwd=ROOT,
            timeout=n_messages * _PERIOD_S + _DEADLINE_S,
        )
        deadline_s = time.monotonic() + _DEADLINE_S
        while len(arrivals := subscriber.arrivals()) < n_messages and time.monotonic() < deadline_s:
            time.sleep(_PERIOD_S)
    return [1e3 * (arrival.at_s - arrival.event["sent_s"]) for arrival in arrivals]


def publish(host: str, port: int, n_messages: int) -> None:
    """Publish messages until the broker has all of them: ``python -m bench.arrivals HOST PORT N``."""
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect(host, port)
    client.loop_start()
    for _ in range(n_messages):
        time.sleep(_PERIOD_S)
        body = {"sent_s": time.monotonic(), "kind": "bare", "rest": "x" * _EVENT_BYTES}
        sent = client.publish(_TOPIC, json.dumps(body), qos=1)
    sent.wait_for_publish(_DEADLINE_S)
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    publish(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

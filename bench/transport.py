"""``python -m bench.transport HOST PORT N``: what a message costs on its way that no daemon has touched.

A bare paho client publishes messages of an event's size at a daemon's quality of service, as idle
between two of them as a daemon is; each tells when it was handed to the client. Its latency is the floor
of serd's behind the event.
"""

import json
import subprocess
import sys
import time
from typing import Final

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from bench.contest import ROOT
from bench.subscriber import Subscriber

PERIOD_S: Final = 0.125
"""Between two messages; eight daemons with a window a second send as many."""
_TOPIC: Final = "serd/bare/bare/event"
_EVENT_BYTES: Final = 450
_DEADLINE_S: Final = 30.0


def bare_latencies_ms(host: str, port: int, n_messages: int, *, core: int) -> list[float]:
    """From a bare client's call to the subscriber's handler, in milliseconds.

    Args:
        host: of the broker.
        port: of the broker.
        n_messages: how many are sent.
        core: the one that the client runs on.
    """
    target = [sys.executable, "-m", "bench.transport", host, str(port), str(n_messages)]
    with Subscriber(host, port) as subscriber:
        subprocess.run(
            ["taskset", "-c", str(core), *target],
            check=True,
            cwd=ROOT,
            timeout=n_messages * PERIOD_S + _DEADLINE_S,
        )
        deadline_s = time.monotonic() + _DEADLINE_S
        while len(arrivals := subscriber.arrivals()) < n_messages and time.monotonic() < deadline_s:
            time.sleep(PERIOD_S)
    return [1e3 * (arrival.at_s - arrival.event["sent_s"]) for arrival in arrivals]


def publish(host: str, port: int, n_messages: int) -> None:
    """Publish, and wait until the broker has all of it."""
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect(host, port)
    client.loop_start()
    for _ in range(n_messages):
        time.sleep(PERIOD_S)
        body = {"sent_s": time.monotonic(), "kind": "bare", "rest": "x" * _EVENT_BYTES}
        sent = client.publish(_TOPIC, json.dumps(body), qos=1)
    sent.wait_for_publish(_DEADLINE_S)
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    publish(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

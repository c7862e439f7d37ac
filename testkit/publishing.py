"""An MQTT publisher in this process, or in a process that can be killed."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

from serd.daemon.supervisor import Supervisor
from serd.mqtt.homeassistant.settings import DiscoverySettings
from serd.publishers import Context
from serd.publishers.mqtt import MqttPublisher, Settings, create
from testkit.brokers import DEADLINE_S, MosquittoBroker
from testkit.made_events import make_event
from testkit.scripted_broker import ScriptedBroker

EVENT, STATE, STATUS = "serd/pi/mic/event", "serd/pi/mic/state", "serd/pi/status"
CONTEXT = Context(
    node="pi", sources=("mic",), threads=Supervisor(), homeassistant=DiscoverySettings(enabled="off")
)
"""The context of a daemon with one source, without discovery by Home Assistant."""


def settings_for(broker: MosquittoBroker, **changes: object) -> Settings:
    """Publisher settings for a broker."""
    values: dict[str, object] = {"host": broker.host, "port": broker.port, "prefix": "serd"}
    return Settings(**(values | changes))  # type: ignore[arg-type]


def storing(state_folder: Path, context: Context = CONTEXT) -> Context:
    """The context of a daemon that stores unsent events in a state folder."""
    return replace(context, state_folder=state_folder)


def open_publisher(settings: Settings, context: Context = CONTEXT) -> MqttPublisher:
    """Open a publisher; it connects in the background."""
    publisher = create(settings, context)
    assert publisher is not None
    publisher.start()
    return publisher


@contextlib.contextmanager
def publishing(settings: Settings, context: Context = CONTEXT) -> Iterator[MqttPublisher]:
    """Open a publisher, and close it at the end with time for all events to arrive."""
    publisher = open_publisher(settings, context)
    try:
        yield publisher
    finally:
        publisher.close(DEADLINE_S)


class Child:
    """A process that publishes events and prints the number of each once ``publish`` has returned."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.published: list[int] = []
        self._process = process

    def read(self, n: int) -> None:
        """Wait for ``n`` more numbers."""
        assert self._process.stdout is not None
        lines: IO[str] = self._process.stdout
        self.published += [int(lines.readline()) for _ in range(n)]

    def kill(self) -> None:
        """Kill the process with SIGKILL, and read its remaining output."""
        os.kill(self._process.pid, signal.SIGKILL)
        assert self._process.stdout is not None
        self.published += [int(line) for line in self._process.stdout if line.endswith("\n")]
        self._process.wait()


@contextlib.contextmanager
def child(
    broker: MosquittoBroker | ScriptedBroker,
    state_folder: Path,
    numbers: range,
    *,
    durability: str = "always",
) -> Iterator[Child]:
    """A process that publishes events of some numbers, and then waits.

    With ``always`` each is on the disk first; with ``offline`` those that the broker does not
    acknowledge go there after a second.
    """
    command = [sys.executable, "-m", "testkit.publishing", str(broker.port), str(state_folder)]
    command += [str(numbers.start), str(numbers.stop), durability]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Child(process)
        finally:
            process.kill()


def _main(port: str, folder: str, start: str, stop: str, durability: str) -> None:
    settings = Settings(
        host="127.0.0.1", port=int(port), durability=durability, store_after_s=1.0, prefix="serd"
    )
    publisher = open_publisher(settings, storing(Path(folder)))
    for number in range(int(start), int(stop)):
        publisher.publish(make_event(number))
        print(number, flush=True)
    signal.pause()


if __name__ == "__main__":
    _main(*sys.argv[1:])

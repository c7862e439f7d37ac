"""Floods a running daemon with control commands, and measures what they delay and what they cost.

A synthetic recording of voices plays in real time through ``serd run`` to a real Mosquitto. After some
quiet seconds as the reference, ``mosquitto_pub`` sends commands as fast as the broker takes them, each
with another value. A second flood precedes SIGTERM. The exit code is 1 if a bound is exceeded: an event
is 0.5 s later than in the quiet time, or two of them are 0.5 s further apart, the stop takes more than
2 s, two notifications of the watchdog are more than half of its timeout apart, or memory grows by more
than 10 MB. So it is if the last command is not answered within 90 s.

    python scripts/check_flood.py                   50,000 commands, about a minute
    python scripts/check_flood.py --commands 5000
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from serd.audio.format import SAMPLE_RATE_HZ
from serd.events.event import Event
from testkit.brokers import MosquittoBroker, mosquitto, program, wait_until
from testkit.daemons import Daemon, serd
from testkit.notify_sockets import NotifySocket, notify_socket
from testkit.voices import quiet_room, synthetic_voice

MOST_DELAY_S: Final = 0.5
MOST_STOP_S: Final = 2.0
MOST_GROWTH_MB: Final = 10.0
WATCHDOG_S: Final = 30.0
"""Timeout of the watchdog, as in serd.service."""
QUIET_S: Final = 12.0
"""Length of the reference, and the least length of the flood, in seconds."""
LONGEST_S: Final = 90.0
"""Time after which a daemon that still has commands to handle is given up, in seconds."""
_SETTINGS: Final = """
[source]
input = "{sound}"
loop = true
"""
_TOPIC: Final = "serd/flood/mic/threshold"
_POLL_S: Final = 0.05


@dataclass
class Meters:
    """What is observed outside of the daemon; the times are those of the monotonic clock, in seconds."""

    lateness: list[tuple[float, float]] = field(default_factory=list)
    """Arrival of each event, and how long after the end of its sound that was, in seconds."""
    notified_s: list[float] = field(default_factory=list)
    """Each notification of the watchdog."""
    last_value: str = ""
    """The latest value on the topic of the control."""
    rss_mb: list[float] = field(default_factory=list)

    def most_late_s(self, start_s: float, end_s: float) -> float:
        """The greatest lateness of an event that arrived within a span."""
        return max((late_s for at_s, late_s in self.lateness if start_s <= at_s <= end_s), default=0.0)

    def longest_gap_s(self, start_s: float, end_s: float) -> float:
        """The longest time within a span without an event; late ones come after their span."""
        times_s = [start_s, *(at_s for at_s, _ in self.lateness if start_s <= at_s <= end_s), end_s]
        return float(np.diff(times_s).max())

    def longest_watchdog_gap_s(self, start_s: float, end_s: float) -> float:
        """The longest time within a span without a notification of the watchdog."""
        times_s = [start_s, *(at_s for at_s in self.notified_s if start_s <= at_s <= end_s), end_s]
        return float(np.diff(times_s).max())

    def received(self, message: MQTTMessage) -> None:
        """Note an event or a value."""
        if message.topic == _TOPIC:
            self.last_value = message.payload.decode()
        elif time_text := Event.from_json(message.payload.decode()).time:
            late_s = time.time() - datetime.fromisoformat(time_text).timestamp()
            self.lateness.append((time.monotonic(), late_s))


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a flood delays and costs."""

    n_commands: int
    handled_s: float
    """Time until the last command was answered, in seconds; NaN if it was not."""
    late_s: float
    """How much later an event was than in the quiet time, in seconds."""
    gap_s: float
    """The longest time without an event, in seconds."""
    quiet_gap_s: float
    """That of the quiet time."""
    watchdog_gap_s: float
    """The longest time without a notification of the watchdog, in seconds."""
    stop_s: float
    """Time from SIGTERM to the end, in seconds."""
    exit_code: int
    growth_mb: float
    n_written: int
    """Bytes written during the flood."""
    n_lines: int
    """Lines of the log during the flood."""

    @property
    def is_fine(self) -> bool:
        """Whether every figure is within its bound."""
        return (
            self.handled_s <= LONGEST_S
            and self.late_s <= MOST_DELAY_S
            # Events that are as late as the flood is long come after it.
            and self.gap_s <= self.quiet_gap_s + MOST_DELAY_S
            and self.watchdog_gap_s <= WATCHDOG_S / 2
            and self.stop_s <= MOST_STOP_S
            and self.exit_code == 0
            and self.growth_mb <= MOST_GROWTH_MB
        )

    def table(self) -> str:
        """A line for each figure."""
        return (
            f"{self.n_commands} commands, the last one answered after {self.handled_s:.1f} s\n"
            f"an event is later by          {self.late_s:8.2f} s   (at most {MOST_DELAY_S})\n"
            f"longest time without an event {self.gap_s:8.2f} s"
            f"   (at most {self.quiet_gap_s + MOST_DELAY_S:.2f}, {MOST_DELAY_S} more than before)\n"
            f"SIGTERM during the next flood {self.stop_s:8.2f} s   (at most {MOST_STOP_S}),"
            f" exit code {self.exit_code}\n"
            f"watchdog gap                  {self.watchdog_gap_s:8.2f} s   (at most {WATCHDOG_S / 2})\n"
            f"memory                        {self.growth_mb:+8.1f} MB  (at most {MOST_GROWTH_MB})\n"
            f"written                       {self.n_written / 1e6:8.2f} MB\n"
            f"lines in the log              {self.n_lines:8d}"
        )


@contextmanager
def metering(meters: Meters, broker: MosquittoBroker, manager: NotifySocket) -> Iterator[None]:
    """Observe the topics and the socket of the service manager while the block runs."""
    client = Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: meters.received(message)
    client.on_connect = lambda client, *_: client.subscribe([("serd/flood/mic/event", 1), (_TOPIC, 1)])
    client.connect(broker.host, broker.port)
    client.loop_start()
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            try:
                if "WATCHDOG" in manager.read(_POLL_S):
                    meters.notified_s.append(time.monotonic())
            except TimeoutError:
                continue

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        client.disconnect()
        client.loop_stop()


def write_sound(path: Path) -> None:
    """Write a recording of half a minute with long voices, so that an event follows each second."""
    parts = []
    for number in range(4):
        voice = synthetic_voice(7.0, seed=number, f0_hz=100.0 + 20.0 * number)
        parts += [voice, quiet_room(1.2, seed=number)]
    soundfile.write(path, np.concatenate(parts), SAMPLE_RATE_HZ)


def flood(broker: MosquittoBroker, n_commands: int, last: str) -> "subprocess.Popen[bytes]":
    """Start to send commands of changing values; the last one sets ``last``."""
    values = [f"{0.3 + 0.0001 * (number % 1000):.4f}" for number in range(n_commands - 1)]
    with tempfile.TemporaryFile() as file:
        file.write("\n".join([*values, last, ""]).encode())
        file.seek(0)
        command = [program("mosquitto_pub"), *broker.client_options(), "-q", "1", "-l"]
        return subprocess.Popen([*command, "-t", f"{_TOPIC}/set"], stdin=file)


def written_bytes(daemon: Daemon) -> int:
    """Bytes that the daemon has handed to write(2): files, standard output and error, no sockets."""
    text = Path(f"/proc/{daemon.process.pid}/io").read_text("utf-8")
    return int(dict(line.split(": ") for line in text.splitlines())["wchar"])


def until_handled(daemon: Daemon, meters: Meters, last: str, least_s: float) -> float:
    """Note the memory until the last command is answered; returns the seconds that took."""
    start_s = time.monotonic()
    handled_s = 0.0
    while time.monotonic() - start_s < (least_s if handled_s else LONGEST_S):
        meters.rss_mb.append(daemon.footprint().rss_mb)
        if not handled_s and meters.last_value == last:
            handled_s = time.monotonic() - start_s
        time.sleep(_POLL_S)
    return handled_s or float("nan")


def measure(n_commands: int, folder: Path) -> Figures:
    """Run the daemon with a quiet time and two floods."""
    write_sound(folder / "sound.wav")
    settings = folder / "serd.toml"
    settings.write_text(_SETTINGS.format(sound=folder / "sound.wav"))
    meters = Meters()
    with mosquitto() as broker, notify_socket(folder) as manager, metering(meters, broker, manager):
        extra = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": str(round(WATCHDOG_S * 1e6))}
        with serd("run", "--config", settings, "--json", "--node", "flood", "--host", broker.host,
                  "--port", broker.port, home=folder, extra=extra) as daemon:  # fmt: skip
            wait_until(lambda: meters.lateness, "the first event")
            quiet_s = time.monotonic()
            time.sleep(QUIET_S)
            rss_mb = daemon.footprint().rss_mb
            n_written, n_lines = written_bytes(daemon), len(daemon.log)
            flood_s = time.monotonic()
            sender = flood(broker, n_commands, "0.45")
            handled_s = until_handled(daemon, meters, "0.45", QUIET_S)
            sender.wait()
            end_s = time.monotonic()
            n_written, n_lines = written_bytes(daemon) - n_written, len(daemon.log) - n_lines
            flood(broker, n_commands, "0.55").wait()
            term_s = time.monotonic()
            exit_code = daemon.stop()
            stop_s = time.monotonic() - term_s
    return Figures(
        n_commands=n_commands,
        handled_s=handled_s,
        late_s=meters.most_late_s(flood_s, end_s) - meters.most_late_s(quiet_s, flood_s),
        gap_s=meters.longest_gap_s(flood_s, end_s),
        quiet_gap_s=meters.longest_gap_s(quiet_s, flood_s),
        watchdog_gap_s=meters.longest_watchdog_gap_s(flood_s, end_s),
        stop_s=stop_s,
        exit_code=exit_code,
        growth_mb=max(meters.rss_mb) - rss_mb,
        n_written=n_written,
        n_lines=n_lines,
    )


def main() -> int:
    """Run the check; the exit code is 0 if every figure is within its bound."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--commands", type=int, default=50_000, help="in each flood (50000)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="serd-flood-") as name:
        figures = measure(args.commands, Path(name))
    print(figures.table())
    return 0 if figures.is_fine else 1


if __name__ == "__main__":
    sys.exit(main())

"""Part ``live``: the cost of ``serd run`` at live pace, in a quiet room and on speech."""

import time
from dataclasses import asdict
from typing import Any, Final

from bench.arrivals import Subscriber
from bench.context import Context, Measurements
from bench.daemon import BLOCK_S, PacedFeeder, daemon, wait_until_listening
from bench.latency import full_ends_ms, latencies_ms
from bench.sound import talk
from bench.statistics import percentiles
from bench.system import counters, usage_since
from bench.tables import Section, Table, left_out, rounded
from serd.audio.format import Samples
from testkit.brokers import MosquittoBroker, mosquitto
from testkit.voices import quiet_room

_SETTLE_S: Final = 4.0
"""Time between the first sound and the first reading, in seconds: more than the first window takes."""


def measure(context: Context) -> Measurements:
    """Measure a quiet room, then speech with a window each second; events go to a real Mosquitto."""
    duration_s = context.workload.live_s + _SETTLE_S + 1.0
    sounds = {"idle": quiet_room(duration_s), "speech": talk(duration_s, lead_s=0.5)}
    measured = {}
    with mosquitto() as broker:
        for name, sound in sounds.items():
            context.say(f"live: {name}, {duration_s:.0f} s")
            measured[name] = _measure_sound(context, broker, name, sound)
    return measured | {"left_out": {"openwakeword": _openwakeword_absence()}}


def _openwakeword_absence() -> str:
    """The reason why openWakeWord's streaming loop is not compared."""
    return (
        "its package (0.6.0, 61 kB) holds no models: they are fetched from the network when it is first"
        " used, and a benchmark that anyone can repeat needs to run from packages alone"
    )


def _measure_sound(
    context: Context, broker: MosquittoBroker, name: str, sound: Samples
) -> dict[str, Any]:
    arguments = (
        "--source", "-", "--node", name, "--host", broker.host, "--port", broker.port,
    )  # fmt: skip
    home = context.folder / name
    with (
        Subscriber(broker.host, broker.port) as subscriber,
        daemon(arguments, home=home, core=context.core) as process,
    ):
        wait_until_listening(process, home)
        assert process.stdin is not None  # noqa: S101
        feeder = PacedFeeder([process.stdin], sound)
        feeder.start()
        time.sleep(_SETTLE_S)
        before = counters(process.pid)
        time.sleep(context.workload.live_s)
        usage = usage_since(before, process.pid)
        feeder.stop()
        times_ms = latencies_ms(subscriber.arrivals(), feeder.written_s[0], full_ends_ms(sound))
    return asdict(usage) | {
        "watched_s": context.workload.live_s,
        "block_s": BLOCK_S,
        "latency_ms": percentiles(times_ms) if times_ms else None,
    }


def section(measured: Measurements) -> Section:
    """The section of the report."""
    names = {"idle": "a quiet room", "speech": "speech, a window each second"}
    rows = tuple(
        (
            title,
            rounded(each["cpu_percent"]),
            rounded(each["rss_mb"]),
            str(each["n_threads"]),
            rounded(each["wakeups_per_s"]),
            rounded(each["latency_ms"]["p50"]) if each["latency_ms"] else "",
        )
        for name, title in names.items()
        for each in (measured[name],)
    )
    head = ("", "% of a core", "RSS, MB", "threads", "wake-ups a second", "latency p50, ms")
    return Section(
        title="Live",
        about="`serd run` with sound through a pipe in blocks of 30 ms at live pace, and events to a"
        f" Mosquitto; measured for {rounded(measured['idle']['watched_s'])} s each. The sound card's own"
        " thread is not included.",
        tables=[Table(head=head, rows=rows)],
        notes=left_out(measured),
    )

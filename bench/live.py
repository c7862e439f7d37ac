"""Part ``live``: what ``serd run`` costs at live pace, with nobody and with somebody speaking."""

import time
from dataclasses import asdict
from typing import Any, Final

from bench.context import Context, Figures
from bench.daemon import daemon
from bench.feeding import BLOCK_S, PacedFeeder
from bench.latency import full_ends_ms, latencies_ms
from bench.process_use import counters, use_since
from bench.sound import talk
from bench.spread import percentiles
from bench.subscriber import Subscriber
from serd.audio.format import Samples
from testkit.brokers import MosquittoBroker, mosquitto
from testkit.voices import quiet_room

_SETTLE_S: Final = 4.0
"""Between the first sound and the first reading: the start is measured elsewhere."""


def live(context: Context) -> Figures:
    """A quiet room, then speech with a window each second; events go to a real Mosquitto."""
    duration_s = context.sizes.live_s + _SETTLE_S + 1.0
    sounds = {"idle": quiet_room(duration_s), "speech": talk(duration_s, lead_s=0.5)}
    figures = {}
    with mosquitto() as broker:
        for name, sound in sounds.items():
            context.say(f"live: {name}, {duration_s:.0f} s")
            figures[name] = _watch(context, broker, name, sound)
    return figures | {"left_out": {"openwakeword": openwakeword_absence()}}


def openwakeword_absence() -> str:
    """Why openWakeWord's streaming loop is not beside it."""
    return (
        "its package (0.6.0, 61 kB) holds no models: they are fetched from the network when it is first"
        " used, and a benchmark that anyone can repeat from packages alone cannot stand on that"
    )


def _watch(context: Context, broker: MosquittoBroker, name: str, sound: Samples) -> dict[str, Any]:
    arguments = (
        "--source", "-", "--node", name, "--host", broker.host, "--port", broker.port,
    )  # fmt: skip
    with (
        Subscriber(broker.host, broker.port) as subscriber,
        daemon(arguments, home=context.folder / name, core=context.core) as process,
    ):
        assert process.stdin is not None  # noqa: S101
        feeder = PacedFeeder([process.stdin], sound)
        feeder.start()
        time.sleep(_SETTLE_S)
        before = counters(process.pid)
        time.sleep(context.sizes.live_s)
        use = use_since(before, process.pid)
        feeder.stop()
        times_ms = latencies_ms(subscriber.arrivals(), feeder.written_s[0], full_ends_ms(sound))
    return asdict(use) | {
        "watched_s": context.sizes.live_s,
        "block_s": BLOCK_S,
        "latency_ms": percentiles(times_ms) if times_ms else None,
    }

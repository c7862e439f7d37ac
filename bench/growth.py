"""Part ``growth``: many live sources in one process, at live pace.

Each source is a file that the daemon plays at the pace of live sound; all of them speak continuously,
each a little later than the one before. The latency of a window starts as its last sample is due, which
follows from the times in the events, and ends with the call of the subscriber's handler.
"""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import soundfile

from bench.arrivals import Arrival, Subscriber
from bench.context import Context, Measurements
from bench.daemon import BLOCK_S, completing_block, daemon
from bench.latency import full_ends_ms
from bench.sound import talk
from bench.statistics import percentiles
from bench.system import counters, usage_since
from bench.tables import Section, Table, rounded
from serd.audio.format import SAMPLE_RATE_HZ, Samples
from testkit.brokers import mosquitto

_SETTLE_S: Final = 8.0
_SOURCE: Final = """
[[source]]
name = "s{number}"
input = "{path}"
"""


def measure(context: Context) -> Measurements:
    """Measure CPU time, memory and latency by the number of sources."""
    return {"sources": [_measure_sources(context, number) for number in context.workload.n_sources]}


def _measure_sources(context: Context, n_sources: int) -> dict[str, Any]:
    context.say(f"growth: {n_sources} sources")
    folder = context.folder / f"sources{n_sources}"
    folder.mkdir()
    duration_s = _SETTLE_S + context.workload.growth_s + 5.0
    # The turn is as long as the sound, so that there is no pause.
    sounds = [
        talk(duration_s, lead_s=1.0 + number / n_sources, turn_s=duration_s)
        for number in range(n_sources)
    ]
    settings = _settings(folder, sounds)
    with mosquitto() as broker, Subscriber(broker.host, broker.port) as subscriber:
        arguments = (
            "--config", settings, "--node", "many", "--host", broker.host, "--port", broker.port,
        )  # fmt: skip
        with daemon(arguments, home=folder, core=context.core) as process:
            _wait_for_first(subscriber)
            before = counters(process.pid)
            time.sleep(context.workload.growth_s)
            usage = usage_since(before, process.pid)
            arrivals = subscriber.arrivals()
    times_ms = due_latencies_ms(arrivals, {f"s{k}": full_ends_ms(s) for k, s in enumerate(sounds)})
    return asdict(usage) | {
        "n_sources": n_sources,
        "cpu_ms_per_s_and_source": 10.0 * usage.cpu_percent / n_sources,
        "latency_ms": percentiles(times_ms),
    }


def _settings(folder: Path, sounds: Sequence[Samples]) -> Path:
    lines = []
    for number, sound in enumerate(sounds):
        path = folder / f"s{number}.wav"
        soundfile.write(path, sound, SAMPLE_RATE_HZ)
        lines.append(_SOURCE.format(number=number, path=path))
    settings = folder / "serd.toml"
    settings.write_text("".join(lines))
    return settings


def _wait_for_first(subscriber: Subscriber) -> None:
    """Wait until the sources bring windows: the start is measured elsewhere."""
    ends_s = time.monotonic() + 30.0
    while not subscriber.arrivals() and time.monotonic() < ends_s:
        time.sleep(0.05)
    time.sleep(1.0)


def due_latencies_ms(arrivals: Sequence[Arrival], ends_ms: Mapping[str, frozenset[int]]) -> list[float]:
    """Time from the moment at which a window's last block is due to its event, in milliseconds.

    An event holds the time of its sound rounded down to a millisecond. Of the starts that follow from
    the events of a source, the latest is the true one to a fraction of a millisecond.

    Args:
        arrivals: of all sources of one daemon.
        ends_ms: for each source the ends of its full windows, in milliseconds.
    """
    of_source = defaultdict(list)
    for arrival in arrivals:
        if arrival.event["kind"] == "window":
            of_source[arrival.event["source"]].append(arrival)
    clock_s = time.time() - time.monotonic()
    times_ms = []
    for source, own in of_source.items():
        started_s = max(_unix_s(each) - each.event["end_s"] for each in own)
        for each in own:
            if round(1e3 * each.event["end_s"]) in ends_ms[source]:
                due_s = started_s + (completing_block(each.event["end_s"]) + 1) * BLOCK_S
                times_ms.append(1e3 * (each.at_s + clock_s - due_s))
    return times_ms


def _unix_s(arrival: Arrival) -> float:
    return datetime.fromisoformat(arrival.event["time"]).timestamp()


def section(measured: Measurements) -> Section:
    """The section of the report."""
    rows = tuple(
        (
            str(each["n_sources"]),
            rounded(each["cpu_percent"]),
            rounded(each["cpu_ms_per_s_and_source"]),
            rounded(each["latency_ms"]["p50"]),
            rounded(each["latency_ms"]["p99"]),
            rounded(each["rss_mb"]),
            rounded(each["wakeups_per_s"]),
        )
        for each in measured["sources"]
    )
    head = ("sources", "% of a core", "CPU ms a second and source", "p50, ms", "p99, ms", "RSS, MB",
            "wake-ups a second")  # fmt: skip
    return Section(
        title="Many sources in one process",
        about="Files played at live pace by one daemon on one core, all of them speaking continuously;"
        " the time of a window starts as its last block is due and ends with its message at a"
        " subscriber.",
        tables=[Table(head=head, rows=rows)],
    )

"""Part ``latency``: from the last sample of a window to the message at a subscriber, at live pace.

A window's last sample lies in a voice frame of 30 ms, and the frame in a block of 30 ms, as a microphone
gives it. The latency is the time from writing that block into the daemon's pipe to the call of the
subscriber's handler, through a real Mosquitto. A window that the end of an utterance completes waits for
the hangover by design, and is left out. Several daemons with one source each run at the same time, their
sound spread over the hop from one window to the next, so that many windows come in little time and none
waits for another. The latency of a bare client is the lower bound.
"""

import contextlib
import time
from collections import defaultdict
from collections.abc import Container, Sequence
from typing import Final

from bench.arrivals import Arrival, Subscriber, bare_latencies_ms
from bench.context import Context, Measurements
from bench.daemon import PacedFeeder, completing_block, daemon, wait_until_listening
from bench.pipelines import windows_of
from bench.sound import talk, turn_starts
from bench.statistics import percentiles
from bench.tables import Section, Table, rounded
from serd.audio.format import SAMPLE_RATE_HZ, Samples
from serd.model.runtime import ModelSettings, read_card
from serd.speech.segmenter import SegmenterSettings
from testkit.brokers import mosquitto

_LEAD_S: Final = 1.0
_HOP_S: Final = SegmenterSettings().hop_s
_LAST_S: Final = 1.5
"""Time for the last events to arrive, in seconds."""


def measure(context: Context) -> Measurements:
    """Measure the windows of several daemons, and the first event of each turn."""
    workload = context.workload
    sound = talk(workload.latency_s, lead_s=_LEAD_S)
    context.say(f"latency: {workload.n_listeners} daemons, {workload.latency_s:.0f} s")
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(mosquitto())
        subscriber = stack.enter_context(Subscriber(broker.host, broker.port))
        processes = {}
        for number in range(workload.n_listeners):
            node = f"node{number}"
            arguments = (
                "--source", "-", "--node", node, "--host", broker.host, "--port", broker.port,
            )  # fmt: skip
            home = context.folder / node
            processes[home] = stack.enter_context(daemon(arguments, home=home, core=context.core))
        for home, process in processes.items():
            wait_until_listening(process, home)
        pipes = [process.stdin for process in processes.values() if process.stdin is not None]
        feeder = PacedFeeder(pipes, sound, spread_s=_HOP_S)
        feeder.start()
        feeder.wait()
        time.sleep(_LAST_S)
        arrivals = subscriber.arrivals()
    with mosquitto() as broker:
        n_bare = workload.n_bare_messages
        bare_ms = bare_latencies_ms(broker.host, broker.port, n_bare, core=context.core)
    starts_s = turn_starts(workload.latency_s - _LAST_S, lead_s=_LEAD_S)
    measured = summarize_nodes(arrivals, feeder.written_s, full_ends_ms(sound), starts_s)
    return {**measured, "bare_client_ms": percentiles(bare_ms)}


def summarize_nodes(
    arrivals: Sequence[Arrival],
    written_s: Sequence[Sequence[float]],
    ends_ms: Container[int],
    starts_s: Sequence[float],
) -> Measurements:
    """Percentiles over the windows of all nodes.

    Args:
        arrivals: of all nodes, node ``k`` named "nodek".
        written_s: for each node the monotonic time at which each block was written, in seconds.
        ends_ms: as returned by ``full_ends_ms``.
        starts_s: position of the start of each turn in the sound, in seconds.
    """
    of_node = defaultdict(list)
    for arrival in arrivals:
        of_node[int(arrival.event["node"].removeprefix("node"))].append(arrival)
    times_ms: list[float] = []
    onsets_s: list[float] = []
    inside_ms: list[float] = []
    for node, own in of_node.items():
        times_ms += latencies_ms(own, written_s[node], ends_ms)
        onsets_s += onset_times_s(own, written_s[node], starts_s)
        inside_ms += [each.event["latency_ms"] for each in _full_windows(own, ends_ms)]
    return {
        "latency_ms": percentiles(times_ms),
        "inside_serd_ms": percentiles(inside_ms),
        "onset_to_first_event_s": percentiles(onsets_s),
        "n_daemons": len(written_s),
    }


def latencies_ms(
    arrivals: Sequence[Arrival], written_s: Sequence[float], ends_ms: Container[int]
) -> list[float]:
    """Time from the block that completes each window to its event, in milliseconds.

    Args:
        arrivals: of one node.
        written_s: monotonic time at which each block was written, in seconds.
        ends_ms: as returned by ``full_ends_ms``.
    """
    times_ms = []
    for arrival in _full_windows(arrivals, ends_ms):
        block = completing_block(arrival.event["end_s"])
        if block < len(written_s):
            times_ms.append(1e3 * (arrival.at_s - written_s[block]))
    return times_ms


def onset_times_s(
    arrivals: Sequence[Arrival], written_s: Sequence[float], starts_s: Sequence[float]
) -> list[float]:
    """Time from the start of each turn to its first event, in seconds."""
    times_s = []
    for start_s in starts_s:
        block = int(start_s * SAMPLE_RATE_HZ) // 480
        if block >= len(written_s):
            continue
        later = [each.at_s for each in arrivals if each.event["end_s"] > start_s]
        if later:
            times_s.append(min(later) - written_s[block])
    return times_s


def full_ends_ms(sound: Samples) -> frozenset[int]:
    """Ends of the windows that are complete before their utterance ends, in milliseconds."""
    windows = windows_of(sound, read_card(ModelSettings()).window_samples)
    return frozenset(round(1e3 * window.end_s) for window in windows if not window.is_last)


def _full_windows(arrivals: Sequence[Arrival], ends_ms: Container[int]) -> list[Arrival]:
    return [
        each
        for each in arrivals
        if each.event["kind"] == "window" and round(1e3 * each.event["end_s"]) in ends_ms
    ]


def section(measured: Measurements) -> Section:
    """The section of the report."""
    rows = tuple(
        (title, *(rounded(measured[key][each]) for each in ("p50", "p99", "p99.9", "max")),
         str(measured[key]["n"]))
        for key, title in (
            ("latency_ms", "last sample to subscriber, ms"),
            ("inside_serd_ms", "of which up to the event, ms"),
            ("bare_client_ms", "a bare paho client to the subscriber, ms"),
            ("onset_to_first_event_s", "onset of speech to first event, s"),
        )
    )  # fmt: skip
    return Section(
        title="Latency",
        about=f"{measured['n_daemons']} daemons with one live source each on one core, through a real"
        " Mosquitto; the time of a window starts as the block of 30 ms that completes it is written."
        " Windows that the end of an utterance completes are left out. A bare client publishes messages"
        " of an event's size, idle between them as a daemon is: the lower bound of the time after the"
        " event.",
        tables=[Table(head=("", "p50", "p99", "p99.9", "max", "windows or turns"), rows=rows)],
    )

"""Part ``latency``: from the last sample of a window to the message at a subscriber, at live pace.

A window's last sample lies in a voice frame of 30 ms, and the frame in a block of 30 ms, as a microphone
gives it: the time counts from the writing of that block into the daemon's pipe to the call of the
subscriber's handler, through a real Mosquitto. Windows that the end of an utterance brings about wait
for the hangover by design, and are left out. Several daemons with one source each listen side by side,
their sound spread over the hop from one window to the next, so that many windows are seen in little time
and none of them waits for another's. Beside them stands what a bare client takes to the subscriber.
"""

import contextlib
import time
from collections import defaultdict
from collections.abc import Container, Sequence
from typing import Final

from bench.context import Context, Figures
from bench.daemon import daemon
from bench.feeding import PacedFeeder, completing_block
from bench.sound import talk, turn_starts
from bench.spread import percentiles
from bench.subscriber import Arrival, Subscriber
from bench.transport import bare_latencies_ms
from bench.ways import windows_of
from serd.audio.format import SAMPLE_RATE_HZ, Samples
from serd.model.runtime import ModelSettings, read_card
from serd.speech.segmenter import SegmenterSettings
from testkit.brokers import mosquitto

_LEAD_S: Final = 1.0
_START_S: Final = 3.0
"""For the daemons to start before the sound does, so that none finds sound that has waited."""
_HOP_S: Final = SegmenterSettings().hop_s
_LAST_S: Final = 1.5
"""For the last events to come."""


def latency(context: Context) -> Figures:
    """Windows of several daemons, and how long the first event of each turn takes."""
    sizes = context.sizes
    sound = talk(sizes.latency_s, lead_s=_LEAD_S)
    context.say(f"latency: {sizes.n_listeners} daemons, {sizes.latency_s:.0f} s")
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(mosquitto())
        subscriber = stack.enter_context(Subscriber(broker.host, broker.port))
        pipes = []
        for number in range(sizes.n_listeners):
            node = f"node{number}"
            arguments = (
                "--source", "-", "--node", node, "--host", broker.host, "--port", broker.port,
            )  # fmt: skip
            home = context.folder / node
            process = stack.enter_context(daemon(arguments, home=home, core=context.core))
            assert process.stdin is not None  # noqa: S101
            pipes.append(process.stdin)
        time.sleep(_START_S + 0.5 * sizes.n_listeners)
        feeder = PacedFeeder(pipes, sound, spread_s=_HOP_S)
        feeder.start()
        feeder.wait()
        time.sleep(_LAST_S)
        arrivals = subscriber.arrivals()
    with mosquitto() as broker:
        n_bare = sizes.n_bare_messages
        bare_ms = bare_latencies_ms(broker.host, broker.port, n_bare, core=context.core)
    starts_s = turn_starts(sizes.latency_s - _LAST_S, lead_s=_LEAD_S)
    figures = summed_up(arrivals, feeder.written_s, full_ends_ms(sound), starts_s)
    return {**figures, "bare_client_ms": percentiles(bare_ms)}


def summed_up(
    arrivals: Sequence[Arrival],
    written_s: Sequence[Sequence[float]],
    ends_ms: Container[int],
    starts_s: Sequence[float],
) -> Figures:
    """Percentiles over the windows of all nodes.

    Args:
        arrivals: of all nodes, node ``k`` named "nodek".
        written_s: when each block was written, for each node.
        ends_ms: as ``full_ends_ms`` gives them.
        starts_s: when somebody begins to speak.
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
        inside_ms += [each.event["latency_ms"] for each in _in_time(own, ends_ms)]
    return {
        "latency_ms": percentiles(times_ms),
        "inside_serd_ms": percentiles(inside_ms),
        "onset_to_first_event_s": percentiles(onsets_s),
        "n_daemons": len(written_s),
    }


def latencies_ms(
    arrivals: Sequence[Arrival], written_s: Sequence[float], ends_ms: Container[int]
) -> list[float]:
    """From the block that completes each window to its event, in milliseconds.

    Args:
        arrivals: of one node.
        written_s: when each block was written.
        ends_ms: as ``full_ends_ms`` gives them.
    """
    times_ms = []
    for arrival in _in_time(arrivals, ends_ms):
        block = completing_block(arrival.event["end_s"])
        if block < len(written_s):
            times_ms.append(1e3 * (arrival.at_s - written_s[block]))
    return times_ms


def onset_times_s(
    arrivals: Sequence[Arrival], written_s: Sequence[float], starts_s: Sequence[float]
) -> list[float]:
    """From the beginning of each turn to the first event about it, in seconds."""
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
    """When windows end that leave as they are full, not with the end of their utterance."""
    windows = windows_of(sound, read_card(ModelSettings()).window_samples)
    return frozenset(round(1e3 * window.end_s) for window in windows if not window.is_last)


def _in_time(arrivals: Sequence[Arrival], ends_ms: Container[int]) -> list[Arrival]:
    return [
        each
        for each in arrivals
        if each.event["kind"] == "window" and round(1e3 * each.event["end_s"]) in ends_ms
    ]

"""The latency of a full window starts with the block that completes it."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from bench.arrivals import Arrival
from bench.daemon import completing_block
from bench.growth import due_latencies_ms
from bench.latency import full_ends_ms, latencies_ms, onset_times_s, summarize_nodes
from bench.sound import talk


def _arrival(at_s: float, end_s: float, **event: Any) -> Arrival:  # noqa: ANN401
    return Arrival(at_s=at_s, event={"kind": "window", "end_s": end_s, "node": "node0"} | event)


@pytest.mark.parametrize(
    ("end_s", "block"), [(0.03, 0), (0.031, 1), (3.0, 99), (3.48, 115), (4.48, 149)]
)
def test_the_completing_block_holds_the_windows_last_sample(end_s: float, block: int) -> None:
    """A window that ends with a block needs no other; a millisecond more needs the next."""
    assert completing_block(end_s) == block
    assert block * 0.03 < end_s <= (block + 1) * 0.03 + 1e-9


def test_a_latency_is_the_time_since_the_completing_block() -> None:
    """From the moment at which the block was written to the arrival, for each window."""
    written_s = [100.0 + 0.03 * each for each in range(200)]
    arrivals = [_arrival(written_s[99] + 0.004, 3.0), _arrival(written_s[133] + 0.006, 4.0)]
    assert latencies_ms(arrivals, written_s, {3000, 4000}) == pytest.approx([4.0, 6.0])


def test_only_full_windows_are_timed() -> None:
    """The last window of an utterance and the utterance itself wait for the hangover by design."""
    written_s = [0.03 * each for each in range(200)]
    arrivals = [_arrival(5.0, 3.0), _arrival(9.0, 3.7), _arrival(9.0, 3.0, kind="utterance")]
    assert len(latencies_ms(arrivals, written_s, {3000})) == 1


def test_full_windows_are_complete_before_the_end_of_speech() -> None:
    """None of them ends in the pause between two turns."""
    ends_ms = full_ends_ms(talk(14.0, lead_s=0.5, turn_s=5.5, pause_s=2.0))
    assert ends_ms
    assert all(end_ms <= 1000 * 6.0 or end_ms > 1000 * 8.0 for end_ms in ends_ms)


def test_the_onset_time_is_that_of_the_first_event_of_each_turn() -> None:
    """From the start of the turn to the arrival; later events of the turn do not count."""
    written_s = [0.03 * each for each in range(1000)]
    arrivals = [_arrival(3.5, 3.48), _arrival(4.5, 4.48), _arrival(13.6, 13.48)]
    found = onset_times_s(arrivals, written_s, [0.6, 10.5])
    assert found == pytest.approx([3.5 - 0.6, 13.6 - 10.5])


def test_nodes_are_summarized_together() -> None:
    """Each window is timed by its own node's blocks, and all are in one set of percentiles."""
    written_s = [[0.03 * each for each in range(200)], [0.01 + 0.03 * each for each in range(200)]]
    arrivals = [
        _arrival(written_s[0][99] + 0.002, 3.0, latency_ms=1.0),
        _arrival(written_s[1][99] + 0.004, 3.0, latency_ms=2.0, node="node1"),
    ]
    found = summarize_nodes(arrivals, written_s, {3000}, [0.5])
    assert found["latency_ms"]["p50"] == pytest.approx(3.0)
    assert found["inside_serd_ms"]["max"] == 2.0
    assert found["latency_ms"]["n"] == 2


def test_the_start_of_a_played_file_follows_from_the_times_of_its_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Events hold whole milliseconds; many of them give the start to a fraction of one."""
    started_s = 1_700_000_000.123_4
    delay_s = 0.007
    arrivals = []
    for number in range(60):
        end_s = 3.48 + number + 0.0001 * number
        at_ms = int(1e3 * (started_s + end_s))
        time = datetime.fromtimestamp(at_ms / 1e3, UTC).isoformat(timespec="milliseconds")
        due_s = started_s + (completing_block(end_s) + 1) * 0.03
        arrivals.append((due_s + delay_s, end_s, time))
    clocks = SimpleNamespace(time=lambda: started_s + 99.0, monotonic=lambda: 99.0)
    monkeypatch.setattr("bench.growth.time", clocks)
    made = [_arrival(at_s - started_s, end_s, source="s0", time=t) for at_s, end_s, t in arrivals]
    ends_ms = {"s0": frozenset(round(1e3 * end_s) for _, end_s, _ in arrivals)}
    times_ms = due_latencies_ms(made, ends_ms)
    assert len(times_ms) == 60
    assert times_ms == pytest.approx([7.0] * 60, abs=0.3)

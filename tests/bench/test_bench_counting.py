"""Counts are the same each time, within their baseline, and fail on a growth above 20 %."""

import json
import sys
from pathlib import Path

import pytest

from bench import counting
from bench.counting import Work
from serd.audio.format import AudioBlock
from serd.errors import OperationError
from serd.speech.segments import VoicedFrames
from serd.speech.vad import VoiceActivity

_BASE = {"instructions": 1000.0, "calls": 100.0, "peak_bytes": 5000.0}


def test_the_daemon_costs_no_more_than_its_baseline() -> None:
    """Instructions, calls and memory per second of speech, on platforms that have a baseline."""
    baseline = counting.read_baselines().get(counting.platform_name())
    if baseline is None:
        pytest.skip(f"no baseline for {counting.platform_name()}: python -m bench.counting --renew")
    assert list(counting.complaints(counting.counts(), baseline["counts"])) == []


def test_a_growth_of_more_than_a_fifth_is_a_complaint_with_a_remedy() -> None:
    """There is a line for 20.1 %, and none for 19 %."""
    now = _BASE | {"instructions": 1201.0, "calls": 119.0}
    (line,) = counting.complaints(now, _BASE)
    assert line.startswith("instructions a second of speech: 1,201, +20% to the baseline of 1,000")
    assert "--renew" in line


def test_a_fall_is_no_complaint() -> None:
    """Half the count is a growth of -50 %."""
    now = {name: count / 2 for name, count in _BASE.items()}
    assert list(counting.complaints(now, _BASE)) == []
    assert counting.growths(now, _BASE) == pytest.approx(dict.fromkeys(_BASE, -0.5))


def test_calls_and_memory_are_the_same_each_time() -> None:
    """Calls are equal, memory is within 1 %."""
    assert counting.calls_per_s() == counting.calls_per_s()
    one, two = counting.peak_bytes(Work(6.0)), counting.peak_bytes(Work(6.0))
    assert one == pytest.approx(two, rel=0.01)


def test_added_work_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage that works sample by sample and leaks memory raises the calls and the peak."""
    before = {"calls": counting.calls_per_s(), "peak_bytes": float(counting.peak_bytes(Work(6.0)))}
    process = VoiceActivity.process
    kept: list[bytes] = []

    def wasteful(self: VoiceActivity, block: AudioBlock) -> VoicedFrames:
        kept.append(b"x" * 50 * block.samples.size)
        for sample in block.samples[::20]:
            abs(int(sample))
        return process(self, block)

    monkeypatch.setattr(VoiceActivity, "process", wasteful)
    after = {"calls": counting.calls_per_s(), "peak_bytes": float(counting.peak_bytes(Work(6.0)))}
    lines = list(counting.complaints(after, before))
    assert [line.partition(":")[0] for line in lines] == [
        counting.UNITS["calls"],
        counting.UNITS["peak_bytes"],
    ]


def test_counting_calls_restores_the_profiler() -> None:
    """A profiler of the benchmark goes on, and none is left where there was none."""

    def profiler(*_: object) -> None:
        """A profiler that does nothing."""

    previous = sys.getprofile()
    try:
        for each in (None, profiler):
            sys.setprofile(each)
            counting.count_calls(Work(1.0))
            assert sys.getprofile() is each
    finally:
        sys.setprofile(previous)


def test_valgrinds_count_is_read_with_its_commas() -> None:
    """A report without a count is an error that says so."""
    assert counting.instructions_in("==1== I   refs:      1,350,466,083\n") == 1_350_466_083
    with pytest.raises(OperationError, match="did not count"):
        counting.instructions_in("==1== Illegal instruction")


@pytest.fixture
def made_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, float]:
    """Fixed counts, and a baseline file of their own."""
    now = dict(_BASE)
    monkeypatch.setattr(counting, "counts", lambda: now)
    monkeypatch.setattr(counting, "BASELINE", tmp_path / "counts.json")
    return now


def test_a_renewed_baseline_holds(
    made_counts: dict[str, float], capsys: pytest.CaptureFixture[str]
) -> None:
    """Without one nothing fails; with one, 30 % more calls are exit code 1."""
    assert counting.main([]) == 0
    assert "no baseline for" in capsys.readouterr().out
    assert counting.main(["--renew"]) == 0
    kept = json.loads(counting.BASELINE.read_text())
    assert kept[counting.platform_name()]["counts"] == _BASE
    assert counting.main([]) == 0
    made_counts["calls"] *= 1.3
    assert counting.main([]) == 1
    assert "calls of functions a second of speech: 130, +30%" in capsys.readouterr().out

"""The guard counts the same each time, keeps to its baseline, and fails on a growth of 20 %."""

import json
import sys
from pathlib import Path

import pytest

from bench import counting
from bench.counted import Work
from serd.audio.format import AudioBlock
from serd.errors import OperationError
from serd.speech.segments import VoicedFrames
from serd.speech.vad import VoiceActivity

_BASE = {"instructions": 1000.0, "calls": 100.0, "peak_bytes": 5000.0}


def test_the_daemon_costs_no_more_than_its_baseline() -> None:
    """Instructions, calls and memory a second of speech, for the versions that have a baseline."""
    baseline = counting.read_baselines().get(counting.platform_name())
    if baseline is None:
        pytest.skip(f"no baseline for {counting.platform_name()}: python -m bench.counting --renew")
    assert list(counting.complaints(counting.counts(), baseline["counts"])) == []


def test_a_growth_of_more_than_a_fifth_is_named_with_what_to_do() -> None:
    """By 20.1 % there is a line, by 19 % there is none."""
    now = _BASE | {"instructions": 1201.0, "calls": 119.0}
    (line,) = counting.complaints(now, _BASE)
    assert line.startswith("instructions a second of speech: 1,201, +20% to the baseline of 1,000")
    assert "--renew" in line


def test_a_fall_is_no_complaint_but_is_seen() -> None:
    """Half the count is a growth of -50 %."""
    now = {name: count / 2 for name, count in _BASE.items()}
    assert list(counting.complaints(now, _BASE)) == []
    assert counting.growths(now, _BASE) == pytest.approx(dict.fromkeys(_BASE, -0.5))


def test_calls_and_memory_are_the_same_each_time() -> None:
    """Calls to the last one, memory to within 1 %."""
    assert counting.calls_per_s() == counting.calls_per_s()
    one, two = counting.peak_bytes(Work(6.0)), counting.peak_bytes(Work(6.0))
    assert one == pytest.approx(two, rel=0.01)


def test_work_that_is_planted_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage that takes to working sample by sample, and keeps what it should let go."""
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


def test_the_profiler_that_was_there_is_there_again() -> None:
    """Whoever profiles the benchmark goes on with it; where nobody does, nobody is left behind."""

    def profiler(*_: object) -> None:
        """One that counts nothing."""

    was_there = sys.getprofile()
    try:
        for each in (None, profiler):
            sys.setprofile(each)
            counting.count_calls(Work(1.0))
            assert sys.getprofile() is each
    finally:
        sys.setprofile(was_there)


def test_valgrinds_count_is_read_with_its_commas() -> None:
    """A report without a count is an error that says so."""
    assert counting.instructions_in("==1== I   refs:      1,350,466,083\n") == 1_350_466_083
    with pytest.raises(OperationError, match="did not count"):
        counting.instructions_in("==1== Illegal instruction")


@pytest.fixture
def made_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, float]:
    """Counts without counting, and a baseline file of their own."""
    now = dict(_BASE)
    monkeypatch.setattr(counting, "counts", lambda: now)
    monkeypatch.setattr(counting, "BASELINE", tmp_path / "counts.json")
    return now


def test_a_baseline_is_renewed_by_one_command_and_then_held(
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

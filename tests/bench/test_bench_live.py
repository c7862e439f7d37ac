"""The part ``live`` measures a real daemon at live pace, with its events at a subscriber."""

from pathlib import Path

import pytest

from bench.context import QUICK, Context
from bench.live import measure
from bench.sound import Sound, talk


def test_a_daemon_is_measured_with_and_without_speech(tmp_path: Path) -> None:
    """CPU time and memory are measured in both cases, latencies on speech alone."""
    context = Context(
        workload=QUICK,
        sound=Sound(scenes=(talk(5.0, lead_s=0.5),), origin="made"),
        folder=tmp_path,
        before=None,
        say=lambda _text: None,
    )
    measured = measure(context)
    assert measured["idle"]["latency_ms"] is None
    assert measured["speech"]["latency_ms"]["n"] >= 2
    for each in (measured["idle"], measured["speech"]):
        assert 0.0 < each["cpu_percent"] < 100.0
        assert each["rss_mb"] > 20.0
    assert measured["left_out"]["openwakeword"]
    assert measured["speech"]["watched_s"] == pytest.approx(QUICK.live_s)

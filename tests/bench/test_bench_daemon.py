"""The bench drives a real daemon: it is fed at live pace, heard at a subscriber, and watched."""

from pathlib import Path

import pytest

from bench.context import Context
from bench.live import live
from bench.sizes import QUICK
from bench.sound import Sound, talk


def test_a_daemon_is_watched_with_and_without_speech(tmp_path: Path) -> None:
    """CPU time and memory are measured of both, latencies where there is speech alone."""
    context = Context(
        sizes=QUICK,
        sound=Sound(scenes=(talk(5.0, lead_s=0.5),), origin="made"),
        folder=tmp_path,
        before=None,
        say=lambda _text: None,
    )
    figures = live(context)
    assert figures["idle"]["latency_ms"] is None
    assert figures["speech"]["latency_ms"]["n"] >= 2
    for each in (figures["idle"], figures["speech"]):
        assert 0.0 < each["cpu_percent"] < 100.0
        assert each["rss_mb"] > 20.0
    assert figures["left_out"]["openwakeword"]
    assert figures["speech"]["watched_s"] == pytest.approx(QUICK.live_s)

"""Each part of a daemon breaks while it hears speech, and no event is lost."""

from pathlib import Path

import pytest

from testkit.brokers import Listener, logged_lines, mosquitto
from testkit.chaos import KINDS, MOST_BROKEN_S, Chaos

SIGNS = {
    "sender": "mqtt failed and restarts",
    "link": "mqtt-link failed and restarts",
    "feeder": "source mic failed unexpectedly",
    "metrics": "metrics failed and restarts",
    "screen": "publisher screen fails and is tried again",
    "clips": "clips cannot be stored",
    "broker": "lost",
    "spool sector": "is broken",
    "reload": "settings reloaded",
    "refused reload": "source mic stays as it was",
}
"""The line of the log by which each kind of break shows."""


def test_no_break_loses_an_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part breaks twice: the daemon is whole within 10 s, and every event has arrived."""
    monkeypatch.setattr("serd.mqtt.link.FIRST_PAUSE_S", 0.1)
    with mosquitto() as broker, Listener(broker) as listener, logged_lines() as lines:
        chaos = Chaos(broker, listener, tmp_path)
        try:
            breaks = list(chaos.breaks(2 * len(KINDS)))
        finally:
            lost = chaos.end()
    assert not lost
    assert max(each.broken_s for each in breaks) < MOST_BROKEN_S
    assert not any(each.has_ended for each in breaks)
    assert SIGNS.keys() == set(KINDS)
    assert [kind for kind, sign in SIGNS.items() if not any(sign in line for line in lines)] == []

"""The daemon's loop with moods and alerts: from the settings to the publishers, over restarts."""

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from serd.daemon.inbox import Request
from serd.daemon.state import ControlStore
from serd.errors import SettingsError
from serd.events.alert import AlertKey, AlertSettings
from serd.events.controls import Controls
from serd.events.mood import MoodSettings
from serd.events.reports import AlertReport, MoodReport
from serd.settings.loader import Settings
from testkit.made_sources import MadeSource, Script
from testkit.services import ScriptedOpener, Start, spoken

ANGRY = AlertSettings()
SAD = AlertSettings(name="sad", when="sad > 0.5")


def quiet() -> ScriptedOpener:
    """A source that stays open and gives nothing."""
    return ScriptedOpener(mic=Script(MadeSource(stays_open=True)))


def save_alert(folder: Path, held_s_ago: float) -> None:
    """Write the state file of a daemon whose alert "angry" was on."""
    (folder / "alerts.json").write_text(json.dumps({"mic": {"angry": time.time() - held_s_ago}}))


def test_speech_is_in_the_mood(start: Start) -> None:
    """The last mood has what was said, whatever the model made of it."""
    running = start(ScriptedOpener(mic=Script(spoken())), Settings(mood=MoodSettings(interval_s=1.0)))
    running.thread.join(60.0)
    first, *_, last = (each.mood for each in running.recorder.of(MoodReport))
    assert first.long.speech_s == 0.0
    assert 2.0 <= last.long.speech_s <= 3.6
    assert sum(last.long.shares.values()) == pytest.approx(1.0, abs=0.01)


def test_an_alert_that_was_on_is_on_in_the_first_report(start: Start, tmp_path: Path) -> None:
    """A subscriber sees no change when the daemon restarts; the file is as before."""
    save_alert(tmp_path, 100.0)
    before = json.loads((tmp_path / "alerts.json").read_text())["mic"]["angry"]
    running = start(quiet(), Settings(alerts=(ANGRY,)))
    running.wait_for(lambda: running.recorder.of(AlertReport), "the alert")
    running.end()
    assert {each.is_on for each in running.recorder.of(AlertReport)} == {True}
    after = json.loads((tmp_path / "alerts.json").read_text())["mic"]["angry"]
    assert after == pytest.approx(before, abs=2.0)


def test_an_alert_ends_while_its_source_gives_nothing(start: Start, tmp_path: Path) -> None:
    """The clock alone turns it off."""
    save_alert(tmp_path, 299.0)
    running = start(quiet(), Settings(alerts=(ANGRY,)))
    running.wait_for(lambda: len(running.recorder.of(AlertReport)) == 2, "the end of the alert")
    running.end()
    assert [each.is_on for each in running.recorder.of(AlertReport)] == [True, False]


def test_an_alert_ends_while_its_source_is_muted(start: Start, tmp_path: Path) -> None:
    """Its sound is discarded, and the clock goes on."""
    save_alert(tmp_path, 299.0)
    ControlStore(tmp_path).save("mic", "mute", Controls(mute=True))
    opener = ScriptedOpener(mic=Script(spoken(stays_open=True)))
    running = start(opener, Settings(alerts=(ANGRY,)))
    running.wait_for(lambda: len(running.recorder.of(AlertReport)) == 2, "the end of the alert")
    running.end()
    assert [each.is_on for each in running.recorder.of(AlertReport)] == [True, False]
    assert {each.mood.long.speech_s for each in running.recorder.of(MoodReport)} == {0.0}


def test_a_reload_changes_the_alerts(start: Start) -> None:
    """The publishers learn which are there and which are gone; a wrong one changes nothing."""
    current = Settings(alerts=(ANGRY,))
    wanted = [
        replace(current, alerts=(SAD,)),
        replace(current, alerts=(AlertSettings(when="furious > 0.5"),)),
    ]
    running = start(quiet(), current, load=lambda: wanted.pop(0))
    running.wait_for(lambda: running.recorder.of(AlertReport), "the first alert")
    running.service.inbox.put(Request(action="reload"))
    running.wait_for(lambda: len(running.recorder.contexts) == 2, "the reload")
    running.service.inbox.put(Request(action="reload"))
    running.wait_for(lambda: not wanted, "the second reload")
    running.end()
    first, second = running.recorder.contexts
    assert (first.alerts, first.gone_alerts) == ((AlertKey("mic", "angry"),), ())
    assert (second.alerts, second.gone_alerts) == (
        (AlertKey("mic", "sad"),),
        (AlertKey("mic", "angry"),),
    )
    assert running.recorder.of(AlertReport)[-1].name == "sad"


def test_an_unknown_emotion_stops_the_start(start: Start) -> None:
    """The model decides which emotions there are."""
    with pytest.raises(SettingsError, match="got 'furious', expected arousal, valence or one of"):
        start(quiet(), Settings(alerts=(AlertSettings(when="furious > 0.5"),)))

"""The daemon's loop under commands and changed settings."""

from dataclasses import replace
from pathlib import Path

import pytest

from serd.audio.source import SourceSettings
from serd.daemon.feeder import MOST_S
from serd.daemon.inbox import Request
from serd.daemon.state import ControlStore, SpeakerStore
from serd.errors import SettingsError
from serd.events.controls import Controls
from serd.events.event import Event
from serd.events.reports import (
    AvailabilityReport,
    ControlReport,
    LevelReport,
    RefusalReport,
    SpeechReport,
    StateReport,
    StatsReport,
)
from serd.events.state import ReportSettings
from serd.model.adaptation import AdaptationSettings
from serd.settings.loader import NodeSettings, Settings
from testkit.made_sources import MadeSource, Script, blocks
from testkit.services import VOICE, Openings, Start, in_short, spoken


def test_controls_are_changed_kept_and_refused(start: Start, tmp_path: Path) -> None:
    """A good value is told and outlives the daemon; a bad one is answered and changes nothing."""
    running = start(Openings(mic=Script(MadeSource(stays=True))))
    told = running.notebook
    running.ask("threshold", b"0.8")
    running.ask("threshold", b"8")
    running.ask("cooldown", b"60")
    running.ask("mute", b"ON", source="nobody")
    running.wait_for(lambda: len(told.of(ControlReport)) == 3, "the controls")
    running.end()
    (refused,) = told.of(RefusalReport)
    assert (refused.control, refused.reason) == ("threshold", "got '8', expected a number from 0 to 1")
    expected = Controls(threshold=0.8, cooldown_s=60.0)
    assert told.of(ControlReport)[-1].controls == expected
    assert ControlStore(tmp_path).controls("mic", Controls()) == expected
    again = start(Openings(mic=Script(MadeSource(stays=True))))
    again.wait_for(lambda: again.notebook.of(ControlReport), "the introduction")
    assert again.notebook.of(ControlReport)[0].controls == expected


def test_voices_are_got_used_to_kept_and_forgotten(start: Start, tmp_path: Path) -> None:
    """What a source is used to outlives the daemon, until somebody asks to forget it."""
    settings = Settings(adaptation=AdaptationSettings(enabled=True))
    running = start(Openings(mic=Script(spoken())), settings)
    running.thread.join(60.0)

    def heard_s() -> float:
        heard = SpeakerStore(tmp_path).speakers("mic", "mfcc40-v1")
        return heard.speech_s if heard else -1.0

    assert heard_s() > 1.0
    again = start(Openings(mic=Script(MadeSource(stays=True))), settings)
    again.ask("forget", b"")
    again.wait_for(lambda: heard_s() == 0.0, "nothing to be kept")
    again.end()
    assert heard_s() == 0.0
    assert not again.notebook.of(RefusalReport)


def test_who_does_not_get_used_to_voices_keeps_nothing(start: Start, tmp_path: Path) -> None:
    """As it is unless it is enabled."""
    running = start(Openings(mic=Script(spoken())))
    running.thread.join(60.0)
    assert running.notebook.of(Event)
    assert not (tmp_path / "voices.json").exists()


def test_who_is_muted_says_nothing(start: Start, tmp_path: Path) -> None:
    """Muted sound goes nowhere, though the source stays available."""
    ControlStore(tmp_path).save("mic", "mute", Controls(mute=True))
    running = start(Openings(mic=Script(spoken())))
    running.thread.join(60.0)
    assert in_short(running.notebook.reports) == ["c", "s:none", "v-", "a+", "a-"]


def test_muting_ends_the_utterance_under_way(start: Start) -> None:
    """What was said before is published, and the state is none."""
    running = start(Openings(mic=Script(MadeSource(blocks(VOICE), stays=True))))
    told = running.notebook
    running.wait_for(lambda: told.of(Event), "the first window")
    running.ask("mute", b"ON")
    running.wait_for(lambda: len(told.of(ControlReport)) == 2, "the answer")
    assert told.of(Event)[-1].kind == "utterance"
    assert told.of(StateReport)[-1].emotion == "none"
    assert not told.of(SpeechReport)[-1].is_speaking


def test_changed_settings_restart_only_what_they_touch(start: Start) -> None:
    """Another source comes, one goes, and the one that stays is not opened again."""
    here, there = SourceSettings(name="here"), SourceSettings(name="there")
    other = SourceSettings(name="other")
    now = Settings(sources=(here, there))
    later = replace(now, sources=(here, other), node=NodeSettings(name="new"))
    stays = Script(MadeSource(stays=True))
    leaves, comes = MadeSource(stays=True), Script(spoken(stays=True))
    running = start(Openings(here=stays, there=Script(leaves), other=comes), now, reload=lambda: later)
    told = running.notebook
    running.wait_for(lambda: len(told.of(AvailabilityReport)) == 2, "both sources")
    running.service.inbox.put(Request(what="reload"))
    running.wait_for(lambda: told.of(Event), "the other source's speech")
    assert told.contexts[-1].sources == ("here", "other")
    assert told.of(Event)[0].node == "new"
    assert (stays.n_opened, comes.n_opened) == (1, 1)
    assert leaves.is_closed
    lives = [(r.source, r.is_alive) for r in told.of(AvailabilityReport)]
    assert lives[2:] == [("there", False), ("here", True), ("other", True)]


def test_broken_settings_change_nothing(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """The old ones stay in force, and the log says what is wrong."""

    def broken() -> Settings:
        raise SettingsError("serd.toml: no TOML")

    running = start(Openings(mic=Script(MadeSource(stays=True))), reload=broken)
    running.service.inbox.put(Request(what="reload"))
    running.wait_for(lambda: "the settings stay as they were" in caplog.text, "the log line")
    assert "serd.toml: no TOML" in caplog.text
    assert running.thread.is_alive()


def test_another_time_between_stats_holds_at_once(start: Start) -> None:
    """Not only behind the next stats, which may be a day away."""
    now = Settings(report=ReportSettings(stats_s=86_400.0))
    later = replace(now, report=ReportSettings(stats_s=1.0))
    running = start(Openings(mic=Script(MadeSource(stays=True))), now, reload=lambda: later)
    running.service.inbox.put(Request(what="reload"))
    running.wait_for(lambda: running.notebook.of(StatsReport), "the stats")


def test_levels_and_stats_are_told_as_often_as_asked(start: Start) -> None:
    """The level each second of sound with the likeliest emotions; the stats by the clock."""
    settings = Settings(report=ReportSettings(level_s=1.0, stats_s=1.0))
    running = start(Openings(mic=Script(spoken(stays=True))), settings)
    told = running.notebook
    # A source that falls silent may leave the last moment of quiet with its feeder.
    heard_s = 6.0 - MOST_S
    running.wait_for(
        lambda: any(stats.sound_s >= heard_s for stats in told.of(StatsReport)), "stats of all sound"
    )
    levels = told.of(LevelReport)
    assert len(levels) == 5  # frames of 30 ms: a little more than 1 s each
    assert levels[0].level_dbfs < levels[2].level_dbfs
    assert max(len(level.guesses) for level in levels) == 3
    stats = told.of(StatsReport)[-1]
    assert heard_s <= stats.sound_s <= 6.0
    assert stats.n_events == len(told.of(Event)) == stats.n_windows + 1
    assert stats.n_overflows == 1
    assert 10 < stats.rss_mb < 2000

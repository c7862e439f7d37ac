"""The daemon's loop under control commands and reloads of the settings."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from serd.audio.source import SourceSettings
from serd.daemon.feeder import MAX_JOINED_S
from serd.daemon.inbox import Request
from serd.daemon.state import ControlStore, SpeakerStore
from serd.errors import DeviceError, SettingsError, SoundFileError
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
from serd.settings.loader import NodeSettings, Settings, load_settings
from testkit.made_sources import MadeSource, Script, blocks
from testkit.models import Model, write_model
from testkit.services import VOICE, ScriptedOpener, Start, abbreviated, spoken


def test_controls_are_changed_saved_and_refused(start: Start, tmp_path: Path) -> None:
    """A valid value is published and saved; an invalid one is answered and changes nothing."""
    running = start(ScriptedOpener(mic=Script(MadeSource(stays_open=True))))
    recorder = running.recorder
    running.send_command("threshold", b"0.8")
    running.send_command("threshold", b"8")
    running.send_command("cooldown", b"60")
    running.send_command("mute", b"ON", source="unknown")
    running.wait_for(lambda: len(recorder.of(ControlReport)) == 3, "the controls")
    running.end()
    (refused,) = recorder.of(RefusalReport)
    assert (refused.control, refused.reason) == ("threshold", "got '8', expected a number from 0 to 1")
    expected = Controls(threshold=0.8, cooldown_s=60.0)
    assert recorder.of(ControlReport)[-1].controls == expected
    assert ControlStore(tmp_path).controls("mic", Controls()) == expected
    again = start(ScriptedOpener(mic=Script(MadeSource(stays_open=True))))
    again.wait_for(lambda: again.recorder.of(ControlReport), "the saved controls")
    assert again.recorder.of(ControlReport)[0].controls == expected


def test_a_flood_of_commands_leaves_the_last_values(start: Start, tmp_path: Path) -> None:
    """Few of 5,000 are handled, none is answered for nothing, and the last values survive the stop."""
    running = start(ScriptedOpener(mic=Script(MadeSource(stays_open=True))))
    for number in range(5000):
        running.send_command("threshold", str(number / 5000).encode())
        running.send_command("cooldown", str(number % 2).encode())
        running.send_command("mute", b"maybe")
    running.wait_for(
        lambda: (
            running.recorder.of(ControlReport)[-1].controls
            == Controls(threshold=4999 / 5000, cooldown_s=1.0)
        ),
        "the last values",
    )
    running.end()
    assert ControlStore(tmp_path).controls("mic", Controls()) == Controls(
        threshold=4999 / 5000, cooldown_s=1.0
    )
    assert len(running.recorder.of(ControlReport)) < 500
    assert 1 <= len(running.recorder.of(RefusalReport)) < 500


def test_speaker_means_are_learned_saved_and_reset(start: Start, tmp_path: Path) -> None:
    """The mean of a source survives the daemon until the command to forget it."""
    settings = Settings(adaptation=AdaptationSettings(enabled=True))
    running = start(ScriptedOpener(mic=Script(spoken())), settings)
    running.thread.join(60.0)

    def saved_speech_s() -> float:
        saved = SpeakerStore(tmp_path).mean("mic", "mfcc40-v1")
        return saved.speech_s if saved else -1.0

    assert saved_speech_s() > 1.0
    again = start(ScriptedOpener(mic=Script(MadeSource(stays_open=True))), settings)
    again.send_command("forget", b"")
    again.wait_for(lambda: saved_speech_s() == 0.0, "an empty mean")
    again.end()
    assert saved_speech_s() == 0.0
    assert not again.recorder.of(RefusalReport)


def test_without_speaker_adaptation_no_mean_is_saved(start: Start, tmp_path: Path) -> None:
    """Speaker adaptation is off by default."""
    running = start(ScriptedOpener(mic=Script(spoken())))
    running.thread.join(60.0)
    assert running.recorder.of(Event)
    assert not (tmp_path / "voices.json").exists()


def test_a_muted_source_publishes_no_event(start: Start, tmp_path: Path) -> None:
    """Its sound is dropped, while the source stays available."""
    ControlStore(tmp_path).save("mic", "mute", Controls(mute=True))
    running = start(ScriptedOpener(mic=Script(spoken())))
    running.thread.join(60.0)
    assert abbreviated(running.recorder.reports) == ["c", "s:none", "v-", "a+", "a-"]


def test_muting_ends_the_utterance_under_way(start: Start) -> None:
    """The utterance before it is published, and the state is none."""
    running = start(ScriptedOpener(mic=Script(MadeSource(blocks(VOICE), stays_open=True))))
    recorder = running.recorder
    running.wait_for(lambda: recorder.of(Event), "the first window")
    running.send_command("mute", b"ON")
    running.wait_for(lambda: len(recorder.of(ControlReport)) == 2, "the answer")
    assert recorder.of(Event)[-1].kind == "utterance"
    assert recorder.of(StateReport)[-1].emotion == "none"
    assert not recorder.of(SpeechReport)[-1].is_speaking


def test_changed_settings_restart_only_what_they_touch(start: Start) -> None:
    """One source is added, one is removed, and the one that stays is not reopened."""
    here, there = SourceSettings(name="here"), SourceSettings(name="there")
    other = SourceSettings(name="other")
    now = Settings(sources=(here, there))
    later = replace(now, sources=(here, other), node=NodeSettings(name="new"))
    stays = Script(MadeSource(stays_open=True))
    leaves, comes = MadeSource(stays_open=True), Script(spoken(stays_open=True))
    running = start(
        ScriptedOpener(here=stays, there=Script(leaves), other=comes), now, load=lambda: later
    )
    recorder = running.recorder
    running.wait_for(lambda: len(recorder.of(AvailabilityReport)) == 2, "both sources")
    running.service.inbox.put(Request(action="reload"))
    running.wait_for(lambda: recorder.of(Event), "the other source's speech")
    assert recorder.contexts[-1].sources == ("here", "other")
    assert recorder.of(Event)[0].node == "new"
    assert (stays.n_opened, comes.n_opened) == (1, 1)
    assert leaves.is_closed
    availability = [(r.source, r.is_alive) for r in recorder.of(AvailabilityReport)]
    assert availability[2:] == [("there", False), ("here", True), ("other", True)]


def test_broken_settings_change_nothing(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """The old settings stay in force, and the log names the error."""

    def broken() -> Settings:
        raise SettingsError("serd.toml: invalid TOML")

    running = start(ScriptedOpener(mic=Script(MadeSource(stays_open=True))), load=broken)
    running.service.inbox.put(Request(action="reload"))
    running.wait_for(lambda: "the settings are unchanged" in caplog.text, "the log line")
    assert "serd.toml: invalid TOML" in caplog.text
    assert running.thread.is_alive()


@pytest.mark.parametrize(
    "text",
    [
        f"[report]\nlevel_s = {'9' * 400}\n",
        f"[report]\nlevel_s = {'9' * 5000}\n",
        f"[report]\nlevel_s = {'[' * 5000}{']' * 5000}\n",
    ],
    ids=["400 digits", "5000 digits", "5000 nested arrays"],
)
def test_a_file_beyond_all_limits_changes_nothing(
    start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    """The old settings stay in force, and the log has one line without a traceback."""
    file = tmp_path / "serd.toml"
    file.write_text(text)
    source = spoken(stays_open=True)
    running = start(ScriptedOpener(mic=Script(source)), load=lambda: load_settings(file, environment={}))
    running.service.inbox.put(Request(action="reload"))
    running.wait_for(lambda: "the settings are unchanged" in caplog.text, "the log line")
    running.wait_for(lambda: running.recorder.of(Event), "speech")
    assert not [record for record in caplog.records if record.exc_info]


def test_a_defect_while_settings_load_changes_nothing(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    """Any exception counts as a refusal; its traceback is in the log."""
    loads = iter([ZeroDivisionError(), Settings(report=ReportSettings(stats_s=1.0))])

    def load() -> Settings:
        step = next(loads)
        if isinstance(step, Exception):
            raise step
        return step

    running = start(ScriptedOpener(mic=Script(MadeSource(stays_open=True))), load=load)
    running.service.inbox.put(Request(action="reload"))
    running.service.inbox.put(Request(action="reload"))
    running.wait_for(lambda: running.recorder.of(StatsReport), "the second reload")
    assert [r.getMessage() for r in caplog.records if r.exc_info] == ["the settings are unchanged"]


class TestChangedSource:
    """A source whose settings change at a reload."""

    NOW = Settings(sources=(SourceSettings(),))
    LATER = Settings(sources=(SourceSettings(input="Other"),))

    def test_it_is_opened_before_the_earlier_one_is_closed(self, start: Start) -> None:
        """The new one gives sound, and the earlier one is closed."""
        earlier = MadeSource(stays_open=True)
        script = Script(earlier, spoken(stays_open=True))
        running = start(ScriptedOpener(mic=script), self.NOW, load=lambda: self.LATER)
        running.service.inbox.put(Request(action="reload"))
        running.wait_for(lambda: running.recorder.of(Event), "speech")
        assert earlier.is_closed
        assert script.n_opened == 2

    def test_one_that_does_not_open_leaves_the_earlier_one(
        self, start: Start, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A file that is missing: the microphone goes on, and the next reload tries again."""
        later = Settings(sources=(SourceSettings(input="a.wav"),))
        earlier = MadeSource(stays_open=True)
        script = Script(earlier, SoundFileError("a.wav: no such file"), spoken(stays_open=True))
        running = start(ScriptedOpener(mic=script), self.NOW, load=lambda: later)
        running.service.inbox.put(Request(action="reload"))
        running.wait_for(lambda: "source mic stays as it was" in caplog.text, "the refusal")
        assert not earlier.is_closed
        running.service.inbox.put(Request(action="reload"))
        running.wait_for(lambda: running.recorder.of(Event), "speech of the file")
        assert earlier.is_closed

    def test_a_microphone_that_is_busy_is_handed_over(self, start: Start) -> None:
        """The same device opens only after the earlier source has closed it."""
        earlier = MadeSource(stays_open=True)
        script = Script(earlier, DeviceError("device busy"), spoken(stays_open=True))
        running = start(ScriptedOpener(mic=script), self.NOW, load=lambda: self.LATER)
        running.service.inbox.put(Request(action="reload"))
        running.wait_for(lambda: running.recorder.of(Event), "speech")
        assert earlier.is_closed

    def test_a_microphone_that_does_not_open_at_all_gives_way_to_the_earlier_one(
        self, start: Start, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The earlier one is opened again with its settings."""
        missing = [DeviceError("no such microphone")] * 2
        script = Script(MadeSource(stays_open=True), *missing, spoken(stays_open=True))
        running = start(ScriptedOpener(mic=script), self.NOW, load=lambda: self.LATER)
        running.service.inbox.put(Request(action="reload"))
        running.wait_for(lambda: running.recorder.of(Event), "speech")
        assert "source mic stays as it was: no such microphone" in caplog.text

    def test_it_is_available_although_the_earlier_one_does_not_end(self, start: Start) -> None:
        """An address that does not answer blocks the earlier feeder; the new one is heard meanwhile."""
        opener = _BlockingOpener(spoken(stays_open=True))
        running = start(opener, self.NOW, load=lambda: self.LATER, wait_for_sources=True)
        recorder = running.recorder
        try:
            running.wait_for(opener.is_blocked.is_set, "the second attempt to open the earlier source")
            running.service.inbox.put(Request(action="reload"))
            running.wait_for(lambda: recorder.of(Event), "speech")
            assert recorder.of(AvailabilityReport)[-1].is_alive
        finally:
            opener.goes_on.set()
        running.wait_for(lambda: opener.earlier.is_closed, "the end of the earlier source")
        running.send_command("threshold", b"0.8")
        running.wait_for(
            lambda: recorder.of(ControlReport)[-1].controls.threshold == 0.8, "a later answer"
        )
        assert recorder.of(AvailabilityReport)[-1].is_alive


class _BlockingOpener(ScriptedOpener):
    """Does not open a source at first, then blocks as often as it has the same settings."""

    def __init__(self, later: MadeSource) -> None:
        super().__init__(mic=Script(DeviceError("does not answer")))
        self.earlier = MadeSource(blocks(VOICE))
        """The source that is opened after ``goes_on`` is set."""
        self._later = later
        self.is_blocked, self.goes_on = threading.Event(), threading.Event()

    def open(self, settings: SourceSettings) -> MadeSource:
        """Fail, block, or open the later source, which has other settings."""
        if settings != SourceSettings():
            return self._later
        if threading.current_thread().name != "serd-source-mic":
            raise DeviceError("does not answer")
        self.is_blocked.set()
        self.goes_on.wait(60.0)
        return self.earlier


class TestEndedSource:
    """A recording that has ended while another source goes on."""

    NOW = Settings(sources=(SourceSettings(name="file", input="a.wav"), SourceSettings(name="mic")))

    @staticmethod
    def n_opened_after_a_reload(start: Start, later: Settings) -> int:
        """How often the recording was opened after its end and a reload."""
        file = Script(spoken())
        opener = ScriptedOpener(file=file, mic=Script(MadeSource(stays_open=True)))
        running = start(opener, TestEndedSource.NOW, load=lambda: later)
        recorder = running.recorder
        running.wait_for(
            lambda: any(not each.is_alive for each in recorder.of(AvailabilityReport)), "its end"
        )
        running.service.inbox.put(Request(action="reload"))
        running.wait_for(lambda: len(recorder.contexts) == 2, "the reload")
        running.end()
        return file.n_opened

    def test_it_is_not_played_again_by_a_reload(self, start: Start) -> None:
        """Neither by the same settings nor by others that are not its own."""
        assert self.n_opened_after_a_reload(start, self.NOW) == 1
        later = replace(self.NOW, node=NodeSettings(name="new"))
        assert self.n_opened_after_a_reload(start, later) == 1

    def test_its_changed_settings_open_it(self, start: Start) -> None:
        """Another recording under the same name is played."""
        _, mic = self.NOW.sources
        later = replace(self.NOW, sources=(SourceSettings(name="file", input="b.wav"), mic))
        assert self.n_opened_after_a_reload(start, later) == 2


def test_a_new_interval_of_the_stats_applies_at_once(start: Start) -> None:
    """It does not wait for the next stats, which may be a day away."""
    now = Settings(report=ReportSettings(stats_s=86_400.0))
    later = replace(now, report=ReportSettings(stats_s=1.0))
    running = start(ScriptedOpener(mic=Script(MadeSource(stays_open=True))), now, load=lambda: later)
    running.service.inbox.put(Request(action="reload"))
    running.wait_for(lambda: running.recorder.of(StatsReport), "the stats")


def test_levels_and_stats_have_their_own_intervals(start: Start) -> None:
    """A level with the likeliest emotions each second of sound; the stats by the clock."""
    settings = Settings(report=ReportSettings(level_s=1.0, stats_s=1.0))
    running = start(ScriptedOpener(mic=Script(spoken(stays_open=True))), settings)
    recorder = running.recorder
    # The feeder may hold back the last quiet blocks of a source that stops giving sound.
    expected_s = 6.0 - MAX_JOINED_S
    running.wait_for(
        lambda: any(stats.sound_s >= expected_s for stats in recorder.of(StatsReport)),
        "stats of all sound",
    )
    levels = recorder.of(LevelReport)
    assert len(levels) == 5  # frames of 30 ms: a little more than 1 s each
    assert levels[0].level_dbfs < levels[2].level_dbfs
    assert max(len(level.guesses) for level in levels) == 3
    stats = recorder.of(StatsReport)[-1]
    assert expected_s <= stats.sound_s <= 6.0
    assert stats.n_events == len(recorder.of(Event)) == stats.n_windows + 1
    assert stats.n_overflows == 1
    assert 10 < stats.rss_mb < 2000


def test_a_model_is_replaced_at_a_reload_and_a_broken_one_refused(
    start: Start,
    tmp_path: Path,
    served: Model,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A new file at the same path is used from then on; after a broken one the model before goes on."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    (tmp_path / "models").mkdir()
    path, (network, card) = tmp_path / "models" / "own.tflite", served
    write_model(path, network, replace(card, name="first"))
    settings = load_settings(environment={"SERD_MODEL_PATH": "own"})
    running = start(ScriptedOpener(mic=Script(MadeSource(stays_open=True))), settings)
    recorder = running.recorder

    def model() -> str:
        running.service.inbox.put(Request(action="reload"))
        n_before = len(recorder.contexts) + len(caplog.records)
        running.wait_for(lambda: len(recorder.contexts) + len(caplog.records) > n_before, "a reload")
        return running.service.models.description

    running.wait_for(lambda: recorder.contexts, "the publishers")
    write_model(tmp_path / "new.tflite", network, replace(card, name="second")).replace(path)
    with caplog.at_level("ERROR", logger="serd.run"):
        assert model().startswith("second ")
        path.write_bytes(b"no model")
        assert model().startswith("second ")
    assert "the settings are unchanged" in caplog.text
    assert "own.tflite" in caplog.text

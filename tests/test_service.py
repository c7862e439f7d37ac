"""The daemon's loop: what becomes of losses, commands, signals and changed settings."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from serd.adaptation import AdaptationSettings
from serd.config import NodeSettings, Settings
from serd.control_store import ControlStore
from serd.controls import Controls
from serd.errors import DeviceError, SettingsError, SoundFileError, SourceError, SourceHungError
from serd.events import Event
from serd.labels import EMOTIONS
from serd.notify import ServiceManager
from serd.publishers import Context
from serd.reporting import ReportSettings
from serd.reports import (
    AvailabilityReport,
    ControlRefused,
    ControlReport,
    LevelReport,
    Report,
    SpeechReport,
    StateReport,
    StatsReport,
)
from serd.service import Service
from serd.smoothing import SmoothingSettings
from serd.sources import SourceSettings
from serd.sources.inbox import Asked
from serd.voice_store import VoiceStore
from tests.brokers import wait_until
from tests.made_sources import MadeSource, Script, blocks
from tests.notify_sockets import NotifySocket, notify_socket
from tests.voices import quiet_room, synthetic_voice


class Notebook:
    """Stands for all publishers: writes down what they would be told."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.contexts: list[Context] = []
        self.is_patient: bool | None = None

    def __call__(self, _settings: Mapping[str, Any], context: Context) -> "Notebook":
        """Be made."""
        self.contexts.append(context)
        return self

    def publish(self, report: Report) -> None:
        """Take one report."""
        self.reports.append(report)

    def change(self, _settings: object, context: Context, _timeout_s: float) -> None:
        """Take over other settings."""
        self.contexts.append(context)

    def close(self, _timeout_s: float, *, is_patient: bool) -> None:
        """Be closed."""
        self.is_patient = is_patient

    def of(self, *kinds: type) -> list[Any]:
        """The reports of some kinds so far."""
        return [report for report in self.reports if isinstance(report, kinds)]


class Openings:
    """Opens each source by its own script."""

    def __init__(self, **scripts: Script) -> None:
        self._scripts = scripts

    def open(self, settings: SourceSettings) -> MadeSource:
        """The next step of the source's script."""
        return self._scripts[settings.name].open()


class Running:
    """A service in a thread of its own."""

    def __init__(self, service: Service, notebook: Notebook) -> None:
        self.service = service
        self.notebook = notebook
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.service.run()
        except Exception as exc:  # noqa: BLE001
            self.error = exc

    def wait_for(self, what: Callable[[], object], name: str) -> None:
        """Wait for something to be told."""
        wait_until(what, name)

    def ask(self, control: str, value: bytes, source: str = "mic") -> None:
        """Send a command as a broker would."""
        wait_until(lambda: self.notebook.contexts, "the publishers")
        self.notebook.contexts[0].command(source, control, value)

    def end(self) -> None:
        """Ask it to stop, and wait for its end."""
        self.service.inbox.put(Asked(what="stop"))
        self.thread.join(20.0)
        assert not self.thread.is_alive()


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts services, and ends those that still run."""
    running: list[Running] = []
    managers: list[ServiceManager] = []

    def begin(
        openings: Openings,
        settings: Settings | None = None,
        *,
        reload: Callable[[], Settings] | None = None,
        waits: bool = False,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> Running:
        settings = settings or Settings()
        notebook = Notebook()
        managers.append(ServiceManager(environment))
        service = Service(
            settings,
            reload=reload or (lambda: settings),
            folder=tmp_path,
            opener=openings,
            manager=managers[-1],
            waits=waits,
            publishers=notebook,
        )
        running.append(Running(service, notebook))
        return running[-1]

    yield begin
    for each in running:
        if each.thread.is_alive():
            each.end()
    for manager in managers:
        manager.close()


VOICE = synthetic_voice(3.5)


def _spoken(*, error: SourceError | SoundFileError | None = None, stays: bool = False) -> MadeSource:
    sound = np.concatenate((quiet_room(0.5), VOICE, quiet_room(2.0)))
    return MadeSource(blocks(sound), error=error, stays=stays)


def _line(reports: list[Report]) -> list[str]:
    """Reports in short: c controls, s state, v voice, a availability, w window, u utterance."""
    words = []
    for report in reports:
        match report:
            case Event():
                words.append(report.kind[0])
            case StateReport():
                words.append("s:none" if report.emotion == "none" else "s")
            case SpeechReport():
                words.append("v+" if report.is_speaking else "v-")
            case AvailabilityReport():
                words.append("a+" if report.is_alive else "a-")
            case ControlReport():
                words.append("c")
    return words


def test_a_source_is_introduced_heard_and_said_goodbye_to(start: Start) -> None:
    """Controls and state first, then it is there, somebody speaks and stops, and it is gone."""
    running = start(Openings(mic=Script(_spoken())))
    running.thread.join(60.0)
    assert running.error is None
    line = _line(running.notebook.reports)
    assert line[:5] == ["c", "s:none", "v-", "a+", "v+"]
    assert [word for word in line if word in {"w", "u"}][-1] == "u"
    assert line.count("v+") == line.count("v-") - 1 == 1
    assert line[-1] == "a-"
    assert running.notebook.is_patient is True


def test_a_lost_source_ends_its_utterance_and_comes_back(start: Start) -> None:
    """What was being said is published; the state is none and the source offline until it is back."""
    broken = MadeSource(blocks(VOICE), error=SourceError("gave no sound for 3 s"))
    running = start(Openings(mic=Script(broken, _spoken(stays=True))), waits=True)
    told = running.notebook
    running.wait_for(lambda: len(told.of(AvailabilityReport)) == 3, "the return")
    running.wait_for(lambda: [e.kind for e in told.of(Event)].count("utterance") == 2, "speech")
    running.end()
    line = _line(told.reports)
    lost, back = line.index("a-"), line.index("a+", line.index("a-"))
    assert "u" in line[:lost]
    assert line[lost - 1] in {"s:none", "v-"}
    assert "w" in line[back:]
    assert running.error is None
    assert told.is_patient is False


def test_one_source_fails_and_the_other_goes_on(start: Start) -> None:
    """A file that is damaged is tried again; standard input is not disturbed."""
    settings = Settings(
        sources=(SourceSettings(name="file", input="a.wav"), SourceSettings(name="pipe", input="-"))
    )
    running = start(
        Openings(
            file=Script(_spoken(error=SoundFileError("a.wav: damaged")), _spoken(stays=True)),
            pipe=Script(_spoken(stays=True)),
        ),
        settings,
    )
    told = running.notebook
    running.wait_for(
        lambda: [(e.source, e.kind) for e in told.of(Event)].count(("file", "utterance")) == 2,
        "the file's second utterance",
    )
    running.wait_for(
        lambda: ("pipe", "utterance") in [(e.source, e.kind) for e in told.of(Event)], "the pipe's"
    )
    lives = [(r.source, r.is_alive) for r in told.of(AvailabilityReport)]
    assert [alive for source, alive in lives if source == "file"] == [True, False, True]
    assert [alive for source, alive in lives if source == "pipe"] == [True]


def test_the_only_source_s_failure_is_the_daemon_s(start: Start) -> None:
    """A damaged file that nobody waits for ends it, once everything before is published."""
    settings = Settings(sources=(SourceSettings(input="a.wav"),))
    error = SoundFileError("a.wav: damaged")
    running = start(Openings(mic=Script(MadeSource(blocks(VOICE), error=error))), settings)
    running.thread.join(60.0)
    assert running.error is error
    assert [event.kind for event in running.notebook.of(Event)][-1] == "utterance"


def test_a_source_that_is_not_there_is_waited_for_if_asked(start: Start) -> None:
    """Else it is an error before anything begins."""
    away = DeviceError("no microphone found")
    with pytest.raises(DeviceError):
        start(Openings(mic=Script(away)))
    running = start(Openings(mic=Script(away, away, _spoken(stays=True))), waits=True)
    told = running.notebook
    running.wait_for(lambda: told.of(Event), "speech")
    assert [report.is_alive for report in told.of(AvailabilityReport)] == [False, True]


def test_a_library_that_hangs_ends_the_run_with_a_restart(start: Start) -> None:
    """What was said is published, the source is offline, and whoever ran it is told to begin afresh."""
    hung = MadeSource(blocks(VOICE), error=SourceHungError("PortAudio hangs"))
    stays = MadeSource(stays=True)
    settings = Settings(sources=(SourceSettings(name="mic"), SourceSettings(name="other")))
    running = start(Openings(mic=Script(hung), other=Script(stays)), settings)
    running.thread.join(60.0)
    told = running.notebook
    assert running.service.must_restart
    assert running.error is None
    assert told.of(Event)[-1].kind == "utterance"
    assert {r.source: r.is_alive for r in told.of(AvailabilityReport)} == {"mic": False, "other": False}
    assert stays.is_closed


def test_who_is_asked_to_stop_does_not_begin_afresh(start: Start) -> None:
    """Though the library hangs over it."""
    running = start(Openings(mic=Script(MadeSource(stays=True))))
    running.service.inbox.put(Asked(what="stop"))
    running.service.inbox.put(Asked(what="restart"))
    running.thread.join(60.0)
    assert not running.service.must_restart


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
    (refused,) = told.of(ControlRefused)
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
    running = start(Openings(mic=Script(_spoken())), settings)
    running.thread.join(60.0)

    def heard_s() -> float:
        heard = VoiceStore(tmp_path).heard("mic", "mfcc40-v1")
        return heard.speech_s if heard else -1.0

    assert heard_s() > 1.0
    again = start(Openings(mic=Script(MadeSource(stays=True))), settings)
    again.ask("forget", b"")
    again.wait_for(lambda: heard_s() == 0.0, "nothing to be kept")
    again.end()
    assert heard_s() == 0.0
    assert not again.notebook.of(ControlRefused)


def test_who_does_not_get_used_to_voices_keeps_nothing(start: Start, tmp_path: Path) -> None:
    """As it is unless it is enabled."""
    running = start(Openings(mic=Script(_spoken())))
    running.thread.join(60.0)
    assert running.notebook.of(Event)
    assert not (tmp_path / "voices.json").exists()


def test_who_is_muted_says_nothing(start: Start, tmp_path: Path) -> None:
    """Muted sound goes nowhere, though the source stays available."""
    ControlStore(tmp_path).keep("mic", "mute", Controls(mute=True))
    running = start(Openings(mic=Script(_spoken())))
    running.thread.join(60.0)
    assert _line(running.notebook.reports) == ["c", "s:none", "v-", "a+", "a-"]


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
    leaves, comes = MadeSource(stays=True), Script(_spoken(stays=True))
    running = start(Openings(here=stays, there=Script(leaves), other=comes), now, reload=lambda: later)
    told = running.notebook
    running.wait_for(lambda: len(told.of(AvailabilityReport)) == 2, "both sources")
    running.service.inbox.put(Asked(what="reload"))
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
    running.service.inbox.put(Asked(what="reload"))
    running.wait_for(lambda: "the settings stay as they were" in caplog.text, "the log line")
    assert "serd.toml: no TOML" in caplog.text
    assert running.thread.is_alive()


def test_another_time_between_stats_holds_at_once(start: Start) -> None:
    """Not only behind the next stats, which may be a day away."""
    now = Settings(report=ReportSettings(stats_s=86_400.0))
    later = replace(now, report=ReportSettings(stats_s=1.0))
    running = start(Openings(mic=Script(MadeSource(stays=True))), now, reload=lambda: later)
    running.service.inbox.put(Asked(what="reload"))
    running.wait_for(lambda: running.notebook.of(StatsReport), "the stats")


def test_levels_and_stats_are_told_as_often_as_asked(start: Start) -> None:
    """The level each second of sound with the likeliest emotions; the stats by the clock."""
    settings = Settings(report=ReportSettings(level_s=1.0, stats_s=1.0))
    running = start(Openings(mic=Script(_spoken(stays=True))), settings)
    told = running.notebook
    running.wait_for(lambda: told.of(StatsReport), "the stats")
    levels = told.of(LevelReport)
    assert len(levels) == 5  # frames of 30 ms: a little more than 1 s each
    assert levels[0].level_dbfs < levels[2].level_dbfs
    assert max(len(level.guesses) for level in levels) == 3
    stats = told.of(StatsReport)[-1]
    assert stats.sound_s == pytest.approx(6.0, abs=0.01)
    assert stats.n_events == len(told.of(Event)) == stats.n_windows + 1
    assert stats.n_overflows == 1
    assert 10 < stats.rss_mb < 2000


def test_a_source_that_does_not_stop_is_left_behind(start: Start) -> None:
    """Ctrl-C works though PortAudio hangs."""

    class Stuck(MadeSource):
        def stop(self) -> None:
            """Nothing helps."""

    source = Stuck(blocks(VOICE), stays=True)
    running = start(Openings(mic=Script(source)))
    running.wait_for(lambda: running.notebook.of(Event), "the first window")
    running.end()
    assert running.notebook.of(Event)[-1].kind == "utterance"
    assert not source.is_closed
    source._stopped.set()  # noqa: SLF001


def _watched(manager: NotifySocket, watchdog_s: float) -> dict[str, str]:
    return {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": str(round(watchdog_s * 1e6))}


def test_the_service_manager_reads_ready_status_watchdog_and_stopping(
    start: Start, tmp_path: Path
) -> None:
    """READY once the source is there, the emotion as status, signs of life while sound passes."""
    with notify_socket(tmp_path) as manager:
        running = start(
            Openings(mic=Script(_spoken(stays=True))),
            Settings(smoothing=SmoothingSettings(threshold=0.0)),
            environment=_watched(manager, 30.0),
        )
        told = manager.read_until("READY")
        told += manager.read_until("STATUS")
        assert told[-1]["STATUS"].removeprefix("mic: ") in EMOTIONS
        running.end()
        told += manager.read_until("STOPPING")
    assert any("WATCHDOG" in message for message in told)


def test_a_source_that_blocks_for_ever_starves_the_watchdog(start: Start, tmp_path: Path) -> None:
    """Open, but without sound or error: systemd is told nothing more and will start serd anew."""
    with notify_socket(tmp_path) as manager:
        start(Openings(mic=Script(MadeSource(stays=True))), environment=_watched(manager, 1.0))
        manager.read_until("READY")
        wait_until(lambda: _is_silent(manager), "silence")


def _is_silent(manager: NotifySocket) -> bool:
    """Whether nothing comes for three times as long as the watchdog would wait."""
    try:
        manager.read(3.0)
    except TimeoutError:
        return True
    return False


def test_a_source_that_is_away_feeds_the_watchdog(start: Start, tmp_path: Path) -> None:
    """Who looks for the microphone is alive, however long it stays away."""
    away = [DeviceError("no microphone found")] * 100
    with notify_socket(tmp_path) as manager:
        start(Openings(mic=Script(*away)), environment=_watched(manager, 6.0), waits=True)
        manager.read_until("READY")
        for _ in range(3):
            assert "WATCHDOG" in manager.read_until("WATCHDOG")[-1]

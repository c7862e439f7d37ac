"""The daemon's loop while sources come, end, fail and hang."""

import pytest

from serd.audio.source import SourceSettings
from serd.daemon.inbox import Request
from serd.errors import DeviceError, SoundFileError, SourceError, SourceHungError
from serd.events.event import Event
from serd.events.reports import AvailabilityReport
from serd.settings.loader import Settings
from testkit.made_sources import MadeSource, Script, blocks
from testkit.services import VOICE, Openings, Start, in_short, spoken


def test_a_source_is_introduced_heard_and_said_goodbye_to(start: Start) -> None:
    """Controls and state first, then it is there, somebody speaks and stops, and it is gone."""
    running = start(Openings(mic=Script(spoken())))
    running.thread.join(60.0)
    assert running.error is None
    line = in_short(running.notebook.reports)
    assert line[:5] == ["c", "s:none", "v-", "a+", "v+"]
    assert [word for word in line if word in {"w", "u"}][-1] == "u"
    assert line.count("v+") == line.count("v-") - 1 == 1
    assert line[-1] == "a-"
    assert running.notebook.is_patient is True


def test_a_lost_source_ends_its_utterance_and_comes_back(start: Start) -> None:
    """What was being said is published; the state is none and the source offline until it is back."""
    broken = MadeSource(blocks(VOICE), error=SourceError("gave no sound for 3 s"))
    running = start(Openings(mic=Script(broken, spoken(stays=True))), waits=True)
    told = running.notebook
    running.wait_for(lambda: len(told.of(AvailabilityReport)) == 3, "the return")
    running.wait_for(lambda: [e.kind for e in told.of(Event)].count("utterance") == 2, "speech")
    running.end()
    line = in_short(told.reports)
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
            file=Script(spoken(error=SoundFileError("a.wav: damaged")), spoken(stays=True)),
            pipe=Script(spoken(stays=True)),
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
    running = start(Openings(mic=Script(away, away, spoken(stays=True))), waits=True)
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
    running.service.inbox.put(Request(what="stop"))
    running.service.inbox.put(Request(what="restart"))
    running.thread.join(60.0)
    assert not running.service.must_restart


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

"""The daemon's loop while sources open, end, fail and hang."""

from dataclasses import replace

import numpy as np
import pytest

from serd.audio.format import AudioBlock
from serd.audio.source import SourceSettings
from serd.daemon.inbox import Request
from serd.daemon.pipelines import MAX_FAILURES
from serd.errors import DeviceError, OperationError, SoundFileError, SourceError, SourceHungError
from serd.events.event import Event
from serd.events.reports import AvailabilityReport
from serd.settings.loader import Settings
from testkit.brokers import logged_lines
from testkit.made_sources import MadeSource, Script, blocks
from testkit.services import VOICE, ScriptedOpener, Start, abbreviated, spoken
from testkit.voices import quiet_room


def test_the_reports_of_a_source_from_its_start_to_its_end(start: Start) -> None:
    """Controls and state, available, speech with its events, no speech, unavailable."""
    running = start(ScriptedOpener(mic=Script(spoken())))
    running.thread.join(60.0)
    assert running.error is None
    codes = abbreviated(running.recorder.reports)
    assert codes[:5] == ["c", "s:none", "v-", "a+", "v+"]
    assert [code for code in codes if code in {"w", "u"}][-1] == "u"
    assert codes.count("v+") == codes.count("v-") - 1 == 1
    assert codes[-1] == "a-"
    assert running.recorder.raises_errors is True


def test_a_lost_source_ends_its_utterance_and_comes_back(start: Start) -> None:
    """The utterance is published; the state is none and the source unavailable until it is reopened."""
    broken = MadeSource(blocks(VOICE), error=SourceError("gave no sound for 3 s"))
    running = start(ScriptedOpener(mic=Script(broken, spoken(stays_open=True))), wait_for_sources=True)
    recorder = running.recorder
    running.wait_for(lambda: len(recorder.of(AvailabilityReport)) == 3, "the reopened source")
    running.wait_for(lambda: [e.kind for e in recorder.of(Event)].count("utterance") == 2, "speech")
    running.end()
    codes = abbreviated(recorder.reports)
    lost, back = codes.index("a-"), codes.index("a+", codes.index("a-"))
    assert "u" in codes[:lost]
    assert codes[lost - 1] in {"s:none", "v-"}
    assert "w" in codes[back:]
    assert running.error is None
    assert recorder.raises_errors is False


@pytest.mark.parametrize(("first", "n_lines"), [(VOICE, 0), (quiet_room(1.0), 1)])
def test_a_source_that_ends_after_a_loss_counts_the_speech_before_it(
    first: np.ndarray, n_lines: int, start: Start
) -> None:
    """Only a source without speech before and after says that no speech was detected."""
    broken = MadeSource(blocks(first), error=SourceError("gave no sound for 3 s"))
    with logged_lines() as lines:
        running = start(
            ScriptedOpener(mic=Script(broken, MadeSource(blocks(quiet_room(1.0))))),
            wait_for_sources=True,
        )
        running.thread.join(60.0)
    assert not running.thread.is_alive()
    assert lines.count("no speech was detected") == n_lines


def test_a_source_that_opens_without_sound_does_not_flap(start: Start) -> None:
    """It is offline once and online once, and the log says once each that it is lost and back."""
    silent = [MadeSource(error=SourceError("gave no sound for 3 s")) for _ in range(2)]
    script = Script(*silent, spoken(stays_open=True))
    with logged_lines() as lines:
        running = start(ScriptedOpener(mic=script), wait_for_sources=True)
        running.wait_for(lambda: running.recorder.of(Event), "speech after the losses")
        running.end()
    availability = [report.is_alive for report in running.recorder.of(AvailabilityReport)]
    assert availability == [True, False, True, False]
    reasons = [report.reason for report in running.recorder.of(AvailabilityReport)]
    assert reasons == ["", "gave no sound for 3 s", "", ""]
    assert [line for line in lines if "made source" in line or "no sound" in line] == [
        "listening to a made source",
        "gave no sound for 3 s; trying again",
        "listening again to a made source",
    ]


def test_what_is_wrong_with_the_sound_is_reported_while_it_lasts(start: Start) -> None:
    """With a source that stays available; the log has it once."""
    sound = blocks(np.concatenate((VOICE, quiet_room(2.0))))
    bad = [replace(block, problem="gives digital silence") for block in sound[:5]]
    with logged_lines() as lines:
        running = start(ScriptedOpener(mic=Script(MadeSource([*bad, *sound[5:8], *bad, *sound[8:]]))))
        running.thread.join(60.0)
    found = [(r.is_alive, r.reason) for r in running.recorder.of(AvailabilityReport)]
    wrong, right = (True, "gives digital silence"), (True, "")
    assert found == [right, wrong, right, wrong, right, (False, "")]
    assert lines.count("gives digital silence") == 1


def test_one_source_fails_and_the_other_goes_on(start: Start) -> None:
    """A damaged file is retried; standard input is not interrupted."""
    settings = Settings(
        sources=(SourceSettings(name="file", input="a.wav"), SourceSettings(name="pipe", input="-"))
    )
    running = start(
        ScriptedOpener(
            file=Script(spoken(error=SoundFileError("a.wav: damaged")), spoken(stays_open=True)),
            pipe=Script(spoken(stays_open=True)),
        ),
        settings,
    )
    recorder = running.recorder
    running.wait_for(
        lambda: [(e.source, e.kind) for e in recorder.of(Event)].count(("file", "utterance")) == 2,
        "the file's second utterance",
    )
    running.wait_for(
        lambda: ("pipe", "utterance") in [(e.source, e.kind) for e in recorder.of(Event)], "the pipe's"
    )
    availability = [(r.source, r.is_alive) for r in recorder.of(AvailabilityReport)]
    assert [alive for source, alive in availability if source == "file"] == [True, False, True]
    assert [alive for source, alive in availability if source == "pipe"] == [True]


def test_the_failure_of_the_only_source_ends_the_daemon(start: Start) -> None:
    """A damaged file ends it with its error, after the sound before the damage is published."""
    settings = Settings(sources=(SourceSettings(input="a.wav"),))
    error = SoundFileError("a.wav: damaged")
    running = start(ScriptedOpener(mic=Script(MadeSource(blocks(VOICE), error=error))), settings)
    running.thread.join(60.0)
    assert running.error is error
    assert [event.kind for event in running.recorder.of(Event)][-1] == "utterance"


def test_a_source_that_does_not_open_is_retried_on_request(start: Start) -> None:
    """Otherwise it is an error before anything starts."""
    missing = DeviceError("no microphone found")
    with pytest.raises(DeviceError):
        start(ScriptedOpener(mic=Script(missing)))
    running = start(
        ScriptedOpener(mic=Script(missing, missing, spoken(stays_open=True))), wait_for_sources=True
    )
    recorder = running.recorder
    running.wait_for(lambda: recorder.of(Event), "speech")
    assert [report.is_alive for report in recorder.of(AvailabilityReport)] == [False, True]


def test_a_library_that_hangs_ends_the_run_with_a_restart(start: Start) -> None:
    """The utterance is published, the sources are unavailable, and a restart is requested."""
    hung = MadeSource(blocks(VOICE), error=SourceHungError("PortAudio hangs"))
    stays = MadeSource(stays_open=True)
    settings = Settings(sources=(SourceSettings(name="mic"), SourceSettings(name="other")))
    running = start(ScriptedOpener(mic=Script(hung), other=Script(stays)), settings)
    running.thread.join(60.0)
    recorder = running.recorder
    assert running.service.must_restart
    assert running.error is None
    assert recorder.of(Event)[-1].kind == "utterance"
    assert {r.source: r.is_alive for r in recorder.of(AvailabilityReport)} == {
        "mic": False,
        "other": False,
    }
    assert stays.is_closed


def test_a_stop_overrides_a_restart(start: Start) -> None:
    """A library that hangs during the shutdown does not restart the daemon."""
    running = start(ScriptedOpener(mic=Script(MadeSource(stays_open=True))))
    running.service.inbox.put(Request(action="stop"))
    running.service.inbox.put(Request(action="restart"))
    running.thread.join(60.0)
    assert not running.service.must_restart


def test_a_source_that_does_not_stop_is_abandoned(start: Start) -> None:
    """Ctrl-C works even if PortAudio hangs."""

    class Stuck(MadeSource):
        def stop(self) -> None:
            """Ignore the request."""

    source = Stuck(blocks(VOICE), stays_open=True)
    running = start(ScriptedOpener(mic=Script(source)))
    running.wait_for(lambda: running.recorder.of(Event), "the first window")
    running.end()
    assert running.recorder.of(Event)[-1].kind == "utterance"
    assert not source.is_closed
    source._stopped.set()  # noqa: SLF001


def test_an_unexpected_exception_at_the_start_is_an_error_of_operation(start: Start) -> None:
    """The exit code is 1, and the log has one line with the traceback."""
    with logged_lines() as lines, pytest.raises(OperationError, match="source mic failed: MemoryError"):
        start(ScriptedOpener(mic=Script(MemoryError("30 GB"))))
    assert lines.count("source mic failed unexpectedly") == 1


def test_an_unexpected_exception_at_the_start_is_retried_on_request(start: Start) -> None:
    """The source is unavailable until it opens."""
    script = Script(MemoryError(), MemoryError(), spoken(stays_open=True))
    running = start(ScriptedOpener(mic=script), wait_for_sources=True)
    running.wait_for(lambda: running.recorder.of(Event), "an event")
    assert [r.is_alive for r in running.recorder.of(AvailabilityReport)] == [False, True]


def test_a_part_that_is_given_up_ends_the_daemon(start: Start) -> None:
    """Its error gives exit code 1, and the sources are offline."""
    running = start(ScriptedOpener(mic=Script(MadeSource(stays_open=True))))
    running.wait_for(lambda: running.recorder.of(AvailabilityReport), "the source")
    running.service.supervisor.give_up("mqtt", ZeroDivisionError("defect"), 8)
    running.thread.join(60.0)
    assert isinstance(running.error, OperationError)
    assert str(running.error).startswith("mqtt failed 8 times")
    assert not running.recorder.of(AvailabilityReport)[-1].is_alive


class TestFailingPipeline:
    """The loop when the pipeline of a source raises, here because a block holds no numbers."""

    @staticmethod
    def broken_block() -> AudioBlock:
        """A block that no pipeline can process."""
        (block,) = blocks(np.full(1600, None, dtype=object))
        return block

    def test_it_is_replaced_and_the_source_goes_on(self, start: Start) -> None:
        """The failure is logged once; the sound after it gives its utterance."""
        sound = blocks(np.concatenate((VOICE, quiet_room(2.0))))
        source = MadeSource([self.broken_block(), *sound], stays_open=True)
        with logged_lines() as lines:
            running = start(ScriptedOpener(mic=Script(source)))
            running.wait_for(lambda: "u" in abbreviated(running.recorder.reports), "the utterance")
            running.end()
        assert running.error is None
        assert lines.count("the pipeline of source mic failed; it restarts") == 1

    def test_failures_with_windows_between_them_do_not_add_up(self, start: Start) -> None:
        """A source that fails now and then is not given up."""
        sound = blocks(np.concatenate((VOICE, quiet_room(2.0))))
        source = MadeSource([self.broken_block(), *sound] * (MAX_FAILURES + 1))
        running = start(ScriptedOpener(mic=Script(source)))
        running.thread.join(60.0)
        assert running.error is None
        assert abbreviated(running.recorder.reports).count("u") == MAX_FAILURES + 1

    def test_failures_in_a_row_end_the_daemon(self, start: Start) -> None:
        """The error gives exit code 1; the sources are offline, and each failure is one line."""
        broken = [self.broken_block()] * (MAX_FAILURES + 3)
        other = SourceSettings(name="other", input="-")
        settings = Settings(sources=(SourceSettings(), other))
        opener = ScriptedOpener(
            mic=Script(MadeSource(broken, stays_open=True)), other=Script(MadeSource(stays_open=True))
        )
        with logged_lines() as lines:
            running = start(opener, settings)
            running.thread.join(60.0)
        assert isinstance(running.error, OperationError)
        assert sum("failed" in line for line in lines) == MAX_FAILURES
        alive = {r.source: r.is_alive for r in running.recorder.of(AvailabilityReport)}
        assert alive == {"mic": False, "other": False}

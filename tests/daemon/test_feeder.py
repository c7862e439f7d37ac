"""A feeder queues the sound of a source, reopens it after a loss, and reports its end."""

from collections.abc import Callable, Iterator

from serd.audio.format import AudioBlock
from serd.audio.source import Source
from serd.daemon.feeder import MAX_PAUSE_S, STEADY_SOUND_S, Feeder
from serd.daemon.inbox import (
    MAX_QUEUED_BLOCKS,
    Inbox,
    Message,
    Request,
    SoundReceived,
    SourceEnded,
    SourceLost,
    SourceOpened,
    SourceRetried,
    Tick,
)
from serd.daemon.supervisor import Supervisor
from serd.errors import (
    DeviceError,
    OperationError,
    SoundFileError,
    SourceError,
    SourceHungError,
    SourceInterruptedError,
    SourceStalledError,
)
from serd.mqtt.threads import Threads
from testkit.brokers import logged_lines, wait_until
from testkit.made_sources import MadeSource, Script, blocks, tone


def _until_end(inbox: Inbox) -> list[Message]:
    """All messages except ticks, up to the end of the source."""
    messages: list[Message] = []
    for message in inbox:
        if not isinstance(message, Tick):
            messages.append(message)
        if isinstance(message, SourceEnded):
            break
    return messages


def _kinds(messages: list[Message]) -> str:
    letters = {
        Request: "q",
        SourceOpened: "o",
        SoundReceived: "s",
        SourceLost: "l",
        SourceRetried: "r",
        SourceEnded: "e",
    }
    return "".join(letters[type(message)] for message in messages)


def _feed(script: Script, *, retries: bool) -> list[Message]:
    inbox = Inbox()
    Feeder("mic", script.open, inbox, Supervisor(), retries=retries, initial_pause_s=0.01).start()
    return _until_end(inbox)


def test_a_source_that_ends_is_not_reopened() -> None:
    """Its sound arrives in order, then its end."""
    script = Script(MadeSource(blocks(tone(0.5))))
    messages = _feed(script, retries=True)
    assert _kinds(messages) == "ossssse"
    offsets = [
        message.block.offset_samples for message in messages if isinstance(message, SoundReceived)
    ]
    assert offsets == [0, 1600, 3200, 4800, 6400]
    assert script.n_opened == 1


def test_a_loss_is_reported_once_and_then_the_reopening() -> None:
    """After two failed retries: one loss, one reopening, and a message for each retry."""
    script = Script(
        MadeSource(blocks(tone(0.1)), error=SourceError("gave no sound")),
        DeviceError("no such microphone"),
        DeviceError("no such microphone"),
        MadeSource(blocks(tone(0.2))),
    )
    messages = _feed(script, retries=True)
    assert _kinds(messages) == "oslrrrosse"
    assert (
        next(message for message in messages if isinstance(message, SourceLost)).reason
        == "gave no sound"
    )


def test_a_source_that_hangs_requests_a_restart() -> None:
    """This process cannot reopen it: it is lost, and not retried."""
    script = Script(MadeSource(blocks(tone(0.1)), error=SourceHungError("PortAudio hangs")))
    messages = _feed(script, retries=True)
    assert _kinds(messages) == "oslqe"
    assert Request(action="restart") in messages
    assert script.n_opened == 1


def test_an_interrupted_source_is_reopened_at_once() -> None:
    """An interruption by serd itself is not reported as a loss."""
    script = Script(MadeSource(error=SourceInterruptedError("reopened")), MadeSource(blocks(tone(0.1))))
    assert _kinds(_feed(script, retries=True)) == "oose"


def test_without_retries_the_first_error_is_the_end() -> None:
    """The message of the end has the error."""
    error = SoundFileError("damaged")
    messages = _feed(Script(MadeSource(blocks(tone(0.1)), error=error)), retries=False)
    assert _kinds(messages) == "ose"
    assert isinstance(messages[-1], SourceEnded)
    assert messages[-1].error is error


def test_a_source_that_opens_without_sound_stays_lost() -> None:
    """It is lost once, however often it opens and fails, and back with its first block of sound."""
    silent = [MadeSource(error=SourceError("gave no sound")) for _ in range(4)]
    messages = _feed(Script(*silent, MadeSource(blocks(tone(0.2)))), retries=True)
    assert _kinds(messages) == "olrrrrosse"


class TestPause:
    """The pause before a retry, in a feeder whose pauses the test counts."""

    @staticmethod
    def pauses_s(*sound_s: float) -> list[float]:
        """The pauses after sources that fail after some seconds of sound each."""
        sources = [MadeSource(blocks(tone(each)), error=SourceError("lost")) for each in sound_s]
        inbox = Inbox()
        feeder = _HurriedFeeder(
            "mic", Script(*sources, MadeSource()).open, inbox, Supervisor(), retries=True
        )
        feeder.start()
        _until_end(inbox)
        return feeder.pauses_s

    def test_opening_and_a_little_sound_do_not_reset_it(self) -> None:
        """A damaged file whose first second plays is retried ever less often."""
        assert self.pauses_s(1.0, 0.0, 1.0, STEADY_SOUND_S - 0.1) == [0.5, 1.0, 2.0, 4.0]

    def test_steady_sound_resets_it(self) -> None:
        """After STEADY_SOUND_S of sound the source is retried soon."""
        assert self.pauses_s(0.0, 0.0, STEADY_SOUND_S, 0.0) == [0.5, 1.0, 0.5, 1.0]

    def test_a_little_sound_bounds_it(self) -> None:
        """A sound server that is killed again and again is back soon each time."""
        assert self.pauses_s(*[0.0] * 6, 0.5, 0.0, 0.5) == [0.5, 1, 2, 4, 8, 16, 4, 8, 4]

    def test_it_has_a_limit(self) -> None:
        """It is MAX_PAUSE_S at most."""
        assert self.pauses_s(*[0.0] * 8)[-2:] == [MAX_PAUSE_S, MAX_PAUSE_S]


class _HurriedFeeder(Feeder):
    """A feeder that notes its pauses instead of waiting."""

    def __init__(
        self,
        name: str,
        open_source: Callable[[], Source],
        inbox: Inbox,
        threads: Threads,
        *,
        retries: bool,
    ) -> None:
        super().__init__(name, open_source, inbox, threads, retries=retries)
        self.pauses_s: list[float] = []

    def _wait(self, pause_s: float) -> None:
        self.pauses_s.append(pause_s)


def test_an_unexpected_exception_is_a_loss() -> None:
    """While it opens and while it is read; its remaining sound arrives, and the log has one line."""
    script = Script(
        MadeSource(blocks(tone(0.1)), error=MemoryError("30 GB")),
        ValueError("no such format"),
        MadeSource(blocks(tone(0.1))),
    )
    with logged_lines() as lines:
        messages = _feed(script, retries=True)
    assert _kinds(messages) == "oslrrose"
    lost = next(message for message in messages if isinstance(message, SourceLost))
    assert lost.reason == "source mic failed: MemoryError: 30 GB"
    assert lines == ["source mic failed unexpectedly"]


def test_without_retries_an_unexpected_exception_is_an_error_of_operation() -> None:
    """The process can end with exit code 1."""
    messages = _feed(Script(MadeSource(error=MemoryError("30 GB"))), retries=False)
    assert _kinds(messages) == "oe"
    assert isinstance(messages[-1], SourceEnded)
    assert isinstance(messages[-1].error, OperationError)


def test_stop_ends_a_lost_source() -> None:
    """The pause between two retries is interrupted."""
    inbox = Inbox()
    feeder = Feeder("mic", _never, inbox, Supervisor(), retries=True, initial_pause_s=0.01)
    feeder.start()
    for message in inbox:
        if isinstance(message, SourceLost):
            feeder.stop()
        if isinstance(message, SourceEnded):
            break
    assert feeder.join(10.0)


def _never() -> MadeSource:
    raise DeviceError("no microphone found")


class _CountingInbox(Inbox):
    """An inbox that counts the messages put into it."""

    def __init__(self) -> None:
        super().__init__()
        self.n_put = 0

    def put(self, message: Message) -> None:
        self.n_put += 1
        super().put(message)


def test_a_feeder_waits_for_a_busy_daemon() -> None:
    """At most MAX_QUEUED_BLOCKS blocks are queued; the others follow as blocks are handled."""
    inbox = _CountingInbox()
    feeder = Feeder(
        "file", Script(MadeSource(blocks(tone(10.0)))).open, inbox, Supervisor(), retries=False
    )
    feeder.start()
    wait_until(lambda: inbox.n_put == 1 + MAX_QUEUED_BLOCKS, "a full inbox")
    assert not feeder.join(0.2)
    assert inbox.n_put == 1 + MAX_QUEUED_BLOCKS
    assert len(_until_end(inbox)) == 100 + 2
    assert feeder.join(10.0)


def test_counts_cover_all_openings() -> None:
    """Overflows before the source was reopened are included."""
    script = Script(MadeSource(error=SourceError("lost")), MadeSource())
    inbox = Inbox()
    feeder = Feeder("mic", script.open, inbox, Supervisor(), retries=True, initial_pause_s=0.01)
    feeder.start()
    _until_end(inbox)
    assert feeder.join(10.0)
    assert feeder.n_overflows == 2


def test_sound_before_the_idle_position_arrives_in_fewer_blocks() -> None:
    """In a quiet room the daemon wakes up an eighth as often."""
    inbox = Inbox()
    source = MadeSource(blocks(tone(0.72), n_block=480))
    feeder = Feeder("mic", Script(source).open, inbox, Supervisor(), retries=True)
    feeder.set_idle_until(1_000_000)
    feeder.start()
    sizes = [each.block.samples.size for each in _until_end(inbox) if isinstance(each, SoundReceived)]
    assert sizes == [8 * 480] * 3


def test_a_source_that_stalls_is_lost_and_iterated_over_again() -> None:
    """Without a pause and without being opened again, also if sources are not retried."""

    class Stalling(MadeSource):
        n_stalls = 0

        def __iter__(self) -> Iterator[AudioBlock]:
            yield from blocks(tone(0.2))
            if self.n_stalls < 2:
                self.n_stalls += 1
                raise SourceStalledError("a pipe gave no sound for 5 s")

    script = Script(Stalling())
    inbox = Inbox()
    Feeder("mic", script.open, inbox, Supervisor(), retries=False, initial_pause_s=60.0).start()
    messages = _until_end(inbox)
    assert _kinds(messages) == "osslrosslrosse"
    assert [each.reason for each in messages if isinstance(each, SourceLost)] == [
        "a pipe gave no sound for 5 s"
    ] * 2
    assert script.n_opened == 1


def test_a_stalled_source_that_is_stopped_ends() -> None:
    """Its summary is logged as at any other end."""

    class Stalled(MadeSource):
        def __iter__(self) -> Iterator[AudioBlock]:
            if not self._stopped.wait(0.01):
                raise SourceStalledError("a pipe gave no sound for 5 s")
            yield from ()

        def summary(self) -> str:
            return "half a sample was lost"

    inbox = Inbox()
    feeder = Feeder("mic", Script(Stalled()).open, inbox, Supervisor(), retries=False)
    with logged_lines() as lines:
        feeder.start()
        for message in inbox:
            if isinstance(message, SourceRetried):
                feeder.stop()
            if isinstance(message, SourceEnded):
                break
    assert message == SourceEnded(source="mic", feeder=feeder.number)
    assert "half a sample was lost" in lines

"""A lost source is told once, opened again and again, and never mixed up with its end."""

from serd.daemon.feeder import Feeder
from serd.daemon.inbox import (
    ROOM,
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
from serd.errors import (
    DeviceError,
    SoundFileError,
    SourceError,
    SourceHungError,
    SourceInterruptedError,
)
from testkit.brokers import wait_until
from testkit.made_sources import MadeSource, Script, blocks, tone


def _until_end(inbox: Inbox) -> list[Message]:
    """All messages but ticks, up to the end of the source."""
    messages: list[Message] = []
    for message in inbox:
        if not isinstance(message, Tick):
            messages.append(message)
        if isinstance(message, SourceEnded):
            break
    return messages


def _kinds(messages: list[Message]) -> str:
    letters = {
        Request: "a",
        SourceOpened: "f",
        SoundReceived: "h",
        SourceLost: "l",
        SourceRetried: "r",
        SourceEnded: "e",
    }
    return "".join(letters[type(message)] for message in messages)


def _feed(script: Script, *, retries: bool) -> list[Message]:
    inbox = Inbox()
    Feeder("mic", script.open, inbox, retries=retries, first_pause_s=0.01).start()
    return _until_end(inbox)


def test_a_source_that_ends_is_over() -> None:
    """Its sound comes in order, and it is not opened again."""
    script = Script(MadeSource(blocks(tone(0.5))))
    messages = _feed(script, retries=True)
    assert _kinds(messages) == "fhhhhhe"
    heard = [message.block.offset_samples for message in messages if isinstance(message, SoundReceived)]
    assert heard == [0, 1600, 3200, 4800, 6400]
    assert script.n_opened == 1


def test_a_loss_is_told_once_and_the_return_is_told() -> None:
    """Away, tried in vain twice, back: one loss, one return; each try shows that somebody tries."""
    script = Script(
        MadeSource(blocks(tone(0.1)), error=SourceError("gave no sound")),
        DeviceError("no such microphone"),
        DeviceError("no such microphone"),
        MadeSource(blocks(tone(0.2))),
    )
    messages = _feed(script, retries=True)
    assert _kinds(messages) == "fhlrrrfhhe"
    assert (
        next(message for message in messages if isinstance(message, SourceLost)).reason
        == "gave no sound"
    )


def test_a_source_that_hangs_asks_for_a_new_process() -> None:
    """Nothing in this one can open it again: it is lost, and not tried any more."""
    script = Script(MadeSource(blocks(tone(0.1)), error=SourceHungError("PortAudio hangs")))
    messages = _feed(script, retries=True)
    assert _kinds(messages) == "fhlae"
    assert Request(what="restart") in messages
    assert script.n_opened == 1


def test_a_source_that_was_interrupted_is_opened_at_once() -> None:
    """Nobody is told of a loss that serd itself brought about."""
    script = Script(
        MadeSource(error=SourceInterruptedError("opened anew")), MadeSource(blocks(tone(0.1)))
    )
    assert _kinds(_feed(script, retries=True)) == "ffhe"


def test_without_retries_the_first_error_is_the_end() -> None:
    """The end carries the error."""
    error = SoundFileError("damaged")
    messages = _feed(Script(MadeSource(blocks(tone(0.1)), error=error)), retries=False)
    assert _kinds(messages) == "fhe"
    assert isinstance(messages[-1], SourceEnded)
    assert messages[-1].error is error


def test_stop_ends_a_source_that_is_away() -> None:
    """Between two tries, too."""
    inbox = Inbox()
    feeder = Feeder("mic", _never, inbox, retries=True, first_pause_s=0.01)
    feeder.start()
    for message in inbox:
        if isinstance(message, SourceLost):
            feeder.stop()
        if isinstance(message, SourceEnded):
            break
    assert feeder.join(10.0)


def _never() -> MadeSource:
    raise DeviceError("no microphone found")


def test_a_source_waits_for_a_busy_daemon() -> None:
    """No more than ROOM blocks stand in the inbox; the rest come as room is made."""
    inbox = Inbox()
    gate = MadeSource(blocks(tone(10.0)))
    feeder = Feeder("file", Script(gate).open, inbox, retries=False)
    feeder.start()
    wait_until(lambda: inbox.n_waiting == ROOM + 1, "a full inbox")
    assert not feeder.join(0.2)
    assert inbox.n_waiting == ROOM + 1
    assert len(_until_end(inbox)) == 100 + 2
    assert feeder.join(10.0)


def test_counts_outlive_the_source() -> None:
    """What was lost before the source was opened again is not forgotten."""
    script = Script(MadeSource(error=SourceError("away")), MadeSource())
    inbox = Inbox()
    feeder = Feeder("mic", script.open, inbox, retries=True, first_pause_s=0.01)
    feeder.start()
    _until_end(inbox)
    assert feeder.join(10.0)
    assert feeder.n_overflows == 2


def test_sound_from_which_nothing_can_follow_comes_in_fewer_blocks() -> None:
    """The daemon is woken eight times less often in a quiet room."""
    inbox = Inbox()
    source = MadeSource(blocks(tone(0.72), n_block=480))
    feeder = Feeder("mic", Script(source).open, inbox, retries=True)
    feeder.nothing_before(1_000_000)
    feeder.start()
    heard = [each.block.samples.size for each in _until_end(inbox) if isinstance(each, SoundReceived)]
    assert heard == [8 * 480] * 3

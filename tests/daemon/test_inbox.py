"""The order in which the loop gets its messages."""

import threading
import time
from itertools import islice

from serd.audio.format import AudioBlock
from serd.daemon.commands import INTERVAL_S, ControlCommand, control_command
from serd.daemon.inbox import Inbox, Message, Request, SoundReceived, SourceRetried, Tick
from testkit.made_sources import blocks
from testkit.voices import quiet_room

BLOCK: AudioBlock = next(iter(blocks(quiet_room(0.1))))
SOUND = SoundReceived(source="mic", feeder=1, block=BLOCK, free_slots=threading.Semaphore(0))


def first(n: int, inbox: Inbox) -> list[Message]:
    """The first messages, without ticks."""
    return list(islice((message for message in inbox if not isinstance(message, Tick)), n))


def test_sound_and_stop_overtake_commands() -> None:
    """However many commands came before them: the first wakes the loop, then it is one at a time."""
    inbox = Inbox()
    for source in map(str, range(1000)):
        inbox.put(control_command(source, "mute", b"ON"))
    inbox.put(SOUND)
    inbox.put(Request(action="stop"))
    kinds = [type(message) for message in first(5, inbox)]
    assert kinds == [ControlCommand, ControlCommand, SoundReceived, ControlCommand, Request]


def test_sound_does_not_hold_up_a_command() -> None:
    """It is handled before the second block, on a machine that is always behind."""
    inbox = Inbox()
    for _ in range(10):
        inbox.put(SOUND)
    command = control_command("mic", "mute", b"ON")
    inbox.put(command)
    assert command in first(2, inbox)


def test_a_command_wakes_a_loop_that_waits() -> None:
    """It is handled at once, and the next one of the same control 0.25 s later."""
    inbox = Inbox(tick_s=60.0)
    commands = [control_command("mic", "mute", value) for value in (b"ON", b"OFF")]
    messages = iter(inbox)
    inbox.put(SourceRetried(source="mic", feeder=1))
    next(messages)
    timer = threading.Timer(0.05, inbox.put, [commands[0]])
    timer.start()
    assert next(messages) == commands[0]
    start_s = time.monotonic()
    inbox.put(commands[1])
    assert next(messages) == commands[1]
    assert INTERVAL_S / 2 <= time.monotonic() - start_s < 30.0
    timer.join()

"""The message queue of the daemon's loop, the one place where its threads meet.

A message about a source has the number of its feeder, which tells it from the messages of an earlier
feeder that has not ended yet.
"""

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from serd.audio.format import AudioBlock
from serd.daemon.commands import ControlCommand, PendingCommands
from serd.errors import SerdError

MAX_QUEUED_BLOCKS: Final = 16
"""Blocks of one source that the queue holds at most; beyond that its feeder waits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SoundReceived:
    """A block of sound from a source."""

    source: str
    feeder: int
    block: AudioBlock
    free_slots: threading.Semaphore
    """Counts the blocks that the source may still queue; released once this one is handled."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceOpened:
    """A source was opened for the first time, or gives sound again after a loss."""

    source: str
    feeder: int
    description: str
    """The device or file, for the log."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceLost:
    """A source failed, and will be retried."""

    source: str
    feeder: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceRetried:
    """The feeder of a lost source is still retrying."""

    source: str
    feeder: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceEnded:
    """A source ended for good."""

    source: str
    feeder: int
    error: SerdError | None = None
    """The error that ended it; None at the regular end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """An action requested by a signal, or by a source that hangs ("restart")."""

    action: Literal["stop", "restart", "reload", "stats"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """The regular tick of the clock."""

    now_s: float
    """Monotonic time, in seconds."""


Message = (
    SoundReceived
    | SourceOpened
    | SourceLost
    | SourceRetried
    | SourceEnded
    | ControlCommand
    | Request
    | Tick
)


class Inbox:
    """A queue of messages; any thread may put messages into it, and any signal handler requests.

    Control commands wait beside the queue. At most one of them is handled between two other messages,
    so sound and requests overtake them, and they cannot be held up by sound for ever either.
    """

    def __init__(self, tick_s: float = 1.0) -> None:
        """Create an empty queue.

        Args:
            tick_s: time between two ticks, in seconds.
        """
        self._queue: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        """None wakes the loop for a command."""
        self._tick_s = tick_s
        self.commands = PendingCommands(time.monotonic)
        """The commands that wait to be handled."""

    def put(self, message: Message) -> None:
        """Queue a message; never blocks, and except for commands is reentrant for signal handlers."""
        if not isinstance(message, ControlCommand):
            self._queue.put(message)
        elif self.commands.put(message):
            self._queue.put(None)

    def __iter__(self) -> Iterator[Message]:
        """Yield messages in order of arrival, commands and ticks between them, without end."""
        tick_at_s = time.monotonic() + self._tick_s
        while True:
            now_s = time.monotonic()
            if now_s >= tick_at_s:
                tick_at_s = now_s + self._tick_s
                yield Tick(now_s=now_s)
            if (command := self.commands.take()) is not None:
                yield command
            command_at_s = self.commands.due_s()
            wake_at_s = tick_at_s if command_at_s is None else min(tick_at_s, command_at_s)
            try:
                message = self._queue.get(timeout=max(0.0, wake_at_s - time.monotonic()))
            except queue.Empty:
                continue
            if message is None:
                continue
            yield message
            if isinstance(message, SoundReceived):
                message.free_slots.release()

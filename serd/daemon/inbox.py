"""What the daemon's one loop is told: sound, losses, commands, signals. Only here do threads meet."""

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from serd.audio.format import AudioBlock
from serd.errors import SerdError

ROOM: Final = 16
"""Blocks of one source that may wait here; the source waits for room beyond that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SoundReceived:
    """A source gave sound."""

    source: str
    block: AudioBlock
    room: threading.Semaphore
    """Released once the block has been dealt with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceOpened:
    """A source is there, for the first time or again."""

    source: str
    what: str
    """What is listened to, for the log."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceLost:
    """A source is away and will be tried again."""

    source: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceRetried:
    """A source that is away was tried in vain; the thread that tries is alive."""

    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceEnded:
    """A source is over and will not come back."""

    source: str
    error: SerdError | None = None
    """Why, if it did not simply come to its end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlCommand:
    """Somebody wants to change a control."""

    source: str
    control: str
    value: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A signal asks the daemon for something, or a source that hangs for a new process."""

    what: Literal["stop", "restart", "reload", "stats"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """Time has passed."""

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
    """A queue of messages that any thread and any signal handler may put into."""

    def __init__(self, tick_s: float = 1.0) -> None:
        """Yield a ``Tick`` about every ``tick_s`` seconds."""
        self._queue: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._tick_s = tick_s

    def put(self, message: Message) -> None:
        """Never waits; reentrant, so a signal handler may call it."""
        self._queue.put(message)

    @property
    def n_waiting(self) -> int:
        """Messages that nobody has dealt with."""
        return self._queue.qsize()

    def __iter__(self) -> Iterator[Message]:
        """Yield messages for ever, in the order in which they came, and ticks in between."""
        tick_at_s = time.monotonic() + self._tick_s
        while True:
            now_s = time.monotonic()
            if now_s >= tick_at_s:
                tick_at_s = now_s + self._tick_s
                yield Tick(now_s=now_s)
            try:
                message = self._queue.get(timeout=max(0.0, tick_at_s - now_s))
            except queue.Empty:
                continue
            yield message
            if isinstance(message, SoundReceived):
                message.room.release()

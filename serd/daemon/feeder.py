"""A thread that carries the sound of one source into the inbox, and reopens the source after a loss."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from serd.audio.format import SAMPLE_RATE_HZ, AudioBlock
from serd.audio.source import Source
from serd.daemon.inbox import (
    MAX_QUEUED_BLOCKS,
    Inbox,
    Request,
    SoundReceived,
    SourceEnded,
    SourceLost,
    SourceOpened,
    SourceRetried,
)
from serd.errors import (
    OperationError,
    SerdError,
    SourceHungError,
    SourceInterruptedError,
    SourceStalledError,
)
from serd.mqtt.threads import Thread, Threads

_log = logging.getLogger("serd.sources")

MAX_JOINED_S: Final = 0.24
"""Longest sound that is held back to be joined, in seconds; this also delays the watchdog's progress."""
_MAX_JOINED_SAMPLES: Final = round(MAX_JOINED_S * SAMPLE_RATE_HZ)
_MARGIN_S: Final = 0.03
"""A sleep ends at least this long before the block that completes the joined one, in seconds."""
_MAX_LIVE_SPEED: Final = 2.0
"""Seconds of sound per second up to which a source counts as live: after a stall it catches up."""

INITIAL_PAUSE_S: Final = 0.5
MAX_PAUSE_S: Final = 30.0
MAX_PAUSE_AFTER_SOUND_S: Final = 4.0
"""Longest pause before the first retry of a source that gave any sound, in seconds."""
STEADY_SOUND_S: Final = 5.0
"""Sound without a loss after which the pause before a retry is short again, in seconds."""
_STOP_CHECK_S: Final = 0.5
"""Interval at which a feeder that waits for a free slot checks for a stop, in seconds."""
_RETRY_REPORT_S: Final = 2.0
"""Longest time between two ``SourceRetried`` messages of a lost source, in seconds."""


class BlockJoiner:
    """Joins short blocks into longer ones while no report can follow from them.

    Each block wakes the daemon's loop, and on a Raspberry Pi the wake-ups of a quiet room cost more
    than its analysis. After each block the pipeline gives a position in the sound before which no
    event, level or change of speech can follow. Blocks that end before this position are held back, at
    most 0.24 s, and passed on as one; for live sound the thread also sleeps until shortly before the
    last of them is due. The block that reaches the position is passed on at once, so no report is late.

        blocks       |--|--|--|--|--|--|--|--|--|--|--|--|--|--|
        idle until                                      ^
        joined       |-----------------------|-----------|--|--|
    """

    def __init__(
        self, wait: Callable[[float], object], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Create the joiner.

        Args:
            wait: sleeps for a number of seconds, or less.
            monotonic: the clock, in seconds.
        """
        self.idle_until_samples = 0
        """Position in the sound before which no report can follow; any thread may set it."""
        self._wait = wait
        self._monotonic = monotonic

    def join(self, blocks: Iterable[AudioBlock]) -> Iterator[AudioBlock]:
        """Yield joined blocks; if the source fails, its remaining sound precedes the error."""
        live_check = _LiveCheck(self._monotonic)
        pending: list[AudioBlock] = []
        try:
            for block in blocks:
                if pending and block.offset_samples != pending[-1].end_samples:
                    yield joined(pending)
                    pending = []
                pending.append(block)
                target = min(self.idle_until_samples, pending[0].offset_samples + _MAX_JOINED_SAMPLES)
                if block.end_samples >= target:
                    yield joined(pending)
                    pending = []
                elif len(pending) == 1 and live_check.is_live(block):
                    margin_s = max(_MARGIN_S, block.samples.size / SAMPLE_RATE_HZ)
                    wait_s = (target - block.end_samples) / SAMPLE_RATE_HZ - margin_s
                    if wait_s > 0.0:
                        self._wait(wait_s)
        except Exception:
            if pending:
                yield joined(pending)
            raise
        if pending:
            yield joined(pending)


class _LiveCheck:
    """Tells live sound from a recording that is read faster than it plays."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._previous: tuple[float, float] | None = None

    def is_live(self, block: AudioBlock) -> bool:
        """Whether about as much time as sound has passed since the previous call."""
        now_s, sound_s = self._monotonic(), block.end_samples / SAMPLE_RATE_HZ
        previous, self._previous = self._previous, (now_s, sound_s)
        return previous is not None and sound_s - previous[1] <= _MAX_LIVE_SPEED * (now_s - previous[0])


def joined(blocks: Sequence[AudioBlock]) -> AudioBlock:
    """One block made of one or more contiguous blocks, with the capture time of the last."""
    if len(blocks) == 1:
        return blocks[0]
    return AudioBlock(
        samples=np.concatenate([block.samples for block in blocks]),
        offset_samples=blocks[0].offset_samples,
        captured=blocks[-1].captured,
        problem=blocks[-1].problem,
    )


def unexpected_error(source: str, exc: BaseException) -> OperationError:
    """The error of a source that raised something other than a SerdError."""
    return OperationError(f"source {source} failed: {type(exc).__name__}: {exc}")


class Feeder:
    """Feeds the inbox with the sound of a source until the source ends or ``stop`` is called."""

    def __init__(
        self,
        name: str,
        open_source: Callable[[], Source],
        inbox: Inbox,
        threads: Threads,
        *,
        retries: bool,
        number: int = 0,
        opened: Source | None = None,
        initial_pause_s: float = INITIAL_PAUSE_S,
    ) -> None:
        """Create the thread; ``start`` starts it.

        Args:
            name: name of the source.
            open_source: opens the source; called again after each loss.
            inbox: receives the messages.
            threads: starts the thread.
            retries: whether a lost source is reopened; if not, the first error ends it.
            number: number in its messages, which no other feeder of the inbox has.
            opened: the source, if it is open already.
            initial_pause_s: pause before the first retry, in seconds; each failure doubles it, up to
                ``MAX_PAUSE_S``, until the source has given ``STEADY_SOUND_S`` of sound. Failures to open
                have a pause of their own, which begins again once the source opens.
        """
        self.number = number
        """Number in its messages."""
        self._name = name
        self._open_source = open_source
        self._inbox = inbox
        self._retries = retries
        self._source = opened
        self._initial_pause_s = initial_pause_s
        self._pause_s = self._absence_pause_s = initial_pause_s
        self._has_opened = False
        self._is_lost = False
        self._closed_dropped = 0
        self._closed_overflows = 0
        self._stopping = threading.Event()
        self._joiner = BlockJoiner(self._stopping.wait)
        self._free_slots = threading.Semaphore(MAX_QUEUED_BLOCKS)
        self._lock = threading.Lock()
        self._threads = threads
        self._thread: Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread = self._threads.start(f"source-{self._name}", self._run)

    def progress(self) -> None:
        """Record a sign of life: the loop has handled sound or another message of this source."""
        if self._thread is not None:
            self._thread.progress()

    def stop(self) -> None:
        """Request the end, which ``SourceEnded`` confirms; may be called more than once."""
        self._stopping.set()
        with self._lock:
            if self._source is not None:
                self._source.stop()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread after ``stop``, and return whether it has ended."""
        return self._thread is None or self._thread.end(timeout_s)

    def set_idle_until(self, offset_samples: int) -> None:
        """Set the position in the sound before which blocks may be joined."""
        self._joiner.idle_until_samples = offset_samples

    @property
    def n_dropped_blocks(self) -> int:
        """Blocks dropped because the daemon was too slow, over all openings of the source."""
        source = self._source
        return self._closed_dropped + (source.n_dropped_blocks if source else 0)

    @property
    def n_overflows(self) -> int:
        """Overflows that the sound card reported, over all openings of the source."""
        source = self._source
        return self._closed_overflows + (source.n_overflows if source else 0)

    def _run(self, _thread: Thread) -> None:
        error: SerdError | None = None
        while not self._stopping.is_set():
            try:
                self._feed()
                break
            except SourceInterruptedError:
                continue
            except SourceStalledError as exc:
                self._lose(exc)
                self._inbox.put(SourceRetried(source=self._name, feeder=self.number))
                continue
            except SourceHungError as exc:
                self._inbox.put(SourceLost(source=self._name, feeder=self.number, reason=str(exc)))
                self._inbox.put(Request(action="restart"))
                break
            except BaseException as exc:  # noqa: BLE001 - whatever it raises, the source is lost
                error = self._failure(exc)
                if not self._retries:
                    break
                self._lose(error)
                error = None
            self._wait(self._next_pause_s())
        self._close()
        self._inbox.put(SourceEnded(source=self._name, feeder=self.number, error=error))

    def _next_pause_s(self) -> float:
        """The pause before the next retry: each try that opens doubles one, each that does not another.

        A source that is back after an absence is so found soon, however often it was lost before.
        """
        if self._has_opened:
            self._has_opened, self._absence_pause_s = False, self._initial_pause_s
            pause_s, self._pause_s = self._pause_s, min(2 * self._pause_s, MAX_PAUSE_S)
        else:
            pause_s = self._absence_pause_s
            self._absence_pause_s = min(2 * self._absence_pause_s, MAX_PAUSE_S)
        return pause_s

    def _lose(self, error: SerdError) -> None:
        """Report a loss, once until the source gives sound again."""
        if not self._is_lost:
            self._inbox.put(SourceLost(source=self._name, feeder=self.number, reason=str(error)))
        self._is_lost = True

    def _failure(self, exc: BaseException) -> SerdError:
        """The error of a source; one that nobody expected is logged once for each loss."""
        if isinstance(exc, SerdError):
            return exc
        if not self._is_lost:
            _log.error("source %s failed unexpectedly", self._name, exc_info=exc)
        return unexpected_error(self._name, exc)

    def _wait(self, pause_s: float) -> None:
        """Wait for the next retry, and report progress for the watchdog meanwhile."""
        deadline_s = time.monotonic() + pause_s
        while (left_s := deadline_s - time.monotonic()) > 0.0:
            self._inbox.put(SourceRetried(source=self._name, feeder=self.number))
            if self._stopping.wait(min(left_s, _RETRY_REPORT_S)):
                return

    def _opened(self) -> Source:
        """The open source; it is stopped at once if ``stop`` was called while it opened."""
        if self._source is None:
            source = self._open_source()
            with self._lock:
                self._source = source
        if self._stopping.is_set():
            self._source.stop()
        return self._source

    def _feed(self) -> None:
        """Open the source, and put its sound into the inbox until it ends or fails.

        A source that was lost is back with its first block of sound, since a broken one may open well.
        One that has stalled stays open.
        """
        n_samples = 0
        keeps_open = False
        try:
            source = self._opened()
            self._has_opened = True
            if not self._is_lost:
                self._inbox.put(
                    SourceOpened(source=self._name, feeder=self.number, description=source.describe())
                )
            for block in self._joiner.join(source):
                if self._is_lost:
                    self._inbox.put(
                        SourceOpened(
                            source=self._name, feeder=self.number, description=source.describe()
                        )
                    )
                    self._is_lost = False
                n_samples += block.samples.size
                self._pause_s = min(self._pause_s, MAX_PAUSE_AFTER_SOUND_S)
                if n_samples >= STEADY_SOUND_S * SAMPLE_RATE_HZ:
                    self._pause_s = self._initial_pause_s
                while not self._free_slots.acquire(timeout=_STOP_CHECK_S):
                    if self._stopping.is_set():
                        return
                self._inbox.put(
                    SoundReceived(
                        source=self._name, feeder=self.number, block=block, free_slots=self._free_slots
                    )
                )
        except SourceStalledError:
            keeps_open = True
            raise
        finally:
            if not keeps_open:
                self._close()

    def _close(self) -> None:
        with self._lock:
            source, self._source = self._source, None
        if source is not None:
            self._closed_dropped += source.n_dropped_blocks
            self._closed_overflows += source.n_overflows
            if summary := source.summary():
                _log.warning("%s", summary)

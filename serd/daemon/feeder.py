"""A thread that carries one source's sound into the inbox, and opens it again when it is lost."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from serd.audio.format import SAMPLE_RATE_HZ, AudioBlock
from serd.audio.source import Source
from serd.daemon.inbox import (
    ROOM,
    Inbox,
    Request,
    SoundReceived,
    SourceEnded,
    SourceLost,
    SourceOpened,
    SourceRetried,
)
from serd.errors import SerdError, SourceHungError, SourceInterruptedError

MOST_S: Final = 0.24
"""Longest sound that is held back, in seconds; a watchdog's signs of life come this late."""
_MOST_SAMPLES: Final = round(MOST_S * SAMPLE_RATE_HZ)
_MARGIN_S: Final = 0.03
"""A rest ends this long, or a block, before the sound that is waited for, in seconds."""


class BlockJoiner:
    """Blocks in, fewer and longer blocks out."""

    def __init__(
        self, rest: Callable[[float], object], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Hold nothing back yet.

        Args:
            rest: waits for so many seconds, or less.
            monotonic: the clock, in seconds.
        """
        self.nothing_before_samples = 0
        """Position in the sound before which nothing can follow from it; may be set by any thread."""
        self._rest = rest
        self._monotonic = monotonic

    def gather(self, blocks: Iterable[AudioBlock]) -> Iterator[AudioBlock]:
        """Yield joined blocks; the sound of a source that breaks off comes before its error."""
        pace = _Pace(self._monotonic)
        waiting: list[AudioBlock] = []
        try:
            for block in blocks:
                if waiting and block.offset_samples != waiting[-1].end_samples:
                    yield joined(waiting)
                    waiting = []
                waiting.append(block)
                wanted = min(self.nothing_before_samples, waiting[0].offset_samples + _MOST_SAMPLES)
                if block.end_samples >= wanted:
                    yield joined(waiting)
                    waiting = []
                elif len(waiting) == 1 and pace.is_live(block):
                    margin_s = max(_MARGIN_S, block.samples.size / SAMPLE_RATE_HZ)
                    rest_s = (wanted - block.end_samples) / SAMPLE_RATE_HZ - margin_s
                    if rest_s > 0.0:
                        self._rest(rest_s)
        except SerdError:
            if waiting:
                yield joined(waiting)
            raise
        if waiting:
            yield joined(waiting)


class _Pace:
    """Whether sound comes as it is made; of a recording that is read quickly nobody rests."""

    MOST: Final = 2.0
    """Seconds of sound in a second that still count as live: after a halt a source catches up."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._latest: tuple[float, float] | None = None

    def is_live(self, block: AudioBlock) -> bool:
        """Whether since the block given before about as much time has passed as sound."""
        now_s, sound_s = self._monotonic(), block.end_samples / SAMPLE_RATE_HZ
        latest, self._latest = self._latest, (now_s, sound_s)
        return latest is not None and sound_s - latest[1] <= self.MOST * (now_s - latest[0])


def joined(blocks: Sequence[AudioBlock]) -> AudioBlock:
    """Blocks that follow on each other, one or more, as one that arrived with the last of them."""
    if len(blocks) == 1:
        return blocks[0]
    return AudioBlock(
        samples=np.concatenate([block.samples for block in blocks]),
        offset_samples=blocks[0].offset_samples,
        captured=blocks[-1].captured,
    )


_log = logging.getLogger("serd.sources")

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
_LOOK_S: Final = 0.5
"""How often a feeder that waits for room looks whether it should end, in seconds."""
_SIGN_S: Final = 2.0
"""How often a feeder whose source is away shows that it is at work, in seconds."""


class Feeder:
    """Feeds the inbox from a source until it ends or is told to stop."""

    def __init__(
        self,
        name: str,
        open_source: Callable[[], Source],
        inbox: Inbox,
        *,
        retries: bool,
        opened: Source | None = None,
        first_pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        """Set up; ``start`` begins.

        Args:
            name: of the source.
            open_source: opens it; called again after each loss.
            inbox: where its sound goes.
            retries: whether a loss is waited out; if not, the first error ends the source.
            opened: the source, if it is open already.
            first_pause_s: before the first try; each in vain doubles it, up to ``LONGEST_PAUSE_S``.
        """
        self._name = name
        self._open = open_source
        self._inbox = inbox
        self._retries = retries
        self._source = opened
        self._first_pause_s = first_pause_s
        self._closed_dropped = 0
        self._closed_overflows = 0
        self._stopping = threading.Event()
        self._gathering = BlockJoiner(self._stopping.wait)
        self._room = threading.Semaphore(ROOM)
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"serd-source-{name}", daemon=True)

    def start(self) -> None:
        """Begin to feed."""
        self._thread.start()

    def stop(self) -> None:
        """End soon; ``SourceEnded`` is put into the inbox then. May be called more than once."""
        self._stopping.set()
        with self._lock:
            if self._source is not None:
                self._source.stop()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread; whether it has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def nothing_before(self, offset_samples: int) -> None:
        """Sound up to here may be held back for a moment, for nothing can follow from it."""
        self._gathering.nothing_before_samples = offset_samples

    @property
    def n_dropped_blocks(self) -> int:
        """Blocks dropped because the daemon was too slow, over all times that the source was opened."""
        source = self._source
        return self._closed_dropped + (source.n_dropped_blocks if source else 0)

    @property
    def n_overflows(self) -> int:
        """Overflows that the sound card reported, over all times that the source was opened."""
        source = self._source
        return self._closed_overflows + (source.n_overflows if source else 0)

    def _run(self) -> None:
        pause_s = self._first_pause_s
        is_lost = False
        while not self._stopping.is_set():
            try:
                source = self._opened()
                self._inbox.put(SourceOpened(source=self._name, what=source.describe()))
                is_lost, pause_s = False, self._first_pause_s
                self._feed(source)
                break
            except SourceInterruptedError:
                continue
            except SourceHungError as exc:
                self._inbox.put(SourceLost(source=self._name, reason=str(exc)))
                self._inbox.put(Request(what="restart"))
                break
            except SerdError as exc:
                if not self._retries:
                    self._inbox.put(SourceEnded(source=self._name, error=exc))
                    return
                if not is_lost:
                    self._inbox.put(SourceLost(source=self._name, reason=str(exc)))
                is_lost = True
            finally:
                self._close()
            self._rest(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        self._inbox.put(SourceEnded(source=self._name))

    def _rest(self, pause_s: float) -> None:
        """Wait for the next try, and show now and then that somebody waits."""
        ends_s = time.monotonic() + pause_s
        while (left_s := ends_s - time.monotonic()) > 0.0:
            self._inbox.put(SourceRetried(source=self._name))
            if self._stopping.wait(min(left_s, _SIGN_S)):
                return

    def _opened(self) -> Source:
        """The source, opened if it is not open; stopped at once if ``stop`` came first."""
        if self._source is None:
            source = self._open()
            with self._lock:
                self._source = source
        if self._stopping.is_set():
            self._source.stop()
        return self._source

    def _feed(self, source: Source) -> None:
        for block in self._gathering.gather(source):
            while not self._room.acquire(timeout=_LOOK_S):
                if self._stopping.is_set():
                    return
            self._inbox.put(SoundReceived(source=self._name, block=block, room=self._room))

    def _close(self) -> None:
        with self._lock:
            source, self._source = self._source, None
        if source is not None:
            self._closed_dropped += source.n_dropped_blocks
            self._closed_overflows += source.n_overflows
            if summary := source.summary():
                _log.warning("%s", summary)

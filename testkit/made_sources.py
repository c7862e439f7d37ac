"""Sources whose blocks and errors a test defines."""

import queue
import threading
from collections.abc import Iterable, Iterator

import numpy as np

from serd.audio.format import AudioBlock, CaptureTime, Samples


def blocks(sound: Samples, *, n_block: int = 1600, offset_samples: int = 0) -> list[AudioBlock]:
    """Sound in blocks of equal length."""
    captured = CaptureTime(epoch_s=1_700_000_000.0, arrived_s=0.0)
    return [
        AudioBlock(
            samples=sound[start : start + n_block],
            offset_samples=offset_samples + start,
            captured=captured,
        )
        for start in range(0, sound.size, n_block)
    ]


class MadeSource:
    """A source that yields blocks and then ends, fails, or waits until it is stopped."""

    def __init__(
        self,
        given: Iterable[AudioBlock] = (),
        *,
        error: Exception | None = None,
        stays_open: bool = False,
    ) -> None:
        self._given = list(given)
        self._error = error
        self._stays_open = stays_open
        self._stopped = threading.Event()
        self.n_dropped_blocks = 0
        self.n_overflows = 1
        self.is_closed = False

    def __iter__(self) -> Iterator[AudioBlock]:
        """Yield the blocks."""
        try:
            yield from self._given
            if self._error is not None:
                raise self._error
            if self._stays_open:
                self._stopped.wait()
        finally:
            self.is_closed = True

    def stop(self) -> None:
        """End the iteration."""
        self._stopped.set()

    def describe(self) -> str:
        """A description of the source."""
        return "a made source"

    def summary(self) -> str:
        """An empty summary."""
        return ""


class Script:
    """The results of opening a source, one after the other: a source or an error."""

    def __init__(self, *steps: MadeSource | Exception) -> None:
        self._steps: queue.SimpleQueue[MadeSource | Exception] = queue.SimpleQueue()
        for step in steps:
            self._steps.put(step)
        self.n_opened = 0

    def open(self, *_settings: object) -> MadeSource:
        """The next result; after the last one, a source that waits until it is stopped."""
        self.n_opened += 1
        step = self._steps.get_nowait() if not self._steps.empty() else MadeSource(stays_open=True)
        if isinstance(step, Exception):
            raise step
        return step


def tone(duration_s: float) -> Samples:
    """A quiet hum that is not speech: int16, shape (n_samples,)."""
    time_s = np.arange(round(duration_s * 16_000)) / 16_000
    hum: Samples = np.rint(300 * np.sin(2 * np.pi * 100 * time_s)).astype(np.int16)
    return hum

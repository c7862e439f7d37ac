"""Feeds sound into pipes at the pace at which a microphone would give it, and notes when."""

import contextlib
import heapq
import threading
import time
from collections.abc import Iterator, Sequence
from typing import IO, Final

from serd.audio.format import SAMPLE_RATE_HZ, Samples

BLOCK_SAMPLES: Final = 480
BLOCK_S: Final = BLOCK_SAMPLES / SAMPLE_RATE_HZ


class PacedFeeder:
    """A thread that writes one sound into several pipes, each a little later than the one before."""

    def __init__(self, pipes: Sequence[IO[bytes]], sound: Samples, *, spread_s: float = BLOCK_S) -> None:
        """Set up; ``start`` begins.

        Args:
            pipes: where the sound goes.
            sound: int16, shape (n_samples,).
            spread_s: time over which the beginnings of the pipes' sound are spread evenly, in seconds.
        """
        self._pipes = pipes
        self._sound = sound
        self._spread_s = spread_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bench-feeder", daemon=True)
        self.written_s: list[list[float]] = [[] for _ in pipes]
        """For each pipe the monotonic time at which each block was written, in seconds."""

    def start(self) -> None:
        """Begin to feed."""
        self._thread.start()

    def stop(self) -> None:
        """End soon, and wait for it."""
        self._stopping.set()
        self._thread.join()

    def wait(self) -> None:
        """Wait for the end of the sound."""
        self._thread.join()

    def _run(self) -> None:
        started_s = time.monotonic()
        for due_s, index, number in heapq.merge(*map(self._due, range(len(self._pipes)))):
            start = number * BLOCK_SAMPLES
            block = self._sound[start : start + BLOCK_SAMPLES].tobytes()
            if self._stopping.wait(max(0.0, started_s + due_s - time.monotonic())):
                return
            self.written_s[index].append(time.monotonic())
            with contextlib.suppress(BrokenPipeError):
                self._pipes[index].write(block)
                self._pipes[index].flush()

    def _due(self, index: int) -> Iterator[tuple[float, int, int]]:
        """When each block of a pipe is due, in seconds from the start, with the pipe and the block."""
        late_s = self._spread_s * index / len(self._pipes)
        for number in range(self._sound.size // BLOCK_SAMPLES):
            yield late_s + (number + 1) * BLOCK_S, index, number


def completing_block(end_s: float) -> int:
    """Which block, from 0, completes the voice frame that holds the last sample before ``end_s``."""
    return -(-round(end_s * SAMPLE_RATE_HZ) // BLOCK_SAMPLES) - 1

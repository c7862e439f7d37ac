"""Feeds sound into pipes at the pace at which a microphone would give it, and notes when."""

import contextlib
import threading
import time
from collections.abc import Sequence
from typing import IO, Final

from serd.audio import SAMPLE_RATE_HZ, Samples

BLOCK_SAMPLES: Final = 480
BLOCK_S: Final = BLOCK_SAMPLES / SAMPLE_RATE_HZ


class PacedFeeder:
    """A thread that writes one sound into several pipes, each a little later than the one before."""

    def __init__(self, pipes: Sequence[IO[bytes]], sound: Samples) -> None:
        """Set up; ``start`` begins.

        Args:
            pipes: where the sound goes.
            sound: int16, shape (n_samples,).
        """
        self._pipes = pipes
        self._sound = sound
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
        for number in range(self._sound.size // BLOCK_SAMPLES):
            start = number * BLOCK_SAMPLES
            block = self._sound[start : start + BLOCK_SAMPLES].tobytes()
            for index, pipe in enumerate(self._pipes):
                due_s = started_s + (number + 1 + index / len(self._pipes)) * BLOCK_S
                if self._stopping.wait(max(0.0, due_s - time.monotonic())):
                    return
                self.written_s[index].append(time.monotonic())
                with contextlib.suppress(BrokenPipeError):
                    pipe.write(block)
                    pipe.flush()


def completing_block(end_s: float) -> int:
    """Which block, from 0, completes the voice frame that holds the last sample before ``end_s``."""
    return -(-round(end_s * SAMPLE_RATE_HZ) // BLOCK_SAMPLES) - 1

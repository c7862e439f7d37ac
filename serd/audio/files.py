"""Reads sound files, at the pace of live sound or as fast as possible."""

import contextlib
import queue
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from serd.audio.format import SAMPLE_RATE_HZ, AudioBlock, CaptureTime, Samples
from serd.audio.paths import printable
from serd.audio.reader import SoundReader, open_sound
from serd.audio.resample import Converter
from serd.audio.source import MIX, channel_column
from serd.errors import SoundFileError

_BLOCK_S: Final = 0.96
"""Length of sound that is read and converted at a time, in seconds: a multiple of the paced block."""
_PACED_BLOCK_SAMPLES: Final = 480
"""Length of a block at the pace of live sound: 30 ms."""


class _StopFlag:
    """Like ``threading.Event``, but safe to set from a signal handler.

    A handler that interrupts its own thread while it holds the lock of a ``threading.Event`` would
    deadlock; ``SimpleQueue.put`` is documented as reentrant.
    """

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.is_set = False

    def set(self) -> None:
        """Set the flag and wake a waiting thread."""
        self.is_set = True
        self._queue.put(None)

    def wait(self, timeout_s: float) -> bool:
        """Wait for the flag for up to ``timeout_s`` seconds, and return whether it is set."""
        if not self.is_set and timeout_s > 0.0:
            with contextlib.suppress(queue.Empty):
                self._queue.get(timeout=timeout_s)
        return self.is_set


class FileSource:
    """A source that reads one sound file."""

    n_dropped_blocks = 0
    """Always 0: the file is read no faster than it is processed."""
    n_overflows = 0
    """Always 0: no sound card is involved."""

    def __init__(
        self, path: Path, *, channel: str = MIX, paced: bool = False, loop: bool = False
    ) -> None:
        """Check that the file can be read.

        Args:
            path: the file; any rate, any number of channels.
            channel: "mix", or the number of a channel from 1.
            paced: whether blocks come at the pace of live sound instead of at once.
            loop: whether to repeat the file for ever.

        Raises:
            SoundFileError: missing, empty, not a sound file, or without that channel.
        """
        self._path = path
        self._channel = channel
        self._paced = paced
        self._loop = loop
        self._stop_flag = _StopFlag()
        self._n_not_finite = 0
        self._problem = ""
        with open_sound(path) as reader:
            self._column(reader)
            self.duration_s = reader.duration_s
            """Duration in seconds; None if only reading tells."""

    def __iter__(self) -> Iterator[AudioBlock]:
        """Yield the file's sound in blocks.

        Raises:
            SoundFileError: the file gives no sound, or it was removed or replaced by one that cannot be
                used.
        """
        # Only sound at the pace of live sound has a time of day.
        epoch_s = time.time() if self._paced else None
        started_s = time.monotonic()
        offset_samples = 0
        while not self._stop_flag.is_set:
            first_samples = offset_samples
            for samples in self._samples():
                end_s = (offset_samples + samples.size) / SAMPLE_RATE_HZ
                if self._paced and self._stop_flag.wait(started_s + end_s - time.monotonic()):
                    return
                yield AudioBlock(
                    samples=samples,
                    offset_samples=offset_samples,
                    captured=CaptureTime(epoch_s=epoch_s, arrived_s=time.monotonic()),
                )
                offset_samples += samples.size
                if self._stop_flag.is_set:
                    return
            if offset_samples == first_samples:
                raise SoundFileError(
                    f"{printable(self._path)}: holds no sound that fills a sample of 16 kHz"
                )
            if not self._loop:
                return

    def stop(self) -> None:
        """End the iteration soon."""
        self._stop_flag.set()

    def describe(self) -> str:
        """Return the name and length of the file."""
        length = [] if self.duration_s is None else [f"{self.duration_s:.1f} s"]
        times = ["again and again"] if self._loop else []
        details = ", ".join(length + times)
        return printable(self._path.name) + (f" ({details})" if details else "")

    def summary(self) -> str:
        """Return a line for the log about sound that was damaged or no sound; empty if all was well."""
        problems = [self._problem] if self._problem else []
        if self._n_not_finite:
            problems.append(
                f"{self._n_not_finite} samples were not numbers and were replaced by silence"
            )
        return f"{printable(self._path)}: {'; '.join(problems)}" if problems else ""

    def _samples(self) -> Iterator[Samples]:
        """Yield the file's sound in serd's format, checking it first: a loop may find another file."""
        with open_sound(self._path) as reader:
            converter = Converter(rate_hz=reader.rate_hz, column=self._column(reader))
            for sound in reader.blocks(_BLOCK_S):
                yield from self._pieces(converter.convert(sound))
            rest = converter.convert(np.empty((0, reader.n_channels), np.float32), is_last=True)
            yield from self._pieces(rest)
            self._n_not_finite += converter.n_not_finite
            found = (reader.problem, converter.monitor.cancellation)
            self._problem = "; ".join(each for each in found if each)

    def _column(self, reader: SoundReader) -> int | None:
        try:
            return channel_column(self._channel, reader.n_channels)
        except ValueError as exc:
            raise SoundFileError(f"{printable(self._path)}: {exc}") from exc

    def _pieces(self, samples: Samples) -> Iterator[Samples]:
        """Yield the blocks of converted sound: short ones at the pace of live sound."""
        length = _PACED_BLOCK_SAMPLES if self._paced else max(1, samples.size)
        for first in range(0, samples.size, length):
            yield samples[first : first + length]


def read_samples(path: Path, *, channel: str = MIX) -> Samples:
    """Read a whole file in serd's format.

    Returns:
        int16, shape (n_samples,), 16 kHz mono.

    Raises:
        SoundFileError: as ``FileSource``.
    """
    blocks = [block.samples for block in FileSource(path, channel=channel)]
    return np.concatenate(blocks) if blocks else np.empty(0, np.int16)

"""Reads any sound file that libsndfile supports, at the pace of live sound or as fast as possible."""

import contextlib
import queue
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from serd.audio.format import SAMPLE_RATE_HZ, AudioBlock, CaptureTime, Samples
from serd.audio.resample import Converter
from serd.audio.source import MIX
from serd.errors import SoundFileError

_BLOCK_S: Final = 1.0
"""Length of a block, in seconds."""
_PACED_BLOCK_S: Final = 0.03
"""Length of a block at the pace of live sound, in seconds."""
_MIN_RATE_HZ: Final = 1000
"""Lowest sample rate of a file, in hertz."""


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
        info = _info(path, channel)
        self.duration_s = info.frames / info.samplerate

    def __iter__(self) -> Iterator[AudioBlock]:
        """Yield the file's sound in blocks.

        Raises:
            SoundFileError: the file is damaged, or was removed or replaced by one that cannot be used.
        """
        # Only sound at the pace of live sound has a time of day.
        epoch_s = time.time() if self._paced else None
        started_s = time.monotonic()
        offset_samples = 0
        while not self._stop_flag.is_set:
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
            if not self._loop:
                return

    def stop(self) -> None:
        """End the iteration soon."""
        self._stop_flag.set()

    def describe(self) -> str:
        """Return the name and length of the file."""
        times = ", again and again" if self._loop else ""
        return f"{self._path.name} ({self.duration_s:.1f} s{times})"

    def summary(self) -> str:
        """Return the number of samples that were not numbers, as a line for the log."""
        if not self._n_not_finite:
            return ""
        return (
            f"{self._path}: {self._n_not_finite} samples were not numbers and were replaced by silence"
        )

    def _samples(self) -> Iterator[Samples]:
        """Yield the file's sound in serd's format, checking it first: a loop may find another file."""
        _info(self._path, self._channel)
        try:
            with soundfile.SoundFile(self._path) as file:
                converter = Converter(rate_hz=file.samplerate, channel=self._channel)
                block_s = _PACED_BLOCK_S if self._paced else _BLOCK_S
                n_block = max(1, round(file.samplerate * block_s))
                if _is_native(file):
                    yield from _native_blocks(file, n_block)
                    return
                is_last = False
                while not is_last:
                    sound = file.read(n_block, dtype="float32", always_2d=True)
                    is_last = len(sound) < n_block
                    yield converter.convert(sound, is_last=is_last)
                self._n_not_finite += converter.n_not_finite
        except soundfile.LibsndfileError as exc:
            raise SoundFileError(f"{self._path}: damaged: {exc.error_string}") from exc


def _is_native(file: "soundfile.SoundFile") -> bool:
    """Whether a file already has serd's format."""
    return (file.samplerate, file.channels, file.subtype) == (SAMPLE_RATE_HZ, 1, "PCM_16")


def _native_blocks(file: "soundfile.SoundFile", n_block: int) -> Iterator[Samples]:
    """Yield the sound of a file in serd's format, in blocks of ``n_block`` samples."""
    n_read = n_block
    while n_read == n_block:
        samples: Samples = file.read(n_block, dtype="int16")
        n_read = samples.size
        yield samples


def read_samples(path: Path, *, channel: str = MIX) -> Samples:
    """Read a whole file in serd's format.

    Returns:
        int16, shape (n_samples,), 16 kHz mono.

    Raises:
        SoundFileError: as ``FileSource``.
    """
    blocks = [block.samples for block in FileSource(path, channel=channel)]
    return np.concatenate(blocks) if blocks else np.empty(0, np.int16)


def _info(path: Path, channel: str) -> "soundfile._SoundFileInfo":
    try:
        if path.is_dir():
            raise SoundFileError(f"{path}: is a folder, expected a sound file")
        if path.stat().st_size == 0:
            raise SoundFileError(f"{path}: is empty, expected a sound file")
        info = soundfile.info(str(path))
    except soundfile.LibsndfileError as exc:
        reason = exc.error_string.rstrip(".")
        raise SoundFileError(f"{path}: is not a sound file that can be read ({reason})") from exc
    except FileNotFoundError as exc:
        raise SoundFileError(f"{path}: no such file") from exc
    except OSError as exc:
        raise SoundFileError(f"{path}: cannot be read: {exc.strerror}") from exc
    if info.frames == 0:
        raise SoundFileError(f"{path}: holds no sound (0 samples)")
    if info.samplerate < _MIN_RATE_HZ:
        raise SoundFileError(f"{path}: {info.samplerate} Hz, expected {_MIN_RATE_HZ} Hz or more")
    if channel != MIX and int(channel) > info.channels:
        raise SoundFileError(
            f"{path}: has {info.channels} channels, the settings ask for number {channel}"
        )
    return info

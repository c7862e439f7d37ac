"""Reads raw PCM on standard input: 16 kHz mono S16_LE, from arecord, ffmpeg or any other program."""

import os
import select
import sys
import threading
import weakref
from collections.abc import Iterator
from typing import Final

import numpy as np

from serd.audio.format import SAMPLE_RATE_HZ, AudioBlock
from serd.audio.source import EpochEstimate
from serd.errors import SoundFileError, SourceError

_MAX_READ_BYTES: Final = 2 * SAMPLE_RATE_HZ
_FILE_HEADERS: Final = (b"RIFF", b"fLaC", b"OggS", b"ID3")


class PcmSource:
    """A source that reads raw PCM from a file descriptor until its end."""

    n_dropped_blocks = 0
    """Always 0: the writer of the pipe waits."""
    n_overflows = 0
    """Always 0: no sound card is involved."""

    def __init__(self, descriptor: int | None = None) -> None:
        """Create a source.

        Args:
            descriptor: file descriptor to read; by default that of standard input.

        Raises:
            SoundFileError: standard input is closed.
            SourceError: no more files can be opened.
        """
        try:
            self._descriptor = sys.stdin.fileno() if descriptor is None else descriptor
            self._wake_read, self._wake_write = os.pipe()
        except (AttributeError, ValueError) as exc:
            raise SoundFileError("standard input is closed, expected raw 16 kHz mono S16_LE") from exc
        except OSError as exc:
            raise SourceError(f"standard input cannot be opened: {exc.strerror}") from exc
        self._lock = threading.RLock()
        """Held while the pipe is written or closed: ``stop`` may come from another thread."""
        self._close_pipe = weakref.finalize(self, _close_all, (self._wake_read, self._wake_write))
        self._n_bytes = 0

    def __iter__(self) -> Iterator[AudioBlock]:
        """Yield blocks of sound as they arrive.

        Raises:
            SoundFileError: the input is empty or a folder, or begins with the header of a sound file.
            SourceError: it cannot be read any more.
        """
        try:
            yield from self._blocks()
        finally:
            with self._lock:
                self._close_pipe()

    def _blocks(self) -> Iterator[AudioBlock]:
        epoch = EpochEstimate()
        offset_samples = 0
        partial_sample = b""
        while data := self._read():
            if not self._n_bytes:
                _refuse_header(data)
            self._n_bytes += len(data)
            data = partial_sample + data
            n_whole = len(data) // 2 * 2
            partial_sample = data[n_whole:]
            samples = np.frombuffer(data[:n_whole], np.dtype("<i2")).astype(np.int16, copy=False)
            end_samples = offset_samples + samples.size
            yield AudioBlock(
                samples=samples,
                offset_samples=offset_samples,
                captured=epoch.update(end_samples / SAMPLE_RATE_HZ),
            )
            offset_samples = end_samples

    def stop(self) -> None:
        """End the iteration soon."""
        with self._lock:
            if self._close_pipe.alive:
                os.write(self._wake_write, b"x")

    def describe(self) -> str:
        """Return the name of the input and its format."""
        return "standard input (16 kHz mono S16_LE)"

    def summary(self) -> str:
        """Return a line for the log if the input ended in the middle of a sample."""
        return "standard input ended in the middle of a sample" if self._n_bytes % 2 else ""

    def _read(self) -> bytes:
        """Return the next bytes; empty at the end of the input and after ``stop``."""
        try:
            readable, _, _ = select.select([self._descriptor, self._wake_read], [], [])
            if self._wake_read in readable:
                return b""
            data = os.read(self._descriptor, _MAX_READ_BYTES)
        except IsADirectoryError as exc:
            raise SoundFileError("standard input is a folder, expected raw 16 kHz mono S16_LE") from exc
        except OSError as exc:
            raise SourceError(f"standard input cannot be read: {exc.strerror}") from exc
        if not data and not self._n_bytes:
            raise SoundFileError(
                "standard input: ended without any sound, expected raw 16 kHz mono S16_LE"
            )
        return data


def _close_all(descriptors: tuple[int, ...]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _refuse_header(data: bytes) -> None:
    for header in _FILE_HEADERS:
        if data.startswith(header):
            name = header.decode()
            raise SoundFileError(
                f"standard input: begins with a {name} file header, expected raw 16 kHz mono S16_LE;"
                f" give the file itself (--source FILE), or use arecord -t raw or ffmpeg -f s16le"
            )

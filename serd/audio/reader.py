"""Opens sound files with libsndfile, damaged and unfinished ones as well, and others with ffmpeg."""

import contextlib
import io
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import soundfile

from serd.audio.containers import FFMPEG_CONTAINERS, N_SEARCHED_BYTES, container
from serd.audio.ffmpeg import FfmpegReader
from serd.audio.format import Sound
from serd.audio.paths import FFMPEG_SUFFIXES, printable
from serd.errors import LibraryError, SoundFileError

_MIN_RATE_HZ: Final = 1000
"""Lowest sample rate of a file, in hertz."""
_UNKNOWN_FRAMES: Final = 2**62
"""libsndfile gives the largest number as the length of a file that does not name its length."""
_MAX_HEADER_BYTES: Final = 1_000_000
"""Bytes in which the samples of a WAV file must begin."""


class SoundReader(Protocol):
    """An open sound file."""

    @property
    def rate_hz(self) -> int:
        """Sample rate, in hertz."""
        ...

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        ...

    @property
    def duration_s(self) -> float | None:
        """Duration in seconds; None if only reading tells."""
        ...

    @property
    def problem(self) -> str:
        """What was wrong with the sound so far, as a part of a line; empty if nothing."""
        ...

    def blocks(self, block_s: float) -> Iterator[Sound]:
        """Yield the sound in blocks: float32, shape (n, n_channels), full scale at 1.

        Raises:
            SoundFileError: no sound at all can be read.
        """
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class LibsndfileReader:
    """A file that libsndfile reads."""

    def __init__(self, path: Path, file: "soundfile.SoundFile") -> None:
        """Read an open file; ``path`` is for messages."""
        self.problem = ""
        self.rate_hz: int = file.samplerate
        self.n_channels: int = file.channels
        self.duration_s: float | None = None
        if file.frames < _UNKNOWN_FRAMES:
            self.duration_s = file.frames / self.rate_hz
        self._path = path
        self._file = file

    def blocks(self, block_s: float) -> Iterator[Sound]:
        """Yield the sound up to the end of the file, or to the point at which it is damaged."""
        n_block = max(1, round(self.rate_hz * block_s))
        gain = self._gain(n_block) if self._file.subtype in {"FLOAT", "DOUBLE"} else np.float32(1.0)
        for sound in self._read(n_block):
            yield sound if gain == 1.0 else sound * gain

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _gain(self, n_block: int) -> np.float32:
        """The gain that brings float samples beyond full scale back to it; reads the file once."""
        peak = 0.0
        for sound in self._read(n_block):
            peak = max(peak, float(np.abs(sound[np.isfinite(sound)]).max(initial=0.0)))
        self._file.seek(0)
        if peak <= 1.0:
            return np.float32(1.0)
        self.problem = f"samples reach {peak:.4g} times full scale, and were scaled down to it"
        return np.float32(1.0 / peak)

    def _read(self, n_block: int) -> Iterator[Sound]:
        n_read = 0
        n_new = n_block
        while n_new == n_block:
            # NaN marks the frames that libsndfile has not filled when it fails within the block.
            sound = np.full((n_block, self.n_channels), np.nan, np.float32)
            try:
                n_new = len(self._file.read(dtype="float32", always_2d=True, out=sound))
            except soundfile.LibsndfileError as exc:
                filled = np.flatnonzero(~np.isnan(sound).all(axis=1))
                n_new = int(filled[-1]) + 1 if filled.size else 0
                self._note_damage(n_read + n_new, exc)
                yield sound[:n_new]
                return
            n_read += n_new
            yield sound[:n_new]

    def _note_damage(self, n_frames: int, error: "soundfile.LibsndfileError") -> None:
        """Note where a file is damaged; one of unknown length ends with an error in any case."""
        if not n_frames:
            raise SoundFileError(f"{printable(self._path)}: damaged: {error.error_string}") from error
        if self.duration_s is not None:
            self.problem = (
                f"damaged or cut after {n_frames / self.rate_hz:.1f} s of {self.duration_s:.1f} s,"
                f" and read up to there"
            )


@contextlib.contextmanager
def open_sound(path: Path) -> Iterator[SoundReader]:
    """Open a sound file for the duration of a block.

    Args:
        path: the file; any rate, any number of channels.

    Raises:
        SoundFileError: missing, empty or not a sound file.
    """
    reader = _opened(path)
    try:
        name = printable(path)
        if reader.duration_s == 0.0:
            raise SoundFileError(f"{name}: holds no sound (0 samples)")
        if reader.rate_hz < _MIN_RATE_HZ:
            raise SoundFileError(f"{name}: {reader.rate_hz} Hz, expected {_MIN_RATE_HZ} Hz or more")
        yield reader
    finally:
        reader.close()


def _opened(path: Path) -> SoundReader:
    name = printable(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise SoundFileError(f"{name}: is a folder, expected a sound file")
        if not stat.S_ISREG(status.st_mode):
            raise SoundFileError(
                f"{name}: is a pipe or a device, expected a sound file; serd run --source reads pipes"
            )
        if status.st_size == 0:
            raise SoundFileError(f"{name}: is empty, expected a sound file")
        with path.open("rb") as raw:
            header = raw.read(_MAX_HEADER_BYTES)
        file = soundfile.SoundFile(os.fsencode(path))
        if file.frames == 0 and (size_at := _unset_data_size(header, status.st_size)) is not None:
            file.close()
            file = soundfile.SoundFile(_RepairedWav(path, size_at, status.st_size))
    except soundfile.LibsndfileError as exc:
        return _decoded(path, header, exc)
    except FileNotFoundError as exc:
        raise SoundFileError(f"{name}: no such file") from exc
    except OSError as exc:
        raise SoundFileError(f"{name}: cannot be read: {exc.strerror}") from exc
    return LibsndfileReader(path, file)


def _decoded(path: Path, header: bytes, error: "soundfile.LibsndfileError") -> SoundReader:
    """Open a file with ffmpeg that libsndfile refuses, if ffmpeg knows its format."""
    name = printable(path)
    reason = error.error_string.rstrip(".")
    kind = container(header[:N_SEARCHED_BYTES])
    if kind not in FFMPEG_CONTAINERS and path.suffix.lower() not in FFMPEG_SUFFIXES:
        raise SoundFileError(f"{name}: is not a sound file that can be read ({reason})") from error
    try:
        return FfmpegReader(path)
    except LibraryError as exc:
        raise SoundFileError(
            f"{name}: is {kind or 'a format'} that needs ffmpeg: sudo apt-get install ffmpeg"
        ) from exc


def _unset_data_size(header: bytes, n_bytes: int) -> int | None:
    """Position of the data size in a WAV file whose recorder was killed before it wrote the size.

    Args:
        header: the first bytes of the file.
        n_bytes: length of the file.

    Returns:
        The position; None if the file is no WAV file, names its size or has no samples.
    """
    if header[:4] != b"RIFF" or header[8:12] != b"WAVE":
        return None
    position = 12
    while position + 8 <= len(header):
        name, size = header[position : position + 4], struct.unpack_from("<I", header, position + 4)[0]
        if name == b"data":
            return position + 4 if size == 0 and n_bytes > position + 8 else None
        position += 8 + size + size % 2
    return None


class _RepairedWav(io.RawIOBase):
    """The bytes of a WAV file, with the sizes that its recorder did not write."""

    def __init__(self, path: Path, size_at: int, n_bytes: int) -> None:
        self._file = path.open("rb")
        largest = 0xFFFF_FFFE
        self._patches = {
            4: struct.pack("<I", min(n_bytes - 8, largest)),
            size_at: struct.pack("<I", min(n_bytes - size_at - 4, largest)),
        }

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read the next bytes."""
        start = self._file.tell()
        data = bytearray(self._file.read(len(buffer)))
        for position, patch in self._patches.items():
            for index, value in enumerate(patch, position - start):
                if 0 <= index < len(data):
                    data[index] = value
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell()

    def seekable(self) -> bool:
        """Return True."""
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

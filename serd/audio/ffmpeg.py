"""Decodes streams of the network, and files that libsndfile cannot read, with ffmpeg as a child process.

ffmpeg writes the first audio track as AU with float samples: a header of 24 bytes names the sample rate
and the number of channels, and the length may be unknown.
"""

import contextlib
import os
import re
import shutil
import struct
import subprocess
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import numpy as np

from serd.audio.arrays import MAX_CHANNELS, MAX_RATE_HZ, MIN_RATE_HZ
from serd.audio.format import AudioBlock, Sound
from serd.audio.paths import printable
from serd.audio.resample import Converter
from serd.audio.source import LiveTimeline
from serd.audio.stream import ByteStream, closing_unless_stalled
from serd.errors import LibraryError, SoundFileError, SourceError, SourceStalledError

_PROTOCOLS: Final = "rtsp,rtsps,rtp,srtp,udp,tcp,http,https,httpproxy,tls,hls,crypto,data"
"""Protocols that a stream may lead to: a playlist must not name files of this machine."""
_OUTPUT: Final = ("-map", "0:a:0", "-vn", "-f", "au", "-c:a", "pcm_f32be", "-flush_packets", "1", "-")
_HEADER: Final = struct.Struct(">4s5I")
_FLOAT_ENCODING: Final = 6
_MAX_OFFSET: Final = 65_536
_SAMPLE_BYTES: Final = 4
_HANG_S: Final = 20.0
"""Time without a byte after which ffmpeg is started again, in seconds."""
_END_S: Final = 1.0
"""Time that ffmpeg has to end, in seconds; beyond it, it is killed."""
_MAX_REASON_BYTES: Final = 2_000


def public_url(url: str) -> str:
    """Return a URL without user, password, query and fragment, which may hold secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


class _Child:
    """A running ffmpeg."""

    def __init__(self, *arguments: str) -> None:
        """Start it.

        Raises:
            LibraryError: it is not installed.
        """
        program = shutil.which("ffmpeg")
        if program is None:
            raise LibraryError(
                "ffmpeg is not installed, and this sound needs it: sudo apt-get install ffmpeg"
            )
        # If serd is killed, the kernel ends the child.
        guard = ("setpriv", "--pdeathsig", "TERM", "--") if shutil.which("setpriv") else ()
        command = [
            *guard,
            program,
            "-nostdin",
            "-hide_banner",
            "-loglevel",
            "error",
            *arguments,
            *_OUTPUT,
        ]
        self._errors, child_errors = os.pipe()
        # With nobody reading, messages are dropped instead of blocking ffmpeg.
        os.set_blocking(self._errors, False)
        os.set_blocking(child_errors, False)
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=child_errors, bufsize=0
            )
        except BaseException:
            os.close(self._errors)
            raise
        finally:
            os.close(child_errors)
        self._messages = b""

    @property
    def descriptor(self) -> int:
        """The file descriptor of its output."""
        assert self.process.stdout is not None  # noqa: S101 - it is a pipe
        return self.process.stdout.fileno()

    def drain(self) -> None:
        """Take over its latest messages, of which the last are kept."""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._errors, _MAX_REASON_BYTES):
                self._messages = (self._messages + data)[-_MAX_REASON_BYTES:]

    def close(self) -> str:
        """End it, and return its last message without secrets; empty if it had none."""
        if self.process.returncode is None:
            self.process.terminate()
            try:
                self.process.wait(_END_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout is not None and not self.process.stdout.closed:
            self.drain()
            self.process.stdout.close()
            os.close(self._errors)
        lines = self._messages.decode("utf-8", "replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return re.sub(r"//[^/@\s]*@|[?]\S+", lambda found: "//" if found[0][0] == "/" else "", last)


class _AuDecoder:
    """Cuts the bytes of an AU stream into blocks of float samples."""

    def __init__(self) -> None:
        self.rate_hz = 0
        """Sample rate in hertz; 0 until the header is complete."""
        self.n_channels = 0
        self._data = b""

    def feed(self, data: bytes) -> Sound | None:
        """Add bytes; returns float32, shape (n, n_channels), or None while the header is incomplete.

        Raises:
            SourceError: the header is none that ffmpeg writes, or the format is out of bounds.
        """
        self._data += data
        if not self.rate_hz and not self._read_header():
            return None
        frame_bytes = _SAMPLE_BYTES * self.n_channels
        n_whole = len(self._data) // frame_bytes * frame_bytes
        whole, self._data = self._data[:n_whole], self._data[n_whole:]
        return np.frombuffer(whole, ">f4").astype(np.float32).reshape(-1, self.n_channels)

    def _read_header(self) -> bool:
        if len(self._data) < _HEADER.size:
            return False
        magic, offset, _, encoding, rate_hz, n_channels = _HEADER.unpack_from(self._data)
        if magic != b".snd" or encoding != _FLOAT_ENCODING or not _HEADER.size <= offset <= _MAX_OFFSET:
            raise SourceError("ffmpeg wrote no AU stream of float samples")
        if not (MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ and 1 <= n_channels <= MAX_CHANNELS):
            raise SourceError(
                f"{rate_hz} Hz and {n_channels} channels, expected {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz"
                f" and 1 to {MAX_CHANNELS} channels"
            )
        if len(self._data) < offset:
            return False
        self._data = self._data[offset:]
        self.rate_hz, self.n_channels = rate_hz, n_channels
        return True


class FfmpegSource:
    """A source that reads a stream of the network through ffmpeg."""

    n_dropped_blocks = 0
    """Always 0: the server drops what is not fetched in time."""
    n_overflows = 0
    """Always 0: no sound card is involved."""

    def __init__(self, url: str, *, channel: str) -> None:
        """Start ffmpeg, which then connects.

        Args:
            url: the stream, one of ``source.STREAM_SCHEMES``.
            channel: "mix", or the number of a channel from 1.

        Raises:
            LibraryError: ffmpeg is not installed.
            SourceError: no more files can be opened.
        """
        self._name = public_url(url)
        self._channel = channel
        is_rtsp = url.startswith("rtsp")
        options = ("-rtsp_transport", "tcp", "-allowed_media_types", "audio") if is_rtsp else ()
        self._child = _Child(*options, "-protocol_whitelist", _PROTOCOLS, "-i", url)
        # A source that has stalled is given up without another iteration when the daemon stops.
        self._end_child = weakref.finalize(self, self._child.close)
        self._stream = ByteStream(self._child.descriptor, self._name)
        self._decoder = _AuDecoder()
        self._converter: Converter | None = None
        self._latest_s = time.monotonic()

    def __iter__(self) -> Iterator[AudioBlock]:
        """Yield blocks of sound as they arrive.

        Raises:
            SourceStalledError: the stream gives nothing for now; iterate again to wait for more.
            SourceError: it ended, failed or hangs.
        """
        with closing_unless_stalled(self._close):
            try:
                yield from self._blocks()
            except SourceStalledError as exc:
                if time.monotonic() - self._latest_s > _HANG_S:
                    raise SourceError(f"{exc}; connecting again") from exc
                raise

    def stop(self) -> None:
        """End the iteration soon."""
        self._stream.stop()

    def describe(self) -> str:
        """Return the address without secrets."""
        return self._name

    def summary(self) -> str:
        """Return nothing: there is nothing to count."""
        return ""

    def _blocks(self) -> Iterator[AudioBlock]:
        timeline = LiveTimeline()
        while data := self._stream.read():
            self._latest_s = time.monotonic()
            self._child.drain()
            sound = self._decoded(data)
            if self._converter is None:
                continue
            samples = self._converter.convert(sound)
            yield timeline.block(samples, self._converter.monitor.problem)
        if not self._stream.is_stopped:
            reason = self._close()
            raise SourceError(f"{self._name} ended{f': {reason}' if reason else ''}")

    def _decoded(self, data: bytes) -> Sound:
        sound = self._decoder.feed(data)
        if sound is None:
            return np.empty((0, 1), np.float32)
        if self._converter is None:
            n_channels = self._decoder.n_channels
            if self._channel.isdecimal() and int(self._channel) > n_channels:
                raise SourceError(
                    f"{self._name}: has {n_channels} channels, the settings ask for number"
                    f" {self._channel}"
                )
            self._converter = Converter(rate_hz=self._decoder.rate_hz, channel=self._channel)
        return sound

    def _close(self) -> str:
        self._stream.close()
        return self._end_child() or ""


class FfmpegReader:
    """A sound file that ffmpeg decodes; a ``SoundReader``."""

    duration_s: float | None = None
    """Always None: only reading tells."""
    problem = ""
    """Always empty: ffmpeg conceals damage."""

    def __init__(self, path: Path) -> None:
        """Start to decode a file.

        Raises:
            LibraryError: ffmpeg is not installed.
            SoundFileError: ffmpeg finds no sound in the file.
        """
        self._name = printable(path)
        self._child = _Child("-protocol_whitelist", "file,crypto,data", "-i", f"file:{path}")
        self._decoder = _AuDecoder()
        self._first: Sound | None = None
        while self._first is None:
            data = os.read(self._child.descriptor, _MAX_OFFSET)
            if not data:
                reason = self._child.close().rpartition(": ")[2]
                raise SoundFileError(
                    f"{self._name}: is not a sound file that can be read ({reason or 'no sound in it'})"
                )
            try:
                self._first = self._decoder.feed(data)
            except SourceError as exc:
                self._child.close()
                raise SoundFileError(f"{self._name}: {exc}") from exc
        self.rate_hz = self._decoder.rate_hz
        self.n_channels = self._decoder.n_channels

    def blocks(self, block_s: float) -> Iterator[Sound]:
        """Yield the sound; all blocks have the given duration but the last."""
        n_block = max(1, round(self.rate_hz * block_s))
        pending = [self._first] if self._first is not None else []
        n_pending = sum(map(len, pending))
        while True:
            if n_pending >= n_block:
                joined = np.concatenate(pending)
                for start in range(0, len(joined) - n_block + 1, n_block):
                    yield joined[start : start + n_block]
                pending = [joined[len(joined) // n_block * n_block :]]
                n_pending = len(pending[0])
            self._child.drain()
            data = os.read(self._child.descriptor, _MAX_OFFSET)
            if not data:
                break
            sound = self._decoder.feed(data)
            if sound is not None:
                pending.append(sound)
                n_pending += len(sound)
        if n_pending:
            yield np.concatenate(pending)

    def close(self) -> None:
        """End ffmpeg."""
        self._child.close()

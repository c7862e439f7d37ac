"""Reads streams of the network: cameras, icecast, HLS. ffmpeg connects and decodes."""

import time
import weakref
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from serd.audio.au import AuSamples
from serd.audio.ffmpeg import FfmpegChild
from serd.audio.format import AudioBlock
from serd.audio.source import LiveTimeline
from serd.audio.stream import ByteStream, closing_unless_stalled
from serd.errors import SoundFileError, SourceError, SourceStalledError

_PROTOCOLS: Final = "rtsp,rtsps,rtp,srtp,udp,tcp,http,https,httpproxy,tls,hls,crypto,data"
"""Protocols that a stream may lead to: a playlist must not name files of this machine."""
_HANG_S: Final = 20.0
"""Time without sound after which ffmpeg is started again, in seconds."""


def public_url(url: str) -> str:
    """Return a URL without user, password, query and fragment, which may hold secrets.

    Raises:
        SoundFileError: it is not a URL.
    """
    try:
        parts = urlsplit(url)
    except ValueError as exc:  # whose text may hold secrets
        scheme = url.partition(":")[0]
        raise SoundFileError(f"source {scheme}://...: not a URL, expected {scheme}://HOST/PATH") from exc
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


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
            SoundFileError: it is not a URL.
            LibraryError: ffmpeg is not installed.
            SourceError: ffmpeg cannot be started, or no more files can be opened.
        """
        self._name = public_url(url)
        is_rtsp = url.startswith("rtsp")
        options = ("-rtsp_transport", "tcp", "-allowed_media_types", "audio") if is_rtsp else ()
        self._child = FfmpegChild(*options, "-protocol_whitelist", _PROTOCOLS, "-i", url)
        # A source that has stalled is given up without another iteration when the daemon stops.
        self._end_child = weakref.finalize(self, self._child.close)
        self._stream = ByteStream(self._child.descriptor, self._name)
        self._samples = AuSamples(self._name, channel=channel)
        self._latest_s = time.monotonic()

    def __iter__(self) -> Iterator[AudioBlock]:
        """Yield blocks of sound as they arrive.

        Raises:
            SourceStalledError: the stream gives no sound for now; iterate again to wait for more.
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
            self._child.drain()
            samples = self._samples.feed(data)
            if samples.size:
                self._latest_s = time.monotonic()
                self._stream.note_progress()
                yield timeline.block(samples, self._samples.problem)
        if not self._stream.is_stopped:
            reason = self._close()
            raise SourceError(f"{self._name} ended{f': {reason}' if reason else ''}")

    def _close(self) -> str:
        self._stream.close()
        return self._end_child() or ""

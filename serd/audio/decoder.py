"""Turns the bytes of a stream into sound: the protocol of decoders, and the choice of one."""

from collections.abc import Callable, Iterator
from typing import Protocol

from serd.audio.containers import container, needed_bytes
from serd.audio.format import AudioBlock
from serd.audio.pcm import PcmDecoder, PcmFormat
from serd.audio.source import LiveTimeline
from serd.audio.stream import ByteStream
from serd.errors import SoundFileError


class Decoder(Protocol):
    """Turns the bytes of one stream into sound."""

    def blocks(self, timeline: LiveTimeline) -> Iterator[AudioBlock]:
        """Yield the sound until the stream ends; may be called again after a stall.

        Args:
            timeline: places the blocks.

        Raises:
            SourceStalledError: the stream stays open and gives no sound.
            SoundFileError: it has no sound, or sound that cannot be used.
            SourceError: it cannot be read any more.
        """
        ...

    def summary(self) -> str:
        """Return a line for the log about bad sound; empty if there was none."""
        ...


class DetectingDecoder:
    """The sound of a stream that carries raw samples or a sound file, which its first bytes tell."""

    def __init__(
        self,
        stream: ByteStream,
        pcm_format: PcmFormat,
        decode_file: Callable[[ByteStream, bytes, str], Decoder],
        *,
        may_be_empty: bool = False,
    ) -> None:
        """Create a decoder.

        Args:
            stream: the bytes.
            pcm_format: of raw samples.
            decode_file: creates the decoder of a sound file from the stream, the bytes that were read
                from it, and the name of the format.
            may_be_empty: whether a stream without a byte is no error.
        """
        self._stream = stream
        self._format = pcm_format
        self._decode_file = decode_file
        self._may_be_empty = may_be_empty
        self._start = b""
        self._chosen: Decoder | None = None

    def blocks(self, timeline: LiveTimeline) -> Iterator[AudioBlock]:
        """Yield the sound until the end of the stream; see ``Decoder``."""
        if self._chosen is None and not self._choose():
            return
        assert self._chosen is not None  # noqa: S101 - set by _choose
        yield from self._chosen.blocks(timeline)

    def summary(self) -> str:
        """Return a line for the log about bad sound; empty if there was none."""
        return self._chosen.summary() if self._chosen is not None else ""

    def _choose(self) -> bool:
        """Read until the first bytes tell what the stream carries; returns False if there are none."""
        while not self._start or len(self._start) < needed_bytes(self._start):
            data = self._stream.read()
            if self._stream.is_stopped:
                return False
            if not data:
                break
            self._start += data
        if not self._start:
            if self._may_be_empty:
                return False
            raise SoundFileError(
                f"{self._stream.name}: ended without any sound, expected raw {self._format}"
            )
        if kind := container(self._start):
            self._chosen = self._decode_file(self._stream, self._start, kind)
        else:
            self._chosen = PcmDecoder(self._stream, self._start, self._format)
        return True


def refuse_file(stream: ByteStream, _start: bytes, kind: str) -> Decoder:
    """Refuse a sound file where only raw samples are expected.

    Raises:
        SoundFileError: always.
    """
    raise SoundFileError(
        f"{stream.name}: begins like a file of the format {kind}, expected raw samples (S16_LE);"
        f" convert it: ffmpeg -i FILE -f s16le -ac 1 -ar 16000 ..."
    )

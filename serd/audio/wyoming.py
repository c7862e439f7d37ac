"""Reads sound in the Wyoming protocol, from a microphone service or from a satellite that connects.

An event is a line of JSON with its type, then ``data_length`` bytes of JSON and ``payload_length`` bytes
of samples. The framing is read here, with bounds on each part, since anybody may connect.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from serd.audio.arrays import MAX_CHANNELS, MAX_RATE_HZ, MIN_RATE_HZ
from serd.audio.format import AudioBlock, to_sound
from serd.audio.listener import Listeners
from serd.audio.resample import Converter
from serd.audio.source import LiveTimeline, channel_column
from serd.audio.stream import ByteStream
from serd.audio.tcp import TcpSource, parsed_address
from serd.errors import SoundFileError

_SAMPLE_BYTES: Final = 2
_MAX_LINE_BYTES: Final = 65_536
_MAX_DATA_BYTES: Final = 65_536
_MAX_PAYLOAD_BYTES: Final = 1_048_576
_PROGRAMS: Final = ("asr", "tts", "handle", "intent", "wake", "mic", "snd")
_INFO: Final = json.dumps({"type": "info", "data": {name: [] for name in _PROGRAMS}}).encode() + b"\n"
"""The answer to ``describe``: a service that takes sound and offers no program of its own."""
_RUN: Final = json.dumps({"type": "run-satellite"}).encode() + b"\n"
"""The event with which a satellite begins to send; a microphone service ignores it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WyomingEvent:
    """An event of the protocol."""

    kind: str
    """Its type, such as "audio-chunk"."""
    data: dict[str, Any]
    """Its values."""
    payload: bytes
    """The samples of a chunk; empty in other events."""


class EventReader:
    """Cuts bytes into events."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> Iterator[WyomingEvent]:
        """Add bytes, and yield the events that they complete.

        Raises:
            SoundFileError: the bytes are not Wyoming events, or one is too large.
        """
        self._data += data
        while True:
            line, newline, rest = self._data.partition(b"\n")
            if len(line) > _MAX_LINE_BYTES:
                raise SoundFileError("not a Wyoming event: its first line is too long")
            if not newline:
                return
            head = _json_object(line)
            n_data = _length(head, "data_length", _MAX_DATA_BYTES)
            n_payload = _length(head, "payload_length", _MAX_PAYLOAD_BYTES)
            if len(rest) < n_data + n_payload:
                return
            values = head.get("data") or {}
            if not isinstance(values, dict):
                raise SoundFileError(
                    f"not a Wyoming event: data is a {type(values).__name__}, expected an object"
                )
            if n_data:
                values = {**values, **_json_object(rest[:n_data])}
            self._data = rest[n_data + n_payload :]
            payload = rest[n_data : n_data + n_payload]
            yield WyomingEvent(kind=str(head.get("type")), data=values, payload=payload)


class WyomingDecoder:
    """The sound of one connection."""

    def __init__(self, stream: ByteStream, channel: str, *, greeting: bytes = b"") -> None:
        """Create a decoder.

        Args:
            stream: the connection.
            channel: "mix", or the number of a channel from 1.
            greeting: an event to send first.
        """
        self._greeting = greeting
        self._stream = stream
        self._channel = channel
        self._reader = EventReader()
        self._format = (0, 0)
        self._converter: Converter | None = None

    def blocks(self, timeline: LiveTimeline) -> Iterator[AudioBlock]:
        """Yield the sound of the chunks, and answer ``describe``.

        Args:
            timeline: places the blocks.

        Raises:
            SourceStalledError: no sound comes for now, though other events may.
            SoundFileError: the bytes are not Wyoming events, or the sound cannot be used.
            SourceError: the connection failed, or the other side does not read its answers.
        """
        if self._greeting:
            self._stream.send(self._greeting)
            self._greeting = b""
        while data := self._stream.read():
            for event in self._reader.feed(data):
                if event.kind == "describe":
                    self._stream.send(_INFO)
                if event.kind != "audio-chunk":
                    continue
                converter, raw = self._chunk(event)
                samples = converter.convert(to_sound(raw))
                if samples.size:
                    self._stream.note_progress()
                    yield timeline.block(samples, converter.monitor.problem)

    def summary(self) -> str:
        """Return nothing: there is nothing to count."""
        return ""

    def _chunk(self, event: WyomingEvent) -> tuple[Converter, np.ndarray[Any, np.dtype[np.int16]]]:
        """The samples of a chunk, int16 in shape (n_samples, n_channels), and their converter."""
        rate_hz, width, n_channels = (_number(event.data, key) for key in ("rate", "width", "channels"))
        is_known = (
            width == _SAMPLE_BYTES
            and MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ
            and 1 <= n_channels <= MAX_CHANNELS
        )
        if not is_known or len(event.payload) % (_SAMPLE_BYTES * n_channels):
            raise SoundFileError(
                f"{self._stream.name}: chunk of {len(event.payload)} bytes, rate {rate_hz}, width"
                f" {width} and channels {n_channels}, expected whole 16-bit samples (width 2)"
            )
        if self._converter is None or self._format != (rate_hz, n_channels):
            try:
                column = channel_column(self._channel, n_channels)
            except ValueError as exc:
                raise SoundFileError(f"{self._stream.name}: {exc}") from exc
            self._format = (rate_hz, n_channels)
            self._converter = Converter(rate_hz=rate_hz, column=column)
        raw = np.frombuffer(event.payload, "<i2").astype(np.int16, copy=False)
        return self._converter, raw.reshape(-1, n_channels)


def wyoming_source(url: str, *, channel: str, listeners: Listeners) -> TcpSource:
    """Return the source of ``wyoming://host:port``, or of ``wyoming://:port`` to wait for a satellite.

    Args:
        url: the URL; ``?from=ADDRESS`` names the satellite where several sources share the port.
        channel: "mix", or the number of a channel from 1.
        listeners: the open ports of this process.

    Raises:
        SoundFileError: the URL is neither.
        SourceError: the system does not give the port, or another source has its clients.
    """
    address, values = parsed_address(url)
    if values:
        raise SoundFileError(
            f"source {url}: got {', '.join(values)}, expected nothing but from=ADDRESS; the events name"
            f" the format"
        )
    greeting = b"" if address.listens else _RUN
    return TcpSource(
        "wyoming",
        address,
        lambda stream: WyomingDecoder(stream, channel, greeting=greeting),
        "Wyoming protocol",
        listeners,
    )


def _json_object(text: bytes) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise SoundFileError(f"not a Wyoming event: {exc}") from exc
    if not isinstance(body, dict):
        raise SoundFileError(f"not a Wyoming event: got a {type(body).__name__}, expected an object")
    return body


def _number(values: dict[str, Any], key: str) -> int:
    """A whole number; -1 if it is missing or another value."""
    value = values.get(key)
    return value if isinstance(value, int) else -1


def _length(head: dict[str, Any], key: str, maximum: int) -> int:
    value = head.get(key) or 0
    if not isinstance(value, int) or not 0 <= value <= maximum:
        raise SoundFileError(f"Wyoming event with {key} = {value!r}, expected 0 to {maximum}")
    return value

"""Reads sound over TCP, from a server or from a client that connects: snapclient, ESP32, another serd.

Raw PCM is named by a URL of one of these forms:

tcp://host:port                connects
tcp://:port                    waits for a client on this machine
tcp://0.0.0.0:port             waits for a client of any machine
...?rate=48000&channels=2      the format, if it is not 16 kHz mono
"""

import socket
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from serd.audio.arrays import MAX_CHANNELS, MAX_RATE_HZ, MIN_RATE_HZ
from serd.audio.decoder import Decoder, DetectingDecoder, refuse_file
from serd.audio.format import SAMPLE_RATE_HZ, AudioBlock
from serd.audio.pcm import PcmFormat
from serd.audio.source import LiveTimeline
from serd.audio.stream import ByteStream, closing_unless_stalled
from serd.errors import SoundFileError, SourceError, SourceStalledError

_CONNECT_S: Final = 5.0
"""Time to connect, in seconds."""
_HANG_S: Final = 20.0
"""Time without a byte after which a connection is made anew, in seconds."""
_ANY: Final = frozenset({"0.0.0.0", "::"})
_EXPECTED: Final = "expected SCHEME://HOST:PORT, or SCHEME://:PORT to wait for a client"


class TcpSource:
    """A source that reads sound over TCP, from one connection at a time."""

    n_dropped_blocks = 0
    """Always 0: the sender waits."""
    n_overflows = 0
    """Always 0: no sound card is involved."""

    def __init__(
        self, scheme: str, host: str, port: int, decode: Callable[[ByteStream], Decoder], form: str
    ) -> None:
        """Listen, if the host says so; a connection is made by iterating.

        Args:
            scheme: of the URL, for messages.
            host: the server; empty to wait for a client on this machine, "0.0.0.0" or "::" for any one.
            port: the port; 0 to let the system choose where a client is waited for.
            decode: creates the decoder of a connection.
            form: the format, for the log.

        Raises:
            SourceError: the port cannot be listened on.
        """
        self._host, self._port, self._decode, self._form = host, port, decode, form
        self._name = f"{scheme}://{host}:{port}"
        self._is_stopped = False
        self._stream: ByteStream | None = None
        self._decoder: Decoder | None = None
        self._latest_s = time.monotonic()
        self._listener: socket.socket | None = None
        if not self._host or self._host in _ANY:
            family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
            try:
                self._listener = socket.create_server(
                    (self._host or "127.0.0.1", self._port), family=family, backlog=1
                )
            except OSError as exc:
                raise SourceError(f"{self._name} cannot be listened on: {exc.strerror}") from exc
            self._listener.setblocking(False)
            self._port = self._listener.getsockname()[1]
            # A source that has stalled is given up without another iteration when the daemon stops.
            self._close_listener = weakref.finalize(self, self._listener.close)
            self._waiting = ByteStream(self._listener.fileno(), self._name)

    @property
    def port(self) -> int:
        """The port, also if the URL leaves its choice to the system (0)."""
        return self._port

    def __iter__(self) -> Iterator[AudioBlock]:
        """Yield blocks of sound as they arrive.

        Raises:
            SourceStalledError: nobody sends for now; iterate again to wait for sound or a client.
            SourceError: the server cannot be reached, ended the connection or hangs.
        """
        with closing_unless_stalled(self._close):
            while not self._is_stopped:
                if self._decoder is None and not self._connect():
                    return
                yield from self._blocks()

    def stop(self) -> None:
        """End the iteration soon."""
        self._is_stopped = True
        if self._listener is not None:
            self._waiting.stop()
        if (stream := self._stream) is not None:
            stream.stop()

    def describe(self) -> str:
        """Return the address and the format."""
        verb = "clients of " if self._listener is not None else ""
        return f"{verb}{self._name} ({self._form})"

    def summary(self) -> str:
        """Return a line about bytes that were lost; empty if none were."""
        return self._decoder.summary() if self._decoder is not None else ""

    def _blocks(self) -> Iterator[AudioBlock]:
        """Yield the sound of the connection until it ends."""
        assert self._decoder is not None  # noqa: S101 - set by _connect
        try:
            for block in self._decoder.blocks(LiveTimeline()):
                self._latest_s = time.monotonic()
                yield block
            reason = f"{self._name}: the connection ended"
        except SourceStalledError as exc:
            if time.monotonic() - self._latest_s < _HANG_S:
                raise
            reason = f"{exc}; connecting again"
        except SoundFileError as exc:
            reason = str(exc)
        self._disconnect()
        if self._is_stopped:
            return
        raise SourceStalledError(reason) if self._listener is not None else SourceError(reason)

    def _connect(self) -> bool:
        """Connect, or wait for a client; returns False after ``stop``."""
        try:
            if self._listener is not None:
                if not self._waiting.wait():
                    return False
                connection, _ = self._listener.accept()
            else:
                connection = socket.create_connection((self._host, self._port), timeout=_CONNECT_S)
        except OSError as exc:
            reason = exc.strerror or str(exc)
            raise SourceError(f"{self._name} cannot be reached: {reason}") from exc
        connection.setblocking(True)
        self._latest_s = time.monotonic()
        self._stream = ByteStream(connection.detach(), self._name, is_owned=True)
        self._decoder = self._decode(self._stream)
        if self._is_stopped:
            self._stream.stop()
        return True

    def _disconnect(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._stream = self._decoder = None

    def _close(self) -> None:
        self._disconnect()
        if self._listener is not None:
            self._waiting.close()
            self._close_listener()


def pcm_over_tcp(url: str, *, channel: str) -> TcpSource:
    """Return the source of a URL as in the docstring of the module.

    Args:
        url: the URL.
        channel: "mix", or the number of a channel from 1.

    Raises:
        SoundFileError: the URL is none of these.
        SourceError: the port cannot be listened on.
    """
    host, port, values = parsed_address(url)
    try:
        numbers = {key: int(value) for key, value in values.items()}
    except ValueError as exc:
        raise SoundFileError(f"source {url}: {exc}, expected whole numbers") from exc
    rate_hz, n_channels = numbers.pop("rate", SAMPLE_RATE_HZ), numbers.pop("channels", 1)
    n_needed = int(channel) if channel.isdecimal() else 1
    is_known = MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ and n_needed <= n_channels <= MAX_CHANNELS
    if numbers or not is_known or n_channels < 1:
        raise SoundFileError(
            f"source {url}: expected ?rate={MIN_RATE_HZ} to {MAX_RATE_HZ} and channels=1 to"
            f" {MAX_CHANNELS}, no fewer than channel = {channel}"
        )
    form = PcmFormat(rate_hz=rate_hz, n_channels=n_channels, channel=channel)
    return TcpSource(
        "tcp", host, port, lambda stream: DetectingDecoder(stream, form, refuse_file), str(form)
    )


def parsed_address(url: str) -> tuple[str, int, dict[str, str]]:
    """Return the host, the port and the values of the query of a URL.

    Raises:
        SoundFileError: it has no port, or a path.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        values = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError as exc:
        raise SoundFileError(f"source {url}: {exc}; {_EXPECTED}") from exc
    if port is None or parts.path.strip("/"):
        raise SoundFileError(f"source {url}: {_EXPECTED}")
    return host, port, values

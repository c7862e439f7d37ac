"""Reads sound over TCP, from a server or from a client that connects: snapclient, ESP32, another serd.

Raw PCM is named by a URL of one of these forms:

tcp://host:port                connects
tcp://:port                    listens for a client on this machine
tcp://0.0.0.0:port             listens for a client on any machine
tcp://0.0.0.0:port?from=ADDRESS   listens for this client; several sources can share the port
...?rate=48000&channels=2      the format, if it is not 16 kHz mono
"""

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from serd.audio.arrays import MAX_CHANNELS, MAX_RATE_HZ, MIN_RATE_HZ
from serd.audio.decoder import Decoder, DetectingDecoder, refuse_file
from serd.audio.format import SAMPLE_RATE_HZ, AudioBlock
from serd.audio.listener import ANYBODY, Address, Listeners, Route, client_address
from serd.audio.pcm import PcmFormat
from serd.audio.source import LiveTimeline, channel_column
from serd.audio.stream import ByteStream, closing_unless_stalled
from serd.errors import SoundFileError, SourceError, SourceStalledError

_CONNECT_S: Final = 5.0
"""Time to connect, in seconds."""
_HANG_S: Final = 20.0
"""Time without sound after which a connection is closed and made again, in seconds."""
_ANY: Final = frozenset({"0.0.0.0", "::"})
_EXPECTED: Final = "expected SCHEME://HOST:PORT, or SCHEME://:PORT to listen for a client"


@dataclass(frozen=True, kw_only=True, slots=True)
class TcpAddress:
    """The other end of a source."""

    host: str
    """The server; empty to listen for clients on this machine, "0.0.0.0" or "::" for those on any."""
    port: int
    """The port; 0 lets the system choose one to listen on."""
    client: Address | str = ANYBODY
    """The client to accept; ``ANYBODY`` for all that no other source names."""

    @property
    def listens(self) -> bool:
        """Whether serd listens for a client, and does not connect to a server."""
        return not self.host or self.host in _ANY


class TcpSource:
    """A source that reads sound over TCP, from one connection at a time."""

    n_dropped_blocks = 0
    """Always 0: the sender waits."""
    n_overflows = 0
    """Always 0: no sound card is involved."""

    def __init__(
        self,
        scheme: str,
        address: TcpAddress,
        decode: Callable[[ByteStream], Decoder],
        form: str,
        listeners: Listeners,
    ) -> None:
        """Listen, if the host says so; a connection is made by iterating.

        Args:
            scheme: of the URL, for messages.
            address: the server, or the port to listen on.
            decode: creates the decoder of a connection.
            form: the format, for the log.
            listeners: the open ports of this process.

        Raises:
            SourceError: the system does not give the port, or another source has its clients.
        """
        self._address, self._decode, self._form = address, decode, form
        host = f"[{address.host}]" if ":" in address.host else address.host
        self._name = f"{scheme}://{host}:{address.port}"
        self._port = address.port
        self._is_stopped = False
        self._stream: ByteStream | None = None
        self._decoder: Decoder | None = None
        self._latest_s = time.monotonic()
        self._route: Route | None = None
        if address.listens:
            self._route, self._port = listeners.route(
                address.host, address.port, address.client, self._name
            )

    @property
    def port(self) -> int:
        """The port, also if the URL leaves its choice to the system (0)."""
        return self._port

    def __iter__(self) -> Iterator[AudioBlock]:
        """Yield blocks of sound as they arrive.

        Raises:
            SourceStalledError: no sound comes for now; iterate again to wait for sound or a client.
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
        if self._route is not None:
            self._route.stop()
        if (stream := self._stream) is not None:
            stream.stop()

    def describe(self) -> str:
        """Return the address and the format."""
        if self._route is None:
            return f"{self._name} ({self._form})"
        client = self._address.client
        who = f"client {client}" if client else "clients"
        return f"{who} of {self._name} ({self._form})"

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
            reason = f"{exc}; the connection is closed"
        except (SoundFileError, SourceError) as exc:
            reason = str(exc)
        self._disconnect()
        if self._is_stopped:
            return
        raise SourceStalledError(reason) if self._route is not None else SourceError(reason)

    def _connect(self) -> bool:
        """Connect, or wait for a client; returns False after ``stop``."""
        connection = self._route.connection() if self._route is not None else self._connected()
        if connection is None:
            return False
        connection.setblocking(False)
        self._latest_s = time.monotonic()
        self._stream = ByteStream(connection.detach(), self._name, is_owned=True)
        self._decoder = self._decode(self._stream)
        if self._is_stopped:
            self._stream.stop()
        return True

    def _connected(self) -> socket.socket:
        try:
            return socket.create_connection((self._address.host, self._port), timeout=_CONNECT_S)
        except OSError as exc:
            reason = exc.strerror or str(exc)
            raise SourceError(f"{self._name} cannot be reached: {reason}") from exc

    def _disconnect(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._stream = self._decoder = None

    def _close(self) -> None:
        self._disconnect()
        if self._route is not None:
            self._route.close()


def pcm_over_tcp(url: str, *, channel: str, listeners: Listeners) -> TcpSource:
    """Return the source of a URL as in the docstring of the module.

    Args:
        url: the URL.
        channel: "mix", or the number of a channel from 1.
        listeners: the open ports of this process.

    Raises:
        SoundFileError: the URL is none of these.
        SourceError: the system does not give the port, or another source has its clients.
    """
    address, values = parsed_address(url)
    try:
        numbers = {key: int(value) for key, value in values.items()}
    except ValueError as exc:
        raise SoundFileError(f"source {url}: {exc}, expected whole numbers") from exc
    rate_hz, n_channels = numbers.pop("rate", SAMPLE_RATE_HZ), numbers.pop("channels", 1)
    is_known = MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ and 1 <= n_channels <= MAX_CHANNELS
    if numbers or not is_known:
        raise SoundFileError(
            f"source {url}: expected ?rate={MIN_RATE_HZ} to {MAX_RATE_HZ} and channels=1 to"
            f" {MAX_CHANNELS}"
        )
    try:
        column = channel_column(channel, n_channels)
    except ValueError as exc:
        raise SoundFileError(f"source {url}: {exc}; ?channels=N names more channels") from exc
    form = PcmFormat(rate_hz=rate_hz, n_channels=n_channels, column=column)
    return TcpSource(
        "tcp",
        address,
        lambda stream: DetectingDecoder(stream, form, refuse_file),
        str(form),
        listeners,
    )


def parsed_address(url: str) -> tuple[TcpAddress, dict[str, str]]:
    """Return the address in a URL, and the other values of its query.

    Raises:
        SoundFileError: it has no port, or a path, or names a client of a server.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        values = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        client = client_address(values.pop("from")) if "from" in values else ANYBODY
    except ValueError as exc:
        raise SoundFileError(f"source {url}: {exc}; {_EXPECTED}") from exc
    if port is None or parts.path.strip("/"):
        raise SoundFileError(f"source {url}: {_EXPECTED}")
    address = TcpAddress(host=host, port=port, client=client)
    if client and not address.listens:
        raise SoundFileError(
            f"source {url}: serd connects to {host}; from=ADDRESS is for a port, such as"
            f" {parts.scheme}://0.0.0.0:{port}?from={client}"
        )
    return address, values

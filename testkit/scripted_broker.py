"""A broker that behaves as a script says: it answers late, wrongly, never, or closes the connection."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

CLOSE = b"close"
"""Answer of a script that closes the connection instead."""
_CONNECT, _PUBLISH, _SUBSCRIBE, _PINGREQ = 0x10, 0x30, 0x80, 0xC0


@dataclass(frozen=True)
class Publish:
    """A PUBLISH packet that the broker received."""

    connection: int
    """Number of the connection, from 1."""
    topic: str
    payload: bytes
    message_id: int
    """0 for QoS 0."""
    qos: int
    is_retained: bool
    n_bytes: int
    """Length of the whole packet."""


Script = Callable[[Publish], bytes]
"""The answer to a message: packets, nothing, or ``CLOSE``."""


def puback(publish: Publish) -> bytes:
    """The right answer."""
    return b"\x40\x02" + publish.message_id.to_bytes(2) if publish.qos else b""


@dataclass
class ScriptedBroker:
    """Serves one client after the other on a free port, until the block is left."""

    script: Script = puback
    connack: bytes = b"\x20\x02\x00\x00"
    """The answer to CONNECT."""
    received: list[Publish] = field(default_factory=list)
    """All messages so far."""
    connects: list[bytes] = field(default_factory=list)
    """All CONNECT packets so far, without their fixed header."""

    def __enter__(self) -> "ScriptedBroker":
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()

    def answer_to_connect(self) -> bytes:
        """The answer to the latest CONNECT packet."""
        return self.connack

    def of(self, topic: str) -> list[Publish]:
        """The messages on a topic, in order of arrival."""
        return [each for each in tuple(self.received) if each.topic == topic]

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                # The end of this object, and of the client, are the ends of the connection.
                connection.settimeout(0.1)
                with connection, contextlib.suppress(OSError):
                    self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        is_5 = False
        for kind, body in _packets(connection, lambda: self._server.fileno() >= 0):
            if kind & 0xF0 == _CONNECT:
                self.connects.append(body)
                is_5 = body[6] == 5
                connection.sendall(self.answer_to_connect())
            elif kind & 0xF0 == _SUBSCRIBE:
                connection.sendall(
                    b"\x90" + (b"\x04" + body[:2] + b"\x00" if is_5 else b"\x03" + body[:2]) + b"\x01"
                )
            elif kind & 0xF0 == _PINGREQ:
                connection.sendall(b"\xd0\x00")
            elif kind & 0xF0 == _PUBLISH:
                publish = self._parse(kind, body, is_5=is_5)
                self.received.append(publish)
                answer = self.script(publish)
                if answer == CLOSE:
                    return
                connection.sendall(answer)

    def _parse(self, kind: int, body: bytes, *, is_5: bool) -> Publish:
        end = 2 + int.from_bytes(body[:2])
        topic = body[2:end].decode()
        qos = kind >> 1 & 3
        message_id = int.from_bytes(body[end : end + 2]) if qos else 0
        end += 2 if qos else 0
        end += 1 if is_5 else 0  # no properties
        n_header = 2 + (len(body) > 0x7F) + (len(body) > 0x3FFF)
        return Publish(
            len(self.connects), topic, body[end:], message_id, qos, bool(kind & 1), n_header + len(body)
        )


def _packets(connection: socket.socket, is_open: Callable[[], bool]) -> Iterator[tuple[int, bytes]]:
    """First byte and body of each packet, until the client leaves or the broker ends."""

    def receive(n_bytes: int) -> bytes:
        raw = b""
        while len(raw) < n_bytes:
            try:
                part = connection.recv(n_bytes - len(raw))
            except TimeoutError:
                if is_open():
                    continue
                part = b""
            if not part:
                raise ConnectionResetError
            raw += part
        return raw

    while True:
        kind = receive(1)[0]
        length, shift = 0, 0
        while True:
            byte = receive(1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        yield kind, receive(length)

"""amqtt's broker with bounds for what its clients can make it keep.

amqtt itself has no bound for the length of a message, for what waits for a subscriber that reads slowly
or not at all, for what publishers have sent and it has not passed on, or for the retained messages.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from amqtt.adapters import ReaderAdapter, StreamWriterAdapter, WriterAdapter
from amqtt.broker import Broker
from amqtt.session import Session

MAX_MESSAGE_BYTES: Final = 256_000
MAX_RETAINED_BYTES: Final = 2_000_000
"""Retained messages together, as ``_cost`` counts them: about 2,000 short ones."""
MAX_WAITING_BYTES: Final = 2 * MAX_RETAINED_BYTES
"""Messages that wait for one subscriber, or for its acknowledgement, as ``_cost`` counts them; a new
subscriber gets all retained messages at once."""
MAX_INCOMING: Final = 1000
"""Messages that were read and not passed on, beyond which no further packet is read."""
MAX_FILTERS: Final = 1000
"""Different topic filters of all clients together."""
_OVERHEAD_BYTES: Final = 1000
"""Rough size of an empty message in memory, in bytes."""
_PAUSE_S: Final = 0.005
"""Time after which a client is looked at again whose packets are not read for now, in seconds."""
_REFUSED: Final = 0x80
"""Return code of a SUBACK for a refused subscription."""

_Publish = Callable[[str, bytes | bytearray, int | None, bool, int | None], Awaitable[object]]

_log = logging.getLogger("serd.mqtt.broker")


def _cost(topic: str, data: bytes | bytearray) -> int:
    """What a message counts, in bytes."""
    return _OVERHEAD_BYTES + len(topic) + len(data)


class BoundedBroker(Broker):  # type: ignore[misc]
    """A broker whose memory does not depend on its clients."""

    _is_retaining_too_much = False

    def n_incoming(self, writer: WriterAdapter) -> int:
        """Messages that were not passed on yet: those of this client, and those that wait for all."""
        own = [session for session, handler in self.sessions.values() if handler.writer is writer]
        n_own = sum(each.delivered_message_queue.qsize() for each in own)
        return int(self._broadcast_queue.qsize() + n_own)

    def is_idle(self) -> bool:
        """Whether every message has been passed on to all of its subscribers."""
        return not self._broadcast_queue.qsize() and not any(
            session.delivered_message_queue.qsize() or getattr(handler.writer, "waiting_bytes", 0)
            for session, handler in self.sessions.values()
        )

    async def retain_message(
        self,
        source_session: Session | None,
        topic_name: str | None,
        data: bytes | bytearray | None,
        qos: int | None = None,
    ) -> None:
        """Retain a message, or remove it if ``data`` is empty; do nothing if there is no room."""
        if topic_name is not None and data:
            others = (each for topic, each in self._retained_messages.items() if topic != topic_name)
            n_bytes = sum(_cost(each.topic, each.data or b"") for each in others)
            if n_bytes + _cost(topic_name, data) > MAX_RETAINED_BYTES:
                if not self._is_retaining_too_much:
                    _log.warning("the broker inside serd has no room for more retained messages")
                self._is_retaining_too_much = True
                return
        await super().retain_message(source_session, topic_name, data, qos)

    async def add_subscription(self, subscription: tuple[str, int], session: Session) -> int:
        """Add a subscription; return its QoS, or the code of a refusal."""
        if len(self._subscriptions) >= MAX_FILTERS and subscription[0] not in self._subscriptions:
            return _REFUSED
        return int(await super().add_subscription(subscription, session))

    async def _initialize_client_session(
        self, reader: ReaderAdapter, writer: WriterAdapter, remote_address: str, remote_port: int
    ) -> Any:  # noqa: ANN401
        handler, session = await super()._initialize_client_session(
            reader, writer, remote_address, remote_port
        )
        handler.mqtt_publish = _bounded(handler.mqtt_publish, writer)
        return handler, session


def _bounded(publish: _Publish, writer: WriterAdapter) -> _Publish:
    """Count the messages that a client has not taken yet, and disconnect it if they are too many."""

    async def publish_bounded(
        topic: str,
        data: bytes | bytearray,
        qos: int | None,
        retain: bool,  # noqa: FBT001
        ack_timeout: int | None = None,
    ) -> object:
        cost = _cost(topic, data)
        if writer.waiting_bytes + cost > MAX_WAITING_BYTES:
            writer.cut("reads too slowly")
            raise ConnectionResetError
        writer.waiting_bytes += cost
        try:
            return await publish(topic, data, qos, retain, ack_timeout)
        finally:
            writer.waiting_bytes -= cost

    return publish_bounded


class BoundedWriter(StreamWriterAdapter):  # type: ignore[misc]
    """Writes the packets for a client."""

    is_closed: bool

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        super().__init__(writer)
        self.waiting_bytes = 0
        """Messages that the client has not taken or not acknowledged yet, as ``_cost`` counts them."""

    def cut(self, reason: str) -> None:
        """Close the connection at once, without the packets that wait."""
        if not self.is_closed:
            self.is_closed = True
            _log.info("a client of the broker inside serd %s: it is disconnected", reason)
            self._writer.transport.abort()


class BoundedReader:
    """Reads the packets of a client for amqtt; a message of more than 256 kB ends the connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: BoundedWriter, broker: BoundedBroker
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._broker = broker

    async def read(self, n_bytes: int) -> bytes:
        """The next bytes, once the broker has passed on what it has.

        Raises:
            ConnectionResetError: the message is too long.
        """
        if n_bytes > MAX_MESSAGE_BYTES:
            self._writer.cut(f"sent a message of {n_bytes} bytes")
            raise ConnectionResetError
        while self._broker.n_incoming(self._writer) > MAX_INCOMING:
            await asyncio.sleep(_PAUSE_S)
        return await self._reader.readexactly(n_bytes)

    def feed_eof(self) -> None:
        """End the stream."""
        self._reader.feed_eof()

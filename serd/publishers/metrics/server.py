"""A small HTTP server for metrics and health; imported only if it is enabled.

GET /metrics    metrics in Prometheus' text format
GET /healthz    200 if healthy, else 503; details as JSON
"""

import asyncio
import contextlib
import json
import logging
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from prometheus_client.exposition import choose_encoder

from serd.mqtt.threads import Thread, Threads, signs_of_life
from serd.publishers.listening import listener

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_log = logging.getLogger("serd.metrics")

_TIMEOUT_S: Final = 10.0
"""Longest time from the start of a connection to its end."""
_MAX_HEAD_BYTES: Final = 16_384
"""Most bytes of the request line and the headers."""
_MAX_CONNECTIONS: Final = 64

Health = Callable[[], tuple[bool, Mapping[str, Any]]]
"""Gives whether the daemon is healthy, and details for the JSON."""
_Answer = tuple[HTTPStatus, str, bytes]
"""Status, type of the content, content."""


class MetricsServer:
    """Listens and answers in one thread, on an asyncio loop.

    A slow client occupies a connection, and no thread. It is disconnected after 10 s, or when it is the
    oldest of 64 connections and another one comes, so the server always answers new ones.
    """

    def __init__(
        self,
        host: str,
        port: int,
        registry: "CollectorRegistry",
        health: Health,
        threads: Threads,
    ) -> None:
        """Start to listen.

        Args:
            host: address of this machine.
            port: port, 0 for any free one.
            registry: the metrics.
            health: called at each request of the health.
            threads: starts the thread.

        Raises:
            PublishError: the port is not available.
        """
        self._registry = registry
        self._health = health
        self._writers: list[asyncio.StreamWriter] = []
        self._listener = listener("metrics", host, port)
        self.port: int = self._listener.getsockname()[1]
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        """The loop of the present start of the thread."""
        self._stop: asyncio.Event | None = None
        self._thread = threads.start("metrics", lambda thread: asyncio.run(self._listen(thread)))

    def stop(self, timeout_s: float) -> None:
        """Stop listening, and close all connections."""
        self._stopping.set()
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.end(timeout_s)
        self._listener.close()

    async def _listen(self, thread: Thread) -> None:
        """Answer requests until ``stop``; the listening socket outlives a loop that fails."""
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        if self._stopping.is_set():
            return
        listener = self._listener.dup()
        server = await asyncio.start_server(self._serve, sock=listener, limit=_MAX_HEAD_BYTES)
        signs = asyncio.create_task(signs_of_life(thread))
        try:
            await self._stop.wait()
        finally:
            signs.cancel()
            server.close()
            for writer in self._writers:
                writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._writers) == _MAX_CONNECTIONS:
            self._writers.pop(0).transport.abort()
        self._writers.append(writer)
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                writer.write(await self._response(reader))
                writer.close()
                await writer.wait_closed()
        except (OSError, EOFError) as exc:
            _log.debug("a request failed: %r", exc)
        finally:
            writer.transport.abort()
            if writer in self._writers:
                self._writers.remove(writer)

    async def _response(self, reader: asyncio.StreamReader) -> bytes:
        """The response to the request that arrives."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return _http(*_text(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request is too large."))
        line, *header_lines = head.decode("latin-1").split("\r\n")
        method, _, target = line.partition(" ")
        if method not in {"GET", "HEAD"}:
            return _http(*_text(HTTPStatus.METHOD_NOT_ALLOWED, "There is only GET."))
        try:
            answer = self._answer(target.partition(" ")[0].partition("?")[0], _accept(header_lines))
        except Exception:  # noqa: BLE001 - whatever a collector raises, client and log learn of it
            _log.exception("a page could not be made")
            answer = _text(HTTPStatus.INTERNAL_SERVER_ERROR, "The log has the error.")
        return _http(*answer, has_body=method == "GET")

    def _answer(self, path: str, accept: str) -> _Answer:
        match path:
            case "/metrics":
                encode, content_type = choose_encoder(accept)
                return HTTPStatus.OK, content_type, encode(self._registry)
            case "/healthz":
                is_healthy, details = self._health()
                status = HTTPStatus.OK if is_healthy else HTTPStatus.SERVICE_UNAVAILABLE
                body = json.dumps({"healthy": is_healthy, **details})
                return status, "application/json", body.encode() + b"\n"
            case _:
                return _text(HTTPStatus.NOT_FOUND, "There are /metrics and /healthz.")


def _accept(header_lines: list[str]) -> str:
    """The value of the Accept header; empty without one."""
    headers = (line.partition(":") for line in header_lines)
    return next((value.strip() for name, _, value in headers if name.lower() == "accept"), "")


def _text(status: HTTPStatus, text: str) -> _Answer:
    return status, "text/plain; charset=utf-8", text.encode() + b"\n"


def _http(status: HTTPStatus, content_type: str, body: bytes, *, has_body: bool = True) -> bytes:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"Content-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + (body if has_body else b"")

"""Runs the page in a thread of its own, on an asyncio loop; imported only if the page is enabled."""

import asyncio
import contextlib
import logging
import threading
from typing import TYPE_CHECKING, Final

from uvicorn.config import Config
from uvicorn.server import ServerState

from serd.mqtt.threads import Thread, signs_of_life
from serd.publishers import Context
from serd.publishers.listening import listener
from serd.publishers.web.access import Access, read_key
from serd.publishers.web.app import Parts, make_app
from serd.publishers.web.connection import Connection, Connections
from serd.publishers.web.feed import Feed
from serd.publishers.web.limits import RateLimiter
from serd.publishers.web.log_tail import LogTail
from serd.publishers.web.stream import Streams
from serd.publishers.web.worker import Worker

if TYPE_CHECKING:
    from serd.publishers.web import Settings

REQUESTS_HZ: Final = 50.0
"""Requests a second that each address may send for any time."""
REQUESTS_AT_ONCE: Final = 500.0
_MAX_HEAD_BYTES: Final = 16_384
_GOODBYE_S: Final = 0.5
"""Longest time for streams to end, in seconds."""


class WebServer:
    """Listens and answers. The listening socket outlives a loop that fails."""

    def __init__(self, settings: "Settings", context: Context, feed: Feed, tail: LogTail) -> None:
        """Start to listen.

        Raises:
            PublishError: the port is not available, or the key of the sessions cannot be kept.
        """
        access = Access(settings.password_hash, read_key(context.state_folder))
        self._settings = settings
        self._feed = feed
        self._listener = listener("web", settings.host, settings.port)
        self.port: int = self._listener.getsockname()[1]
        self._limiter = RateLimiter(REQUESTS_HZ, REQUESTS_AT_ONCE)
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._streams = Streams(feed)
        self._worker = Worker(context.threads)
        parts = Parts(
            feed=feed,
            tail=tail,
            access=access,
            worker=self._worker,
            limiter=self._limiter,
            names=settings.names,
        )
        self._parts = parts
        self._thread = context.threads.start("web", lambda thread: asyncio.run(self._listen(thread)))

    def wake(self) -> None:
        """Wake the streams of the pages that are open; any thread may call it."""
        loop = self._loop
        if loop is not None and len(self._streams):
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._streams.wake)

    def stop(self, timeout_s: float) -> None:
        """Stop listening, and end all connections."""
        self._stopping.set()
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.end(timeout_s)
        self._worker.stop(timeout_s)
        self._listener.close()

    async def _listen(self, thread: Thread) -> None:
        """Answer requests until ``stop``."""
        loop = asyncio.get_running_loop()
        self._streams = Streams(self._feed)
        self._loop, self._stop = loop, asyncio.Event()
        if self._stopping.is_set():
            return
        config, state = _configured(make_app(self._parts, self._streams)), ServerState()
        connections = Connections(self._limiter)
        server = await loop.create_server(
            lambda: Connection(config, state, connections), sock=self._listener.dup(), backlog=128
        )
        signs = asyncio.create_task(signs_of_life(thread))
        try:
            await self._stop.wait()
        finally:
            signs.cancel()
            server.close()
            self._streams.stop()
            if state.tasks:
                await asyncio.wait(state.tasks, timeout=_GOODBYE_S)
            connections.abort()


def _configured(app: object) -> Config:
    config = Config(
        app,  # type: ignore[arg-type]
        http=Connection,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
    )
    config.load()
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    return config

"""Server-sent events: the state, then each change; a page that comes back continues where it was."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from serd.publishers.web.feed import Feed

MAX_STREAMS: Final = 100
ALIVE_S: Final = 15.0
"""Longest time without a word to a page, in seconds; proxies end connections that are silent."""
_INTERVAL_S: Final = 0.05
"""Shortest time between two writes to a page, in seconds; what comes meanwhile is joined."""
_RETRY: Final = b"retry: 1000\n\n"


class Streams:
    """The pages that listen. All calls but ``wake`` are of the asyncio loop."""

    def __init__(self, feed: Feed) -> None:
        """Begin without pages."""
        self._feed = feed
        self._waiting: set[asyncio.Event] = set()
        self._is_stopping = False

    def __len__(self) -> int:
        """The number of pages that listen."""
        return len(self._waiting)

    def wake(self) -> None:
        """Wake all streams."""
        for event in self._waiting:
            event.set()

    def stop(self) -> None:
        """End all streams."""
        self._is_stopping = True
        self.wake()

    async def messages(self, last_id: str, is_gone: Callable[[], bool]) -> AsyncIterator[bytes]:
        """Yield the messages for one page.

        Args:
            last_id: id of the latest message that it has; empty if it has none.
            is_gone: whether the page has gone.
        """
        news = asyncio.Event()
        self._waiting.add(news)
        try:
            number = self._feed.position(last_id)
            yield _RETRY
            n_levels = 0
            while not (self._is_stopping or is_gone()):
                news.clear()
                new = None if number is None else self._feed.after(number)
                if new is None:
                    new = [self._feed.snapshot()]
                levels = self._feed.levels_after(n_levels)
                number = new[-1][0] if new else number
                n_levels = max((each[0] for each in levels), default=n_levels)
                if new or levels:
                    yield b"".join(each for _, each in (*new, *levels))
                    await asyncio.sleep(_INTERVAL_S)
                try:
                    await asyncio.wait_for(news.wait(), ALIVE_S)
                except TimeoutError:
                    yield b": alive\n\n"
        finally:
            self._waiting.discard(news)

    def wake_for(self, task: "asyncio.Task[None]") -> None:
        """Let all pages look again at the end of a task."""
        task.add_done_callback(lambda _task: self.wake())


class EventStream(Response):
    """The answer that does not end until the page does."""

    def __init__(self, streams: Streams, last_id: str) -> None:
        self._streams = streams
        self._last_id = last_id
        super().__init__(
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send messages until the page ends the connection."""
        del scope
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        gone = asyncio.create_task(_until_gone(receive))
        self._streams.wake_for(gone)
        try:
            async for part in self._streams.messages(self._last_id, gone.done):
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

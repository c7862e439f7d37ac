"""A connection of a browser, with limits on what a slow or hostile client can hold.

uvicorn itself waits without end for the rest of a request, and for a client that does not read.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Final

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from serd.publishers.web.limits import RateLimiter

REQUEST_S: Final = 10.0
"""Longest time for a request to arrive, in seconds."""
STALLED_S: Final = 10.0
"""Longest time for which a client may leave what it was sent unread, in seconds."""
MAX_CONNECTIONS: Final = 160
_BUFFER_BYTES: Final = 65_536
"""Bytes for a client that wait in this process before it counts as one that does not read."""
_KERNEL_BYTES: Final = 131_072
"""Bytes for a client that wait in the kernel, which by default would take megabytes."""


class Connections:
    """All connections; the idle one that is the oldest makes room for a new one."""

    def __init__(self, limiter: RateLimiter) -> None:
        self.limiter = limiter
        """Rate limit of each address."""
        self._open: dict[Connection, None] = {}
        """In the order in which they came."""

    def admits(self, connection: "Connection") -> bool:
        """Add a connection, if there is room or another one makes room."""
        if len(self._open) >= MAX_CONNECTIONS:
            idle = next((each for each in self._open if each.is_idle), None)
            if idle is None:
                return False
            idle.abort()
        self._open[connection] = None
        return True

    def remove(self, connection: "Connection") -> None:
        """Forget a connection that has ended."""
        self._open.pop(connection, None)

    def abort(self) -> None:
        """End all connections at once."""
        for connection in tuple(self._open):
            connection.abort()


class Connection(H11Protocol):
    """One connection; it is ended if it is slow beyond the limits."""

    def __init__(self, config: Config, state: ServerState, connections: Connections) -> None:
        app_state: dict[str, Any] = {}
        super().__init__(config, state, app_state)
        self._all = connections
        self._request_timer = _Timer(REQUEST_S, self.abort)
        self._stalled_timer = _Timer(STALLED_S, self.abort)

    @property
    def is_idle(self) -> bool:
        """Whether no response is under way."""
        return self.cycle is None or self.cycle.response_complete

    def abort(self) -> None:
        """End it at once; what was not sent is dropped."""
        self._all.remove(self)
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept it, unless there are too many or its address asks too much."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=_BUFFER_BYTES)
        if (raw := transport.get_extra_info("socket")) is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES)
        address = self.client[0] if self.client else ""
        if self._all.limiter.is_exhausted(address) or not self._all.admits(self):
            transport.abort()
            return
        self._request_timer.start()

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove the closed connection."""
        self._all.remove(self)
        self._request_timer.stop()
        self._stalled_timer.stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a part of a request, which must be complete in time."""
        super().data_received(data)
        state = self.conn.their_state
        is_incomplete = state is h11.SEND_BODY or (
            state is h11.IDLE and bool(self.conn.trailing_data[0])
        )
        if not is_incomplete:
            self._request_timer.stop()
        else:
            self._request_timer.start()

    def pause_writing(self) -> None:
        """Wait for a client that reads too slowly, but not for long."""
        super().pause_writing()
        self._stalled_timer.start()

    def resume_writing(self) -> None:
        """Resume writing."""
        self._stalled_timer.stop()
        super().resume_writing()


class _Timer:
    """Ends a connection after a time, unless it is stopped."""

    def __init__(self, seconds: float, end: Callable[[], None]) -> None:
        self._seconds = seconds
        self._end = end
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Start, if it does not run."""
        if self._handle is None:
            self._handle = asyncio.get_running_loop().call_later(self._seconds, self._end)

    def stop(self) -> None:
        """Stop."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

"""Listens on a port for one source, or for several, and routes connections by client address.

The port has no thread. Each source that waits for its client waits for the port, and the one that wakes
up accepts all new connections and routes each to its source.
"""

import contextlib
import os
import socket
import threading
import weakref
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from serd.audio.stream import ByteStream
from serd.errors import SourceError

ANYBODY: Final = ""
"""The client of a source that gets the connections of all clients that no other source names."""
_BACKLOG: Final = 16
"""Connections that the system holds until a source accepts them."""

Address = IPv4Address | IPv6Address


class Route:
    """The connections of a port that are for one source; at most one of them waits."""

    def __init__(self, listener: "Listener", client: Address | str, name: str) -> None:
        self.client = client
        self._listener = listener
        self._waiting: socket.socket | None = None
        self._lock = threading.Lock()
        # The wake-up eventfd, written when another source has accepted a connection for this one.
        try:
            self._wake_up = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        except OSError as exc:
            raise SourceError(f"{name} cannot be opened: {exc.strerror}") from exc
        self._close_wake_up = weakref.finalize(self, os.close, self._wake_up)
        self._stream = ByteStream(listener.descriptor, name)

    def connection(self) -> socket.socket | None:
        """Wait for a client, and return its connection; None after ``stop``.

        Raises:
            SourceStalledError: nobody has connected for a while; call it again to go on.
            SourceError: the system does not give the connection.
        """
        while (connection := self._taken()) is None:
            if not self._stream.wait_for([self._listener.descriptor, self._wake_up]):
                return None
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._wake_up)
            self._listener.accept()
        self._stream.note_progress()
        return connection

    def offer(self, connection: socket.socket) -> None:
        """Hold a new connection in place of one that waits, which the client has left behind."""
        earlier = self._taken()
        with self._lock:
            self._waiting = connection
        if earlier is not None:
            earlier.close()
        os.eventfd_write(self._wake_up, 1)

    def stop(self) -> None:
        """Let ``connection`` return at once; may be called from a signal handler or another thread."""
        self._stream.stop()

    def close(self) -> None:
        """End the route; the port is closed with its last one."""
        self._listener.remove(self)
        if (waiting := self._taken()) is not None:
            waiting.close()
        self._stream.close()
        self._close_wake_up()

    def _taken(self) -> socket.socket | None:
        with self._lock:
            connection, self._waiting = self._waiting, None
        return connection


class Listener:
    """A port that accepts connections and routes them to sources."""

    def __init__(self, host: str, port: int, name: str) -> None:
        """Listen on a port.

        Args:
            host: empty for clients on this machine, else the address to listen on.
            port: the port; 0 lets the system choose.
            name: of the port, for messages.

        Raises:
            SourceError: the system does not give the port.
        """
        self._name = name
        try:
            self._socket = socket.create_server(
                (host or "127.0.0.1", port),
                family=socket.AF_INET6 if ":" in host else socket.AF_INET,
                backlog=_BACKLOG,
                dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6(),
            )
        except OSError as exc:
            raise SourceError(f"cannot listen on {name}: {exc.strerror}") from exc
        self._socket.setblocking(False)
        # A source that has stalled is not iterated again when the daemon stops.
        self._close = weakref.finalize(self, self._socket.close)
        self._lock = threading.Lock()
        self._routes: weakref.WeakValueDictionary[Address | str, Route] = weakref.WeakValueDictionary()

    @property
    def descriptor(self) -> int:
        """The file descriptor of the port."""
        return self._socket.fileno()

    @property
    def address(self) -> tuple[str, int]:
        """The address and the port."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    def route(self, client: Address | str) -> Route:
        """Return a new route for the connections of a client.

        Args:
            client: the address of the client, or ``ANYBODY``.

        Raises:
            SourceError: another source has this client, or no more files can be opened.
        """
        with self._lock:
            if client in self._routes:
                who = f"from {client}" if client else "from any address"
                raise SourceError(
                    f"cannot listen on {self._name}: another source takes clients {who}; give each"
                    f" source of this port a client of its own, ?from=ADDRESS"
                )
            self._routes[client] = route = Route(self, client, self._name)
            return route

    def remove(self, route: Route) -> None:
        """Remove a route; the port is closed with its last one."""
        with self._lock:
            if self._routes.get(route.client) is route:
                del self._routes[route.client]
            if not self._routes:
                self._close()

    def accept(self) -> None:
        """Accept all new connections, and route each to its source; one without a source is closed.

        Raises:
            SourceError: the system does not give a connection.
        """
        with self._lock:
            while True:
                try:
                    connection, peer = self._socket.accept()
                except BlockingIOError:
                    return
                except OSError as exc:
                    raise SourceError(
                        f"{self._name} cannot accept a connection: {exc.strerror}"
                    ) from exc
                route = self._routes.get(_plain(ip_address(peer[0]))) or self._routes.get(ANYBODY)
                if route is None:
                    connection.close()
                else:
                    route.offer(connection)


class Listeners:
    """The open ports of one process, by host and port."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: weakref.WeakValueDictionary[tuple[str, int], Listener] = (
            weakref.WeakValueDictionary()
        )

    def route(self, host: str, port: int, client: Address | str, name: str) -> tuple[Route, int]:
        """Listen on a port, alone or with other sources.

        Args:
            host: as ``Listener``.
            port: as ``Listener``.
            client: the address of the client of this source, or ``ANYBODY``.
            name: of the port, for messages.

        Returns:
            The route of this source, and the number of the port.

        Raises:
            SourceError: the system does not give the port, or another source has this client.
        """
        with self._lock:
            listener = self._listeners.get((host, port))
            if listener is None or listener.descriptor < 0:
                listener = Listener(host, port, name)
                if port:
                    self._listeners[host, port] = listener
            return listener.route(client), listener.address[1]


def client_address(text: str) -> Address:
    """Return the address that a text names.

    Raises:
        ValueError: it is not an IP address.
    """
    return _plain(ip_address(text))


def _plain(address: Address) -> Address:
    """An address of IPv4 that is written as one of IPv6, as IPv4."""
    return getattr(address, "ipv4_mapped", None) or address

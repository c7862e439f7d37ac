"""Listens at a port for one source, or for several sources that tell their clients by address.

No thread belongs to the port. Each source that waits for a client waits for the port, and the one that
wakes up hands every new connection to the source that its address belongs to.
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
"""The client of a source that takes every connection that belongs to no other source."""
_BACKLOG: Final = 16
"""Connections that the system holds while no source waits for one."""

Address = IPv4Address | IPv6Address


class Door:
    """The share that one source has in a port: it holds at most one connection that waits."""

    def __init__(self, listener: "Listener", client: Address | str, name: str) -> None:
        self.client = client
        self._listener = listener
        self._waiting: socket.socket | None = None
        self._lock = threading.Lock()
        # Written when another source has accepted a connection for this one.
        try:
            self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        except OSError as exc:
            raise SourceError(f"{name} cannot be opened: {exc.strerror}") from exc
        self._close_bell = weakref.finalize(self, os.close, self._bell)
        self._stream = ByteStream(listener.descriptor, name)

    def connection(self) -> socket.socket | None:
        """Wait for a client, and return its connection; None after ``stop``.

        Raises:
            SourceStalledError: nobody has connected for a while; call it again to go on.
            SourceError: the port cannot be listened at any more.
        """
        while (connection := self._taken()) is None:
            if not self._stream.wait_for([self._listener.descriptor, self._bell]):
                return None
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._bell)
            self._listener.accept()
        self._stream.note_progress()
        return connection

    def offer(self, connection: socket.socket) -> None:
        """Hold a connection; it replaces one that waits, which a restarted client has left behind."""
        earlier = self._taken()
        with self._lock:
            self._waiting = connection
        if earlier is not None:
            earlier.close()
        os.eventfd_write(self._bell, 1)

    def stop(self) -> None:
        """Let ``connection`` return at once; may be called from a signal handler or another thread."""
        self._stream.stop()

    def close(self) -> None:
        """Give the share up; the port is closed with the last one."""
        self._listener.leave(self)
        if (waiting := self._taken()) is not None:
            waiting.close()
        self._stream.close()
        self._close_bell()

    def _taken(self) -> socket.socket | None:
        with self._lock:
            connection, self._waiting = self._waiting, None
        return connection


class Listener:
    """A port at which clients are waited for."""

    def __init__(self, host: str, port: int, name: str) -> None:
        """Listen.

        Args:
            host: empty for clients on this machine, else the address to listen at.
            port: the port; 0 lets the system choose.
            name: of the port, for messages.

        Raises:
            SourceError: the port cannot be listened at.
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
            raise SourceError(f"{name} cannot be listened on: {exc.strerror}") from exc
        self._socket.setblocking(False)
        # A source that has stalled is given up without another iteration when the daemon stops.
        self._close = weakref.finalize(self, self._socket.close)
        self._lock = threading.Lock()
        self._doors: weakref.WeakValueDictionary[Address | str, Door] = weakref.WeakValueDictionary()

    @property
    def descriptor(self) -> int:
        """The file descriptor of the port."""
        return self._socket.fileno()

    @property
    def address(self) -> tuple[str, int]:
        """The address and the port."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    def door(self, client: Address | str) -> Door:
        """Give a source its share.

        Args:
            client: the address of its client, or ``ANYBODY``.

        Raises:
            SourceError: another source has this share.
        """
        with self._lock:
            if client in self._doors:
                who = f"from {client}" if client else "from any address"
                raise SourceError(
                    f"{self._name} cannot be listened on: another source takes clients {who}; give each"
                    f" source of this port a client of its own, ?from=ADDRESS"
                )
            self._doors[client] = door = Door(self, client, self._name)
            return door

    def leave(self, door: Door) -> None:
        """Take back the share of a source."""
        with self._lock:
            if self._doors.get(door.client) is door:
                del self._doors[door.client]
            if not self._doors:
                self._close()

    def accept(self) -> None:
        """Accept all new connections, and give each to its source; those of strangers are closed.

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
                    raise SourceError(f"{self._name} cannot be reached: {exc.strerror}") from exc
                door = self._doors.get(_plain(ip_address(peer[0]))) or self._doors.get(ANYBODY)
                if door is None:
                    connection.close()
                else:
                    door.offer(connection)


class Listeners:
    """The open ports of one process, by host and port."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: weakref.WeakValueDictionary[tuple[str, int], Listener] = (
            weakref.WeakValueDictionary()
        )

    def door(self, host: str, port: int, client: Address | str, name: str) -> tuple[Door, int]:
        """Listen at a port, alone or with other sources; returns the share, and the number of the port.

        Raises:
            SourceError: the port cannot be listened at, or another source has this share.
        """
        with self._lock:
            listener = self._listeners.get((host, port))
            if listener is None or listener.descriptor < 0:
                listener = Listener(host, port, name)
                if port:
                    self._listeners[host, port] = listener
            return listener.door(client), listener.address[1]


def client_address(text: str) -> Address:
    """Return the address that a text names.

    Raises:
        ValueError: it is no address.
    """
    return _plain(ip_address(text))


def _plain(address: Address) -> Address:
    """An address of IPv4 that is written as one of IPv6, as IPv4."""
    return getattr(address, "ipv4_mapped", None) or address

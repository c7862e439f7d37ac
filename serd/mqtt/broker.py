"""The broker to use if the settings name none: one that runs on this machine, else an embedded one.

The embedded broker is amqtt in a thread with an event loop of its own. Only this machine can reach it,
and amqtt is imported only if it is needed.
"""

import asyncio
import concurrent.futures
import contextlib
import enum
import importlib.util
import logging
import secrets
import socket
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from serd.errors import LibraryError, PublishError
from serd.mqtt.settings import Settings
from serd.mqtt.threads import Thread, Threads, signs_of_life

if TYPE_CHECKING:
    from serd.mqtt.bounded_broker import BoundedBroker

LOOPBACK: Final = "127.0.0.1"

_log = logging.getLogger("serd.mqtt.broker")

_PROBE_S: Final = 1.0
_START_S: Final = 10.0
_N_NEXT_PORTS: Final = 10
"""Ports after the wanted one that are tried before any free port is used."""
_IDLE_CHECKS: Final = 5
_IDLE_CHECK_S: Final = 0.01
_TASKS_TIMEOUT_S: Final = 0.2
"""Time for the tasks of the broker to end, in seconds."""
_SHUTDOWN_S: Final = 1.0
"""Time for amqtt to shut down before connections are cut, in seconds."""
_STOP_S: Final = 2.0
"""Longest time that ``stop`` takes, in seconds."""
_MAX_CONNECTIONS: Final = 50
_CONNECT_S: Final = 10.0
"""Time for a client to send its CONNECT packet, in seconds."""
_LISTENER: Final = "default"
_WITHOUT_A_BROKER: Final = (
    "install one on this machine (sudo apt install mosquitto), name one in [mqtt] host, or, where serd"
    " was installed with pip, pip install amqtt"
)
_CONFIGURATION: Final[Mapping[str, Any]] = {
    "listeners": {_LISTENER: {"type": "external"}},
    "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
}


class ProbeResult(enum.Enum):
    """The result of an attempt to open an MQTT connection."""

    NOTHING = "nothing listens there"
    OTHER = "what listens there does not answer as an MQTT broker"
    REFUSED = "the broker there asks for a login; set [mqtt] host, user and password"
    ACCEPTED = "a broker that needs no login"


def find_or_start(settings: Settings, threads: Threads) -> tuple[str, int, "EmbeddedBroker | None"]:
    """Find a running broker on this machine, or start an embedded one.

    Args:
        settings: port of the running broker, and inner_port of the embedded one. A user and password are
            never sent: any program of this machine may listen there.
        threads: starts the thread of the embedded one.

    Returns:
        Host, port, and the embedded broker if one was started; the caller must stop it.

    Raises:
        PublishError: the embedded broker does not start.
        LibraryError: amqtt is not installed.
    """
    port, result = local_broker(settings)
    if result is ProbeResult.ACCEPTED:
        _log.info("using the broker on localhost:%d", port)
        return "localhost", port, None
    if result is not ProbeResult.NOTHING:
        _log.warning("localhost:%d is not used: %s", port, result.value)
    broker = EmbeddedBroker(_free_port(settings.inner_port), threads)
    _log.info(
        "started a broker for this machine alone; to listen: mosquitto_sub -h %s -p %d -t '%s/#' -v",
        LOOPBACK,
        broker.port,
        settings.prefix,
    )
    return LOOPBACK, broker.port, broker


def local_broker(settings: Settings) -> tuple[int, ProbeResult]:
    """Look for a broker on this machine: on the port of the settings, then inside another serd.

    Returns:
        The port of the first that needs no login; else the port of the settings and the answer there.
    """
    results = {port: probe("localhost", port) for port in (settings.port, settings.inner_port)}
    accepted = [port for port, result in results.items() if result is ProbeResult.ACCEPTED]
    port = accepted[0] if accepted else settings.port
    return port, results[port]


def probe(host: str, port: int, *, timeout_s: float = _PROBE_S) -> ProbeResult:
    """Open an MQTT connection without a login, and close it again."""
    try:
        with socket.create_connection((host, port), timeout_s) as connection:
            connection.sendall(_connect_packet())
            reply = _receive(connection, 4, timeout_s)
            if reply[:2] != b"\x20\x02" or len(reply) < 4:
                return ProbeResult.OTHER
            if reply[3]:
                return ProbeResult.REFUSED
            connection.sendall(b"\xe0\x00")
            return ProbeResult.ACCEPTED
    except ConnectionRefusedError:
        return ProbeResult.NOTHING
    except OSError:
        return ProbeResult.OTHER


def _connect_packet() -> bytes:
    """A CONNECT packet with a clean session and 10 s of keep-alive (MQTT 3.1.1, section 3.1)."""
    client_id = f"serd-probe-{secrets.token_hex(4)}".encode()
    body = b"\x00\x04MQTT\x04\x02\x00\x0a" + len(client_id).to_bytes(2) + client_id
    return b"\x10" + bytes([len(body)]) + body


def _receive(connection: socket.socket, n_bytes: int, timeout_s: float) -> bytes:
    deadline = time.monotonic() + timeout_s
    reply = b""
    while len(reply) < n_bytes:
        connection.settimeout(max(0.01, deadline - time.monotonic()))
        part = connection.recv(n_bytes - len(reply))
        if not part:
            break
        reply += part
    return reply


def _free_port(wanted: int) -> int:
    """The wanted port, one of the next ten, or any free one."""
    candidates = range(wanted, min(wanted + _N_NEXT_PORTS, 65535) + 1)
    for port in (*candidates, 0):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((LOOPBACK, port))
            except OSError:
                continue
            bound: int = trial.getsockname()[1]
            return bound
    raise PublishError(f"no port is free on {LOOPBACK}, where the broker inside serd would listen")


class EmbeddedBroker:
    """A broker in this process, on the loopback address.

    amqtt handles MQTT (``serd.mqtt.bounded_broker``); this class listens and closes connections, since
    amqtt's own listener leaves silent connections open, and does not bound their number.
    """

    def __init__(self, port: int, threads: Threads) -> None:
        """Start, and return once clients can connect.

        Args:
            port: port to listen on; 0 for any free one.
            threads: starts its thread.

        Raises:
            PublishError: the broker does not start.
            LibraryError: amqtt is not installed.
        """
        broker_class = _load_amqtt()
        self.port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._broker: BoundedBroker | None = None
        self._stop: asyncio.Event | None = None
        self._stop_s = 0.0
        self._writers: set[asyncio.StreamWriter] = set()
        self._is_full = False
        self._failure: Exception | None = None
        self._ready = threading.Event()
        self._thread = threads.start(
            "broker", lambda thread: asyncio.run(self._run(broker_class, thread))
        )
        if not self._ready.wait(_START_S) or self._failure:
            reason = self._failure or f"not ready after {_START_S:g} s"
            raise PublishError(
                f"the broker inside serd does not start on {LOOPBACK}:{port}: {reason}"
            ) from self._failure

    def drain(self, timeout_s: float) -> None:
        """Wait for at most ``timeout_s`` seconds until all messages are delivered to subscribers."""
        with contextlib.suppress(RuntimeError, concurrent.futures.CancelledError, TimeoutError):
            if self._loop is not None:
                drained = asyncio.run_coroutine_threadsafe(self._drained(timeout_s), self._loop)
                drained.result(timeout_s + _TASKS_TIMEOUT_S)

    def stop(self, timeout_s: float) -> None:
        """Close all connections and end, within ``timeout_s`` seconds and never more than 2 s."""
        self._stop_s = min(timeout_s / 2, _SHUTDOWN_S)
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.end(min(timeout_s, _STOP_S))

    async def _run(self, broker_class: "type[BoundedBroker]", thread: Thread) -> None:
        self._loop = asyncio.get_running_loop()
        # amqtt leaves the failures of subscribers that went away in tasks that nothing awaits.
        self._loop.set_exception_handler(lambda _loop, about: _log.debug("%s", about))
        self._stop = asyncio.Event()
        try:
            self._broker = broker = broker_class(dict(_CONFIGURATION))
            await broker.start()
            server = await asyncio.start_server(
                lambda reader, writer: self._serve(broker, reader, writer), LOOPBACK, self.port
            )
            self.port = server.sockets[0].getsockname()[1]
        except Exception as exc:
            if self._ready.is_set():
                raise  # it ran before, and has been restarted
            self._failure = exc
            return
        finally:
            self._ready.set()
        signs = asyncio.create_task(signs_of_life(thread))
        try:
            await self._stop.wait()
        finally:
            signs.cancel()
            server.close()
            if not self._stop.is_set():
                self._cut_connections()
        await self._shut_down(broker)

    async def _serve(
        self, broker: "BoundedBroker", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        from serd.mqtt.bounded_broker import BoundedReader, BoundedWriter  # noqa: PLC0415

        if len(self._writers) == _MAX_CONNECTIONS:
            if not self._is_full:
                _log.warning("more than %d clients: further ones are refused", _MAX_CONNECTIONS)
            self._is_full = True
            writer.transport.abort()
            return
        self._writers.add(writer)
        output = BoundedWriter(writer)

        def abort_without_session() -> None:
            if all(handler.writer is not output for _, handler in broker.sessions.values()):
                writer.transport.abort()

        deadline = asyncio.get_running_loop().call_later(_CONNECT_S, abort_without_session)
        try:
            await broker.external_connected(BoundedReader(reader, output, broker), output, _LISTENER)
        finally:
            deadline.cancel()
            self._writers.discard(writer)
            self._is_full = False
            writer.close()

    async def _shut_down(self, broker: "BoundedBroker") -> None:
        try:
            await asyncio.wait_for(broker.shutdown(), self._stop_s)
        except TimeoutError:
            # amqtt can wait for ever for a reader that missed its cancellation.
            _log.debug("the broker did not shut down within %g s", self._stop_s)
        self._cut_connections()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=_TASKS_TIMEOUT_S)

    def _cut_connections(self) -> None:
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def _drained(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        n_idle = 0
        while self._broker is not None and n_idle < _IDLE_CHECKS and time.monotonic() < deadline:
            n_idle = n_idle + 1 if self._broker.is_idle() else 0
            await asyncio.sleep(_IDLE_CHECK_S)


def embedded_broker_advice() -> str:
    """What to do where the broker inside serd cannot run, because amqtt is missing; empty if it can."""
    return "" if importlib.util.find_spec("amqtt") else _WITHOUT_A_BROKER


def _load_amqtt() -> "type[BoundedBroker]":
    """The class of the broker; its loggers, which report every client that hangs up, are silenced."""
    try:
        from serd.mqtt.bounded_broker import BoundedBroker  # noqa: PLC0415
    except ImportError as exc:
        raise LibraryError(
            f"no broker is named in [mqtt] host, and the one inside serd does not load ({exc}):"
            f" {_WITHOUT_A_BROKER}"
        ) from exc
    for name in ("amqtt", "transitions"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return BoundedBroker

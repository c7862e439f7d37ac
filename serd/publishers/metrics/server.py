"""A small HTTP server for metrics and health; imported only if it is enabled.

GET /metrics    metrics in Prometheus' text format
GET /healthz    200 if healthy, else 503; details as JSON
"""

import json
import logging
import socketserver
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from serd.errors import PublishError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_log = logging.getLogger("serd.metrics")

_POLL_S: Final = 0.1

Health = Callable[[], tuple[bool, Mapping[str, Any]]]
"""Gives whether the daemon is healthy, and details for the JSON."""
_Start = Callable[[str, list[tuple[str, str]]], object]
_Application = Callable[[dict[str, Any], _Start], Iterable[bytes]]


class MetricsServer:
    """Listens in a thread of its own, and serves each request in another."""

    def __init__(self, host: str, port: int, registry: "CollectorRegistry", health: Health) -> None:
        """Start to listen.

        Args:
            host: address of this machine.
            port: port, 0 for any free one.
            registry: the metrics.
            health: called at each request of the health.

        Raises:
            PublishError: the port is not available.
        """
        try:
            self._server = make_server(
                host,
                port,
                _pages(registry, health),
                server_class=_Server,
                handler_class=_QuietHandler,
            )
        except OSError as exc:
            raise PublishError(
                f"[metrics] cannot listen on {host}:{port}: {exc.strerror or exc};"
                " name another host or port"
            ) from exc
        self.port: int = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="serd-metrics", daemon=True
        )
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout_s)


def _pages(registry: "CollectorRegistry", health: Health) -> _Application:
    metrics: Any = make_wsgi_app(registry)

    def application(request: dict[str, Any], start: _Start) -> Iterable[bytes]:
        match request.get("PATH_INFO"):
            case "/metrics":
                page: Iterable[bytes] = metrics(request, start)
                return page
            case "/healthz":
                is_healthy, details = health()
                status = "200 OK" if is_healthy else "503 Service Unavailable"
                start(status, [("Content-Type", "application/json")])
                return [json.dumps({"healthy": is_healthy, **details}).encode() + b"\n"]
            case _:
                start("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
                return [b"There are /metrics and /healthz.\n"]

    return application


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    """Serves each request in a thread, so that a client that hangs does not block the others."""

    daemon_threads = True

    def server_bind(self) -> None:
        """Bind without a look-up of the machine's name, which can take seconds without a network."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]
        self.setup_environ()

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        """Log it at debug level: clients may hang up."""
        _log.debug("request of %s failed", client_address, exc_info=True)


class _QuietHandler(WSGIRequestHandler):
    timeout = 10.0

    def log_message(self, *_args: object) -> None:
        """Log nothing: a line for each request would fill the log."""

"""Serves metrics for Prometheus, and the health of the daemon, over HTTP.

GET /metrics    metrics in Prometheus' text format
GET /healthz    200 if every source delivers audio and every thread gives signs of life, else 503

The health is JSON: the sources, those that are away, the parts of the daemon with what each does, those
without a sign of life, and the connection to the broker with the events that wait for it. A broker that
is away does not make serd unhealthy, since serd keeps the events.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from serd.errors import LibraryError
from serd.events.reports import (
    AlertReport,
    AvailabilityReport,
    MoodReport,
    Report,
    StatsReport,
)
from serd.publishers import Context
from serd.publishers.health import BrokerState
from serd.publishers.listening import address_of
from serd.publishers.metrics.collectors import (
    Instruments,
    MoodCollector,
    PartsCollector,
    StatsCollector,
)

if TYPE_CHECKING:
    from serd.publishers.metrics.server import MetricsServer

SECTION: Final = "metrics"

_log = logging.getLogger("serd.metrics")


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Metrics for Prometheus over HTTP."""

    enabled: bool = False
    """Whether http://host:port/metrics and /healthz are served; needs the package prometheus-client."""
    host: str = field(default="127.0.0.1", metadata={"form": "host"})
    """Address to listen on; by default only this machine can connect. There is no password, so think
    before opening it to others."""
    port: int = 9641
    """Port to listen on, 0 to 65535; 0 for any free port."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what was expected) for each value that cannot work."""
        if not self.host:
            yield "host", "an address of this machine"
        if not 0 <= self.port <= 65535:
            yield "port", "0 to 65535"


def create(settings: Settings, context: Context) -> "Metrics | None":
    """A publisher that can be started, or None if it is disabled.

    Raises:
        LibraryError: prometheus-client is not installed.
    """
    if not settings.enabled:
        return None
    try:
        import prometheus_client  # noqa: F401, PLC0415
    except ImportError as exc:
        raise LibraryError(
            f"[metrics] enabled needs a library that does not load ({exc}):"
            " pip install prometheus-client"
        ) from exc
    return Metrics(settings, context)


class Metrics:
    """Collects the metrics from the reports, and serves them."""

    def __init__(self, settings: Settings, context: Context) -> None:
        """Create the metrics; ``start`` serves them.

        Args:
            settings: the address.
            context: the daemon.
        """
        from prometheus_client import CollectorRegistry, ProcessCollector  # noqa: PLC0415

        self._settings = settings
        self._context = context
        self._registry = CollectorRegistry()
        self._instruments = Instruments(self._registry)
        self._moods = MoodCollector()
        self._stats: StatsReport | None = None
        self._is_alive: dict[str, bool] = {}
        self._server: MetricsServer | None = None
        ProcessCollector(registry=self._registry)
        self._registry.register(StatsCollector(lambda: self._stats))
        self._registry.register(PartsCollector(context))
        self._registry.register(self._moods)

    @property
    def port(self) -> int:
        """Port that the server listens on; 0 before the start."""
        return self._server.port if self._server is not None else 0

    def start(self) -> None:
        """Listen, and answer.

        Raises:
            PublishError: the port is not available.
        """
        from serd.publishers.metrics.server import MetricsServer  # noqa: PLC0415

        self._server = MetricsServer(
            self._settings.host, self._settings.port, self._registry, self._health, self._context.threads
        )
        _log.info("metrics on http://%s/metrics", address_of(self._settings.host, self.port))

    def publish(self, report: Report) -> None:
        """Update the metrics of a report; other reports are ignored."""
        match report:
            case AvailabilityReport():
                self._is_alive[report.source] = report.is_alive
            case StatsReport():
                self._stats = report
            case MoodReport() | AlertReport():
                self._moods.update(report)
            case _:
                pass
        self._instruments.update(report)

    def adapt(self, context: Context) -> bool:
        """Forget sources that were removed; the counters go on."""
        for source in set(self._is_alive) - set(context.sources):
            del self._is_alive[source]
            self._instruments.forget(source)
        self._moods.forget(context.sources, context.alerts)
        return True

    def close(self, timeout_s: float) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.stop(timeout_s)

    def _health(self) -> tuple[bool, dict[str, Any]]:
        is_alive = dict(self._is_alive)
        away = sorted(source for source, alive in is_alive.items() if not alive)
        silent = sorted(self._context.threads.silent())
        return bool(is_alive) and not away and not silent, {
            "sources": sorted(is_alive),
            "away": away,
            "parts": self._context.threads.states(),
            "silent": silent,
            "broker": _broker_details(self._context.broker()),
        }


def _broker_details(broker: BrokerState | None) -> dict[str, Any] | None:
    """The JSON of the connection to the broker; None without a broker."""
    if broker is None:
        return None
    began = datetime.now(UTC) - timedelta(seconds=broker.since_s)
    return {
        "address": broker.address,
        "connected": broker.is_connected,
        "since": began.astimezone().isoformat(timespec="seconds"),
        "waiting": broker.n_waiting,
        "dropped": broker.n_dropped,
        "refused": broker.n_refused,
    }

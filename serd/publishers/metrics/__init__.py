"""Serves metrics for Prometheus, and the health of the daemon, over HTTP.

GET /metrics    metrics in Prometheus' text format
GET /healthz    200 if every source delivers audio and every thread gives signs of life, else 503

The health is JSON: the sources, those that are away, the parts of the daemon with what each does, those
without a sign of life, and the connection to the broker with the events that wait for it. A broker that
is away does not make serd unhealthy, since serd keeps the events.
"""

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from serd.errors import LibraryError
from serd.events.event import Event
from serd.events.reports import (
    AlertReport,
    AvailabilityReport,
    LevelReport,
    MoodReport,
    Report,
    SpeechReport,
    StatsReport,
)
from serd.publishers import Context
from serd.publishers.health import BrokerState
from serd.publishers.metrics.collectors import MoodCollector, PartsCollector, StatsCollector

SECTION: Final = "metrics"

_log = logging.getLogger("serd.metrics")

_LATENCY_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Metrics for Prometheus over HTTP."""

    enabled: bool = False
    """Whether http://host:port/metrics and /healthz are served; needs the package prometheus-client."""
    host: str = "127.0.0.1"
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
    """A publisher that listens, or None if it is disabled.

    Raises:
        LibraryError: prometheus-client is not installed.
        PublishError: the port is not available.
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
        """Start to listen.

        Raises:
            PublishError: the port is not available.
        """
        from prometheus_client import (  # noqa: PLC0415
            CollectorRegistry,
            Counter,
            Gauge,
            Histogram,
            ProcessCollector,
        )

        from serd.publishers.metrics.server import MetricsServer  # noqa: PLC0415

        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._events = Counter(
            "serd_events", "Events published.", ("source", "kind", "emotion"), registry=registry
        )
        self._latency = Histogram(
            "serd_event_latency_seconds",
            "Time from the arrival of the last sample to the event.",
            ("source",),
            buckets=_LATENCY_BUCKETS_S,
            registry=registry,
        )
        self._available = Gauge(
            "serd_source_available",
            "Whether the source delivers audio.",
            ("source",),
            registry=registry,
        )
        self._speaking = Gauge(
            "serd_speaking", "Whether there is speech.", ("source",), registry=registry
        )
        self._level = Gauge("serd_level_dbfs", "RMS level of the audio.", ("source",), registry=registry)
        self._stats: StatsReport | None = None
        self._context = context
        self._moods = MoodCollector()
        registry.register(StatsCollector(lambda: self._stats))
        registry.register(PartsCollector(context))
        registry.register(self._moods)
        self._is_alive: dict[str, bool] = {}
        self._server = MetricsServer(
            settings.host, settings.port, registry, self._health, context.threads
        )
        self.port = self._server.port
        """Port that the server listens on."""
        _log.info("metrics on http://%s:%d/metrics", settings.host, self.port)

    def publish(self, report: Report) -> None:
        """Update the metrics of a report; other reports are ignored."""
        match report:
            case Event():
                self._events.labels(report.source, report.kind, report.emotion).inc()
                self._latency.labels(report.source).observe(report.latency_ms / 1000.0)
            case AvailabilityReport():
                self._is_alive[report.source] = report.is_alive
                self._available.labels(report.source).set(report.is_alive)
            case SpeechReport():
                self._speaking.labels(report.source).set(report.is_speaking)
            case LevelReport():
                self._level.labels(report.source).set(report.level_dbfs)
            case StatsReport():
                self._stats = report
            case MoodReport() | AlertReport():
                self._moods.update(report)
            case _:
                pass

    def adapt(self, context: Context) -> bool:
        """Forget sources that were removed; the counters go on."""
        for source in set(self._is_alive) - set(context.sources):
            del self._is_alive[source]
            for gauge in (self._available, self._speaking, self._level):
                with contextlib.suppress(KeyError):  # earlier versions of the library
                    gauge.remove(source)
        self._moods.forget(context.sources, context.alerts)
        return True

    def close(self, timeout_s: float) -> None:
        """Stop listening."""
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

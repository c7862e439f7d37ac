"""The metrics: those that each report updates, and those that are collected when somebody asks."""

import contextlib
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Final

from serd.events.alert import AlertKey
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

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

    from serd.events.mood import SourceMood

_LATENCY_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Instruments:
    """Metrics that each report updates: events, their latency, and the condition of each source."""

    def __init__(self, registry: "CollectorRegistry") -> None:
        """Create the metrics without a value.

        Args:
            registry: receives the metrics.
        """
        from prometheus_client import Counter, Gauge, Histogram  # noqa: PLC0415

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
        about = "Whether the source delivers audio."
        self._available = Gauge("serd_source_available", about, ("source",), registry=registry)
        about = "Whether there is speech."
        self._speaking = Gauge("serd_speaking", about, ("source",), registry=registry)
        about = "RMS level of the audio."
        self._level = Gauge("serd_level_dbfs", about, ("source",), registry=registry)

    def update(self, report: Report) -> None:
        """Update the metrics of a report; other reports are ignored."""
        match report:
            case Event():
                self._events.labels(report.source, report.kind, report.emotion).inc()
                self._latency.labels(report.source).observe(report.latency_ms / 1000.0)
            case AvailabilityReport():
                self._available.labels(report.source).set(report.is_alive)
            case SpeechReport():
                self._speaking.labels(report.source).set(report.is_speaking)
            case LevelReport():
                self._level.labels(report.source).set(report.level_dbfs)
            case _:
                pass

    def forget(self, source: str) -> None:
        """Remove the condition of a source; its events stay counted."""
        for gauge in (self._available, self._speaking, self._level):
            with contextlib.suppress(KeyError):  # earlier versions of the library
                gauge.remove(source)


class PartsCollector:
    """Metrics of the parts of the daemon and of its connection to the broker, read when asked for."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def collect(self) -> Iterable["Metric"]:
        """Yield the metrics of now."""
        from prometheus_client.core import (  # noqa: PLC0415
            CounterMetricFamily,
            GaugeMetricFamily,
        )

        about = "Times that a part of the daemon failed and was restarted."
        restarts = CounterMetricFamily("serd_part_restarts", about, labels=("part",))
        for part, number in self._context.threads.n_restarts().items():
            restarts.add_metric((part,), number)
        yield restarts
        about = "Parts of the daemon without a sign of life."
        yield GaugeMetricFamily("serd_silent_parts", about, len(self._context.threads.silent()))
        if (broker := self._context.broker()) is None:
            return
        yield GaugeMetricFamily(
            "serd_broker_connected", "Whether the broker is connected.", broker.is_connected
        )
        about = "Time for which the broker is connected, or not."
        yield GaugeMetricFamily("serd_broker_state_seconds", about, broker.since_s)
        yield GaugeMetricFamily(
            "serd_events_waiting", "Events that wait for the broker.", broker.n_waiting
        )
        about = "Events dropped because there were too many, or they were too old."
        yield CounterMetricFamily("serd_events_dropped", about, broker.n_dropped)
        yield CounterMetricFamily(
            "serd_events_refused", "Events that the broker refused.", broker.n_refused
        )


class StatsCollector:
    """Metrics that come from the latest ``StatsReport``."""

    def __init__(self, latest: Callable[[], StatsReport | None]) -> None:
        self._latest = latest

    def collect(self) -> Iterable["Metric"]:
        """Yield the metrics of now."""
        from prometheus_client.core import (  # noqa: PLC0415
            CounterMetricFamily,
            GaugeMetricFamily,
            InfoMetricFamily,
        )

        stats = self._latest()
        if stats is None:
            return
        labels = {"version": stats.version, "model": stats.model}
        yield InfoMetricFamily("serd", "Version of serd and its model.", labels)
        for name, about, value in (
            ("uptime_seconds", "Time since the start.", stats.uptime_s),
            ("real_time_factor", "CPU time per second of audio.", stats.real_time_factor),
        ):
            yield GaugeMetricFamily(f"serd_{name}", about, value)
        for name, about, value in (
            ("sound_seconds", "Audio received.", stats.sound_s),
            ("windows", "Windows that the model classified.", stats.n_windows),
            ("rejected", "Windows that the model rejected as no speech.", stats.n_rejected),
            (
                "dropped_blocks",
                "Blocks of audio dropped by a slow machine.",
                stats.n_dropped_blocks,
            ),
            ("overflows", "Overflows that sound cards reported.", stats.n_overflows),
            ("source_losses", "Losses of audio sources.", stats.n_source_losses),
        ):
            yield CounterMetricFamily(f"serd_{name}", about, value)


class MoodCollector:
    """The latest mood and alerts of each source."""

    def __init__(self) -> None:
        self._moods: dict[str, SourceMood] = {}
        self._alerts: dict[AlertKey, bool] = {}

    def update(self, report: MoodReport | AlertReport) -> None:
        """Take a report in place of an earlier one."""
        # New dictionaries, since the server's thread may be reading the old ones.
        match report:
            case MoodReport():
                self._moods = self._moods | {report.source: report.mood}
            case AlertReport():
                self._alerts = self._alerts | {AlertKey(report.source, report.name): report.is_on}

    def forget(self, sources: Collection[str], alerts: Collection[AlertKey]) -> None:
        """Forget all sources and alerts but these."""
        self._moods = {name: mood for name, mood in self._moods.items() if name in sources}
        self._alerts = {key: is_on for key, is_on in self._alerts.items() if key in alerts}

    def collect(self) -> Iterable["Metric"]:
        """Yield the metrics of now."""
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415

        about = "Share of the speech in a span that sounded like an emotion, 0 to 1."
        shares = GaugeMetricFamily(
            "serd_mood_share", about, labels=("source", "span_seconds", "emotion")
        )
        about = "Speech in a span, in seconds."
        speech = GaugeMetricFamily("serd_mood_speech_seconds", about, labels=("source", "span_seconds"))
        about = "Mean arousal (1 is excited) or valence (1 is pleasant) of a span, from -1."
        dimensions = GaugeMetricFamily(
            "serd_mood_dimension", about, labels=("source", "span_seconds", "dimension")
        )
        for source, mood in self._moods.items():
            for span in (mood.short, mood.medium, mood.long):
                labels = (source, f"{span.span_s:g}")
                speech.add_metric(labels, span.speech_s)
                for emotion, share in span.shares.items():
                    shares.add_metric((*labels, emotion), share)
                for name, value in (("arousal", span.arousal), ("valence", span.valence)):
                    if value is not None:
                        dimensions.add_metric((*labels, name), value)
        alerts = GaugeMetricFamily("serd_alert", "Whether an alert is on.", labels=("source", "alert"))
        for key, is_on in self._alerts.items():
            alerts.add_metric(key, is_on)
        yield from (shares, speech, dimensions, alerts)

"""Metrics, read over HTTP as Prometheus reads them."""

import contextlib
import json
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from urllib.error import HTTPError

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from serd.daemon.supervisor import Supervisor
from serd.errors import LibraryError, PublishError
from serd.events.controls import Controls
from serd.events.reports import (
    AvailabilityReport,
    ControlReport,
    LevelReport,
    RefusalReport,
    SpeechReport,
    StateReport,
    StatsReport,
)
from serd.publishers import Context, publisher_modules
from serd.publishers.metrics import Metrics, Settings, create
from serd.publishers.metrics.server import MetricsServer
from testkit.brokers import DEADLINE_S, logged_lines
from testkit.made_events import make_event

CONTEXT = Context(node="pi", sources=("mic",), threads=Supervisor())
STATS = StatsReport(
    uptime_s=120.5,
    version="1.2.3",
    model="serd-ravdess8 0.1.0",
    sound_s=118.0,
    n_windows=17,
    n_rejected=3,
    n_events=21,
    n_dropped_blocks=3,
    n_overflows=2,
    real_time_factor=0.04,
    cpu_s=4.7,
    rss_mb=71.0,
    n_source_losses=1,
)

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def metrics() -> Iterator[Metrics]:
    """The publisher, on a free port."""
    publisher = create(Settings(enabled=True, port=0), CONTEXT)
    assert publisher is not None
    yield publisher
    publisher.close(DEADLINE_S)


def fetch(metrics: Metrics, path: str) -> tuple[int, str]:
    """Status and text of a page."""
    try:
        url = f"http://127.0.0.1:{metrics.port}{path}"
        with urllib.request.urlopen(url, timeout=DEADLINE_S) as page:
            return page.status, page.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def samples(metrics: Metrics) -> Samples:
    """Each metric by its name and labels, read by Prometheus' own parser."""
    status, text = fetch(metrics, "/metrics")
    assert status == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_it_is_off_by_default() -> None:
    """No port is opened."""
    assert create(Settings(), CONTEXT) is None
    assert publisher_modules()["metrics"].Settings is Settings


def test_events_are_counted_by_source_kind_and_emotion(metrics: Metrics) -> None:
    """Their latencies are a histogram, in seconds."""
    for emotion in ("happy", "happy", "sad"):
        metrics.publish(make_event(emotion=emotion))
    metrics.publish(make_event(kind="window", source="door"))
    got = samples(metrics)

    def count(source: str, kind: str, emotion: str) -> float:
        return got["serd_events_total", (("emotion", emotion), ("kind", kind), ("source", source))]

    assert count("mic", "utterance", "happy") == 2
    assert count("mic", "utterance", "sad") == 1
    assert count("door", "window", "happy") == 1
    assert got["serd_event_latency_seconds_count", (("source", "mic"),)] == 3
    assert got["serd_event_latency_seconds_sum", (("source", "mic"),)] == pytest.approx(3 * 0.0042)


def test_sources_are_gauges(metrics: Metrics) -> None:
    """Alive, speaking and level follow the latest report."""
    for value in (True, False):
        metrics.publish(AvailabilityReport(source="mic", is_alive=value))
        metrics.publish(SpeechReport(source="mic", is_speaking=not value))
    metrics.publish(LevelReport(source="mic", level_dbfs=-31.5, guesses={}))
    got = samples(metrics)
    mic = (("source", "mic"),)
    assert got["serd_source_available", mic] == 0
    assert got["serd_speaking", mic] == 1
    assert got["serd_level_dbfs", mic] == -31.5


def test_statistics_are_those_of_the_latest_report(metrics: Metrics) -> None:
    """CPU, memory and files have the names that Prometheus' clients share."""
    assert ("serd_uptime_seconds", ()) not in samples(metrics)
    metrics.publish(STATS)
    got = samples(metrics)
    assert got["serd_info", (("model", "serd-ravdess8 0.1.0"), ("version", "1.2.3"))] == 1
    assert got["serd_uptime_seconds", ()] == 120.5
    assert got["serd_real_time_factor", ()] == 0.04
    assert got["serd_sound_seconds_total", ()] == 118
    assert got["serd_windows_total", ()] == 17
    assert got["serd_dropped_blocks_total", ()] == 3
    assert got["serd_overflows_total", ()] == 2
    assert got["serd_source_losses_total", ()] == 1
    assert got["process_resident_memory_bytes", ()] > 1e6
    assert got["process_cpu_seconds_total", ()] > 0


def test_other_reports_are_ignored(metrics: Metrics) -> None:
    """Controls and states are for MQTT."""
    before = fetch(metrics, "/metrics")[1].count("serd_")
    metrics.publish(StateReport(source="mic", emotion="happy"))
    metrics.publish(ControlReport(source="mic", controls=Controls()))
    metrics.publish(RefusalReport(source="mic", control="mute", reason="no"))
    assert fetch(metrics, "/metrics")[1].count("serd_") == before


def test_health_is_that_of_all_sources(metrics: Metrics) -> None:
    """503 before the first source is alive and while one is away, with the names of those away."""

    def health() -> tuple[int, dict[str, object]]:
        status, text = fetch(metrics, "/healthz")
        return status, json.loads(text)

    assert health() == (503, {"healthy": False, "sources": [], "away": []})
    metrics.publish(AvailabilityReport(source="mic", is_alive=True))
    assert health() == (200, {"healthy": True, "sources": ["mic"], "away": []})
    metrics.publish(AvailabilityReport(source="door", is_alive=False))
    assert health() == (503, {"healthy": False, "sources": ["door", "mic"], "away": ["door"]})
    metrics.publish(AvailabilityReport(source="door", is_alive=True))
    assert health()[0] == 200


def test_an_unknown_page_is_not_found(metrics: Metrics) -> None:
    """The answer names the pages that exist."""
    with pytest.raises(HTTPError, match="404: Not Found") as caught:
        urllib.request.urlopen(f"http://127.0.0.1:{metrics.port}/", timeout=DEADLINE_S)
    with caught.value as page:
        text = page.read().decode()
    assert "/metrics" in text
    assert "/healthz" in text


def test_a_client_that_hangs_does_not_block_others(metrics: Metrics) -> None:
    """Neither the next client nor close waits for it."""
    with socket.create_connection(("127.0.0.1", metrics.port)) as hanging:
        hanging.sendall(b"GET /metr")
        assert fetch(metrics, "/metrics")[0] == 200
        metrics.close(DEADLINE_S)
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", metrics.port))


@pytest.mark.parametrize("n_slow", [50, 200])
def test_slow_clients_take_neither_threads_nor_the_server(metrics: Metrics, n_slow: int) -> None:
    """Both pages are answered while clients hang in the middle of a request, and no thread is added."""
    n_threads = threading.active_count()
    with contextlib.ExitStack() as clients:
        for _ in range(n_slow):
            client = clients.enter_context(socket.create_connection(("127.0.0.1", metrics.port)))
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: ")
        assert fetch(metrics, "/metrics")[0] == 200
        assert fetch(metrics, "/healthz")[0] == 503
        assert threading.active_count() == n_threads


def test_a_slow_client_is_disconnected(metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time-out is that of the whole connection, so single bytes do not prolong it."""
    monkeypatch.setattr("serd.publishers.metrics.server._TIMEOUT_S", 0.3)
    with socket.create_connection(("127.0.0.1", metrics.port), DEADLINE_S) as client:
        client.sendall(b"GET /metr")
        assert client.recv(100) == b""


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /" + b"x" * 60_000 + b" HTTP/1.1\r\n\r\n", b"431"),
        (b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 10_000 + b"\r\n", b"431"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"405"),
        (b"HEAD /metrics HTTP/1.1\r\n\r\n", b"200"),
        (b"\xff\x00\r\n\r\n", b"405"),
        (b"GET\r\n\r\n", b"404"),
    ],
    ids=["line", "headers", "method", "head", "rubbish", "empty"],
)
def test_any_request_has_an_answer(metrics: Metrics, request_bytes: bytes, status: bytes) -> None:
    """Request line and headers are bounded, and a wrong request does no harm."""
    with socket.create_connection(("127.0.0.1", metrics.port), DEADLINE_S) as client:
        client.sendall(request_bytes)
        assert client.recv(100).startswith(b"HTTP/1.1 " + status)
    assert fetch(metrics, "/metrics")[0] == 200


def test_a_page_that_fails_is_an_error_in_the_log() -> None:
    """The client gets status 500, and the server goes on."""

    def failing() -> tuple[bool, dict[str, object]]:
        raise RuntimeError("broken")

    server = MetricsServer("127.0.0.1", 0, CollectorRegistry(), failing, Supervisor())
    try:
        with logged_lines() as lines, pytest.raises(HTTPError, match="500") as caught:
            urllib.request.urlopen(f"http://127.0.0.1:{server.port}/healthz", timeout=DEADLINE_S)
        caught.value.close()
        assert any("a page could not be made" in line for line in lines)
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics") as page:
            assert page.status == 200
    finally:
        server.stop(DEADLINE_S)


def test_only_this_machine_is_served() -> None:
    """The default address is loopback."""
    assert Settings().host == "127.0.0.1"


def test_a_port_in_use_is_an_error(metrics: Metrics) -> None:
    """The error names the address and the remedy, in one line."""
    with pytest.raises(PublishError, match=rf"127\.0\.0\.1:{metrics.port}.*in use.*another") as caught:
        create(Settings(enabled=True, port=metrics.port), CONTEXT)
    assert "\n" not in str(caught.value)


def test_the_port_is_free_after_the_end() -> None:
    """A reload may open it again at once."""
    first = Metrics(Settings(enabled=True, port=0), CONTEXT)
    first.close(DEADLINE_S)
    second = Metrics(Settings(enabled=True, port=first.port), CONTEXT)
    second.close(DEADLINE_S)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error gives the command that installs it."""
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(LibraryError, match="pip install prometheus-client"):
        create(Settings(enabled=True), CONTEXT)


def test_the_library_is_imported_only_if_enabled() -> None:
    """It is an extra: the daemon must run without it."""
    code = "import sys; from serd.settings.loader import load_settings; load_settings(environment={});"
    code += "assert not {'prometheus_client', 'http.server'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(("values", "key"), [({"host": ""}, "host"), ({"port": 65536}, "port")])
def test_bad_settings_are_named(values: dict[str, object], key: str) -> None:
    """By their key."""
    assert [name for name, _ in Settings(**values).problems()] == [key]  # type: ignore[arg-type]

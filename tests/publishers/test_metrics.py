"""Metrics, read over HTTP as Prometheus reads them."""

import contextlib
import json
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.error import HTTPError

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from serd.daemon.supervisor import RestartSettings, Supervisor
from serd.errors import LibraryError, PublishError
from serd.events.alert import AlertKey
from serd.events.controls import Controls
from serd.events.mood import SourceMood, SpanMood
from serd.events.reports import (
    AlertReport,
    AvailabilityReport,
    ControlReport,
    LevelReport,
    MoodReport,
    RefusalReport,
    SpeechReport,
    StateReport,
    StatsReport,
)
from serd.publishers import Context, publisher_modules
from serd.publishers.group import PublisherGroup
from serd.publishers.health import BrokerState
from serd.publishers.metrics import SECTION, Metrics, Settings, create
from serd.publishers.metrics.server import MetricsServer
from serd.settings.loader import load_settings
from testkit.brokers import DEADLINE_S, free_port, logged_lines, wait_until
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


class Clock:
    """A monotonic clock that only the test advances."""

    now_s = 0.0

    def __call__(self) -> float:
        """The time, in seconds."""
        return self.now_s


Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def metrics() -> Iterator[Metrics]:
    """The publisher, on a free port."""
    publisher = create(Settings(enabled=True, port=0), CONTEXT)
    assert publisher is not None
    publisher.start()
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


def fetch_health(metrics: Metrics) -> tuple[int, dict[str, Any]]:
    """Status and JSON of the health."""
    status, text = fetch(metrics, "/healthz")
    return status, json.loads(text)


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


def test_the_mood_and_alerts_of_a_source_are_gauges(metrics: Metrics) -> None:
    """Shares by span and emotion; a span without speech has no arousal. A reload forgets the removed."""
    quiet = SpanMood(span_s=60.0, speech_s=0.0, emotion="none", shares={}, arousal=None, valence=None)
    talk = SpanMood(
        span_s=300.0,
        speech_s=20.0,
        emotion="angry",
        shares={"angry": 0.75, "uncertain": 0.25},
        arousal=0.5,
        valence=-0.5,
    )
    mood = SourceMood(short=quiet, medium=talk, long=replace(talk, span_s=900.0))
    for source in ("mic", "door"):
        metrics.publish(MoodReport(source=source, mood=mood))
        metrics.publish(AlertReport(source=source, name="shouting", is_on=source == "mic"))
    got = samples(metrics)
    span = (("source", "mic"), ("span_seconds", "300"))
    assert got["serd_mood_share", (("emotion", "angry"), *span)] == 0.75
    assert got["serd_mood_share", (("emotion", "uncertain"), *span)] == 0.25
    assert got["serd_mood_speech_seconds", span] == 20.0
    assert got["serd_mood_dimension", (("dimension", "arousal"), *span)] == 0.5
    short = (("dimension", "arousal"), ("source", "mic"), ("span_seconds", "60"))
    assert ("serd_mood_dimension", short) not in got
    assert got["serd_alert", (("alert", "shouting"), ("source", "mic"))] == 1.0
    assert got["serd_alert", (("alert", "shouting"), ("source", "door"))] == 0.0
    metrics.adapt(replace(CONTEXT, sources=("mic",), alerts=(AlertKey("mic", "shouting"),)))
    left = {labels for name, labels in samples(metrics) if name in {"serd_alert", "serd_mood_share"}}
    assert {dict(labels)["source"] for labels in left} == {"mic"}
    metrics.adapt(replace(CONTEXT, sources=("mic",), alerts=()))
    assert not any(name == "serd_alert" for name, _ in samples(metrics))


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
        status, body = fetch_health(metrics)
        return status, {key: body[key] for key in ("healthy", "sources", "away")}

    assert health() == (503, {"healthy": False, "sources": [], "away": []})
    metrics.publish(AvailabilityReport(source="mic", is_alive=True))
    assert health() == (200, {"healthy": True, "sources": ["mic"], "away": []})
    metrics.publish(AvailabilityReport(source="door", is_alive=False))
    assert health() == (503, {"healthy": False, "sources": ["door", "mic"], "away": ["door"]})
    metrics.publish(AvailabilityReport(source="door", is_alive=True))
    assert health()[0] == 200


def test_a_reload_of_the_sources_keeps_the_counters(metrics: Metrics) -> None:
    """A source that was removed is not away; the events of the others are counted on."""
    metrics.publish(make_event(emotion="happy"))
    for source, is_alive in (("mic", True), ("door", False)):
        metrics.publish(AvailabilityReport(source=source, is_alive=is_alive))
    assert fetch_health(metrics)[0] == 503
    assert metrics.adapt(replace(CONTEXT, sources=("mic",)))
    assert fetch_health(metrics)[0] == 200
    got = samples(metrics)
    assert ("serd_source_available", (("source", "door"),)) not in got
    happy = (("emotion", "happy"), ("kind", "utterance"), ("source", "mic"))
    assert got["serd_events_total", happy] == 1


class TestHealthOfTheDaemon:
    """Parts of the daemon, and the connection to the broker."""

    @pytest.fixture
    def clock(self) -> Clock:
        """The clock of the signs of life."""
        return Clock()

    @pytest.fixture
    def supervisor(self, clock: Clock) -> Supervisor:
        """The supervisor of the parts, which are stuck after 15 s."""
        return Supervisor(silence_s=15.0, monotonic=clock)

    @pytest.fixture
    def metrics(self, supervisor: Supervisor) -> Iterator[Metrics]:
        """The publisher of a daemon with a source and a broker that went away a minute ago."""
        away = BrokerState(
            address="pi:1883", is_connected=False, since_s=60.0, n_waiting=7, n_dropped=2, n_refused=1
        )
        context = Context(node="pi", sources=("mic",), threads=supervisor, broker=lambda: away)
        publisher = create(Settings(enabled=True, port=0), context)
        assert publisher is not None
        publisher.start()
        publisher.publish(AvailabilityReport(source="mic", is_alive=True))
        yield publisher
        publisher.close(DEADLINE_S)

    def test_a_part_without_a_sign_of_life_makes_it_unhealthy(
        self, metrics: Metrics, supervisor: Supervisor, clock: Clock
    ) -> None:
        """503 with its name, until it gives one."""
        signs = supervisor.watch("mqtt")
        assert fetch_health(metrics)[0] == 200
        clock.now_s += 16.0
        wait_until(lambda: supervisor.silent() == ("mqtt",), "the sign of life of the server")
        status, body = fetch_health(metrics)
        assert (status, body["silent"]) == (503, ["mqtt"])
        assert body["parts"] == {"metrics": "works", "mqtt": "no sign of life for 16 s"}
        assert samples(metrics)["serd_silent_parts", ()] == 1
        signs.progress()
        assert fetch_health(metrics)[0] == 200

    def test_a_broker_that_is_away_does_not(self, metrics: Metrics) -> None:
        """Serd keeps the events; their number, and since when, are in the answer."""
        status, body = fetch_health(metrics)
        broker = body["broker"]
        assert status == 200
        age_s = (datetime.now(UTC) - datetime.fromisoformat(broker.pop("since"))).total_seconds()
        assert 59.0 <= age_s < 60.0 + DEADLINE_S
        assert broker == {
            "address": "pi:1883",
            "connected": False,
            "waiting": 7,
            "dropped": 2,
            "refused": 1,
        }

    def test_the_broker_has_metrics(self, metrics: Metrics) -> None:
        """Its connection, and the events that wait, were dropped or were refused."""
        got = samples(metrics)
        assert got["serd_broker_connected", ()] == 0
        assert got["serd_broker_state_seconds", ()] == 60
        assert got["serd_events_waiting", ()] == 7
        assert got["serd_events_dropped_total", ()] == 2
        assert got["serd_events_refused_total", ()] == 1

    def test_restarts_are_counted_by_part(self, metrics: Metrics, supervisor: Supervisor) -> None:
        """A part that never failed has no sample."""
        supervisor.note_restart("mqtt")
        supervisor.note_restart("mqtt")
        got = {key: value for key, value in samples(metrics).items() if "restarts" in key[0]}
        assert got == {("serd_part_restarts_total", (("part", "mqtt"),)): 2}


def test_without_a_broker_there_is_no_metric_of_it(metrics: Metrics) -> None:
    """Its health is null."""
    assert fetch_health(metrics)[1]["broker"] is None
    assert ("serd_broker_connected", ()) not in samples(metrics)


def test_the_server_answers_again_after_its_thread_has_failed() -> None:
    """On the same port, without a moment in which connections are refused."""
    supervisor = Supervisor(restarts=RestartSettings(first_pause_s=0.01))
    publisher = Metrics(Settings(enabled=True, port=0), replace(CONTEXT, threads=supervisor))
    publisher.start()
    try:
        with logged_lines() as lines:
            assert fetch(publisher, "/metrics")[0] == 200
            loop = publisher._server._loop  # noqa: SLF001
            assert loop is not None
            loop.call_soon_threadsafe(sys.exit, 3)
            wait_until(supervisor.n_restarts, "the restart")
            assert fetch(publisher, "/metrics")[0] == 200
        assert lines == ["metrics failed and restarts"]
    finally:
        publisher.close(DEADLINE_S)


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
    second = Metrics(Settings(enabled=True, port=metrics.port), CONTEXT)
    with pytest.raises(PublishError, match=rf"127\.0\.0\.1:{metrics.port}.*in use.*another") as caught:
        second.start()
    assert "\n" not in str(caught.value)
    second.close(DEADLINE_S)


def test_the_port_is_free_after_the_end() -> None:
    """A reload may open it again at once."""
    first = Metrics(Settings(enabled=True, port=0), CONTEXT)
    first.start()
    first.close(DEADLINE_S)
    second = Metrics(Settings(enabled=True, port=first.port), CONTEXT)
    second.start()
    second.close(DEADLINE_S)


def test_a_reload_can_open_it_to_all_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The port stays the same, which the earlier publisher gives up first."""
    modules = {SECTION: publisher_modules()[SECTION]}
    monkeypatch.setattr("serd.publishers.group.publisher_modules", lambda: modules)
    here = Settings(enabled=True, port=free_port())
    with logged_lines() as lines:
        group = PublisherGroup({SECTION: here}, CONTEXT)
        try:
            group.change({SECTION: replace(here, host="0.0.0.0")}, CONTEXT, DEADLINE_S)
            url = f"http://127.0.0.1:{here.port}/metrics"
            with urllib.request.urlopen(url, timeout=DEADLINE_S) as page:
                assert page.status == 200
        finally:
            group.close(DEADLINE_S, raises_errors=False)
    addresses = [f"http://{host}:{here.port}/metrics" for host in ("127.0.0.1", "0.0.0.0")]
    assert lines == [f"metrics on {address}" for address in addresses]


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_an_ipv6_address_may_be_in_brackets(host: str) -> None:
    """As in the other sections; the line in the log has a URL that can be opened."""
    variables = {"SERD_METRICS_ENABLED": "on", "SERD_METRICS_HOST": host, "SERD_METRICS_PORT": "0"}
    publisher = Metrics(load_settings(environment=variables).publishers[SECTION], CONTEXT)
    with logged_lines() as lines:
        publisher.start()
    try:
        url = f"http://[::1]:{publisher.port}/metrics"
        assert lines == [f"metrics on {url}"]
        with urllib.request.urlopen(url, timeout=DEADLINE_S) as page:
            assert page.status == 200
    finally:
        publisher.close(DEADLINE_S)


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

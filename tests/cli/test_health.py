"""``serd health`` asks the daemon, and has the exit code that a container looks at."""

import json
from collections.abc import Iterator

import pytest

from serd.cli import main
from serd.daemon.supervisor import Supervisor
from serd.events.reports import AvailabilityReport
from serd.publishers import Context
from serd.publishers.metrics import Metrics, Settings
from testkit.brokers import free_port


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch) -> Iterator[Metrics]:
    """A daemon's server, which the settings name."""
    server = Metrics(
        Settings(enabled=True, port=0), Context(node="pi", sources=("mic",), threads=Supervisor())
    )
    server.start()
    monkeypatch.setenv("SERD_METRICS_ENABLED", "true")
    monkeypatch.setenv("SERD_METRICS_HOST", "0.0.0.0")
    monkeypatch.setenv("SERD_METRICS_PORT", str(server.port))
    yield server
    server.close(5.0)


def test_a_healthy_daemon(metrics: Metrics, capsys: pytest.CaptureFixture[str]) -> None:
    """Its sources are named, and the exit code is 0."""
    metrics.publish(AvailabilityReport(source="mic", is_alive=True))
    assert main(["health"]) == 0
    assert capsys.readouterr().out == "healthy: mic online\n"
    assert main(["health", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sources"] == ["mic"]


def test_a_daemon_whose_source_is_away(metrics: Metrics, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 1, as before any source has opened."""
    assert main(["health"]) == 1
    assert "no source has opened yet" in capsys.readouterr().out
    metrics.publish(AvailabilityReport(source="mic", is_alive=False))
    assert main(["health"]) == 1
    assert capsys.readouterr().out == "not healthy: source mic is offline\n"


def test_no_daemon_answers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 1 without a daemon, and 2 if it would not serve its health."""
    assert main(["health"]) == 2
    assert "[metrics] enabled = true" in capsys.readouterr().err
    monkeypatch.setenv("SERD_METRICS_ENABLED", "true")
    monkeypatch.setenv("SERD_METRICS_PORT", str(free_port()))
    assert main(["health"]) == 1
    assert "no daemon answers on 127.0.0.1" in capsys.readouterr().err

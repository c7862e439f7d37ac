"""Daemons with the name of another node notice each other, and the one that lives stays online."""

import json
from typing import Any

import pytest

from serd.events.reports import AvailabilityReport, SpeechReport
from serd.mqtt.namesake import Instance, NamesakeWatch, parse_instance
from testkit.brokers import Listener, mosquitto, wait_until
from testkit.publishing import STATUS, open_publisher, publishing, settings_for

OWN = Instance(id="own", host="kitchen", pid=1)
OTHER = Instance(id="other", host="hall", pid=2)


class Calls:
    """A watch that counts what it asks for."""

    def __init__(self) -> None:
        self.n_introduced = 0
        self.n_restored = 0
        self.watch = NamesakeWatch("pi", OWN, introduce=self._introduce, restore=self._restore)

    def _introduce(self) -> None:
        self.n_introduced += 1

    def _restore(self) -> None:
        self.n_restored += 1


def test_a_daemon_introduces_itself_once_a_connection() -> None:
    """The first online of each connection is its own; a later one is that of another daemon."""
    calls = Calls()
    for connection in (1, 1, 2):
        calls.watch.status_received(b"online", connection)
    assert (calls.n_introduced, calls.n_restored) == (2, 0)


def test_the_offline_of_an_earlier_connection_is_ignored() -> None:
    """It is retained until the own online follows; after that it is from another daemon."""
    calls = Calls()
    for connection in (1, 2):
        calls.watch.status_received(b"offline", connection)
        assert calls.n_restored == connection - 1
        calls.watch.status_received(b"online", connection)
        calls.watch.status_received(b"offline", connection)
        assert calls.n_restored == connection


def test_another_daemon_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    """It gets an introduction as well; the own one that comes back is no other daemon."""
    calls = Calls()
    for each in (OWN, OTHER, OTHER):
        calls.watch.instance_received(each.to_json().encode())
    assert calls.n_introduced == 1
    assert [record.getMessage() for record in caplog.records] == [
        "another serd is called pi too: process 2 on hall; give one of them another [node] name"
    ]


@pytest.mark.parametrize("payload", [b"", b"\xff", b"[]", b"{}", b'{"id": 1, "host": 2, "pid": "x"}'])
def test_what_is_no_introduction_is_ignored(payload: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is logged and nothing answered."""
    calls = Calls()
    calls.watch.instance_received(payload)
    assert (calls.n_introduced, caplog.records) == (0, [])


def test_an_introduction_cannot_control_the_log() -> None:
    """Its host is short and printable."""
    body: dict[str, Any] = {"id": "x", "host": "\x1b[2J" + "h" * 500, "pid": 1}
    parsed = parse_instance(json.dumps(body).encode())
    assert parsed is not None
    assert parsed.host.startswith("?[2J")
    assert len(parsed.host) == 64


def test_strangers_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """A program that introduces itself without end does not fill the log."""
    calls = Calls()
    for number in range(1000):
        each = Instance(id=str(number), host="h", pid=number)
        calls.watch.instance_received(each.to_json().encode())
    assert len(caplog.records) == calls.n_introduced == 20


def test_the_daemon_that_lives_stays_online(lines: list[str]) -> None:
    """When another daemon of the name ends, status and availability are right again; both named it."""
    with mosquitto() as broker, Listener(broker) as listener:
        with publishing(settings_for(broker)) as living:
            living.publish(AvailabilityReport(source="mic", is_alive=True))
            wait_until(lambda: "online" in listener.of(STATUS), "the first")
            other = open_publisher(settings_for(broker))
            other.publish(SpeechReport(source="mic", is_speaking=True))
            wait_until(
                lambda: sum("another serd is called" in line for line in lines) == 2, "both lines"
            )
            other.publish(AvailabilityReport(source="mic", is_alive=False))
            other.close(5.0)
            wait_until(lambda: "offline" in listener.of(STATUS), "the end of the other")
            wait_until(
                lambda: (
                    (listener.of(STATUS)[-1], listener.of("serd/pi/mic/availability")[-1])
                    == ("online", "online")
                ),
                "the state of the one that lives",
            )
            assert broker.retained("serd/pi/status") == {"serd/pi/status": "online"}
        wait_until(lambda: listener.of(STATUS)[-1] == "offline", "the end of both")
        assert broker.retained("serd/pi/status") == {"serd/pi/status": "offline"}

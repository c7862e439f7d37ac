"""The connection to a real Mosquitto, in both versions of MQTT."""

import gc
import os
import re
import socket
import threading
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from serd.daemon.supervisor import Supervisor
from serd.errors import PublishError
from serd.mqtt.broker import EmbeddedBroker
from serd.mqtt.link import Link
from serd.mqtt.settings import Settings
from serd.publishers.mqtt import SPOOL_FILE
from testkit.brokers import (
    Listener,
    make_certificates,
    mosquitto,
    wait_until,
)
from testkit.made_events import make_event
from testkit.publishing import EVENT, STATUS, open_publisher, publishing, settings_for, storing

USER, PASSWORD = "pi", "right"
PROTOCOLS = pytest.mark.parametrize("protocol", ["3.1.1", "5"])


def n_files() -> int:
    """Open file descriptors of this process."""
    gc.collect()  # a client closes its sockets when it is freed
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def n_clients() -> int:
    """MQTT clients in memory that have not been freed."""
    gc.collect()
    return sum(type(each) is Client for each in gc.get_objects())


def sizes() -> tuple[int, int, int]:
    """Open file descriptors, threads and MQTT clients of this process."""
    return n_files(), threading.active_count(), n_clients()


def is_no_more_than(before: tuple[int, int, int]) -> bool:
    """Whether no more files, threads and clients are there than before."""
    return all(now <= then for now, then in zip(sizes(), before, strict=True))


@PROTOCOLS
def test_twenty_restarts_of_the_broker(
    tmp_path: Path, lines: list[str], monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    """One session at a time, one subscription each, few attempts, no lost event, no leak.

    The pauses are a fifth of the real ones, which the tests of ``Backoff`` hold.
    """
    monkeypatch.setattr("serd.mqtt.link.FIRST_PAUSE_S", 0.2)
    monkeypatch.setattr("serd.mqtt.link.STEADY_S", 0.0)
    monkeypatch.setattr("serd.mqtt.disk_state._REMOVE_DELAY_S", 0.0)
    commands: list[bytes] = []
    with mosquitto() as broker, Listener(broker) as listener:
        settings = settings_for(broker, protocol=protocol)
        spool = tmp_path / "state" / SPOOL_FILE
        with publishing(settings, storing(tmp_path / "state")) as publisher:
            publisher.subscribe("serd/pi/command", lambda _topic, payload: commands.append(payload))
            first = sizes()
            for number in range(20):
                n_connections = publisher.n_reconnects + 1
                publisher.publish(make_event(2 * number))
                wait_until(lambda: 2 * number in listener.ids(EVENT), "the event")  # noqa: B023
                broker.stop()
                publisher.publish(make_event(2 * number + 1))
                broker.start()
                wait_until(lambda: publisher.n_reconnects == n_connections, "the connection")  # noqa: B023
                wait_until(lambda: 2 * number + 1 in listener.ids(EVENT), "the event")  # noqa: B023
                wait_until(lambda: not spool.exists(), "the end of the file of events")
                if number == 1:
                    first = sizes()
                elif number > 1:
                    wait_until(lambda: is_no_more_than(first), "no more files than before")  # noqa: B023
            broker.publish("serd/pi/command", "ON")
            wait_until(lambda: commands, "the command")
            n_attempts = publisher.n_attempts
        wait_until(lambda: listener.of(STATUS)[-1:] == ["offline"], "the goodbye")
        assert listener.ids(EVENT) == list(range(40))
        log = broker.log
    sessions = re.findall(r"New client connected from \S+ as (serd-pi-\w+) \(p(\d), c1", log)
    assert len(sessions) == 21
    assert len(set(sessions)) == 1
    assert sessions[0][1] == ("5" if protocol == "5" else "2")
    assert len(re.findall(r"serd-pi-\w+ 1 serd/pi/command", log)) == 21
    assert commands == [b"ON"]
    assert "already connected" not in log
    assert 21 <= n_attempts <= 21 + 20 * 4
    assert [text.split()[0] for text in lines] == ["connected", *["lost", "connected"] * 20]
    print(f"MQTT {protocol}: 20 restarts, {n_attempts} attempts, {sizes()} files, threads, clients")


@PROTOCOLS
def test_500_events(protocol: str) -> None:
    """They arrive in order, none twice, in both versions."""
    with mosquitto() as broker, Listener(broker) as listener:
        with publishing(settings_for(broker, protocol=protocol)) as publisher:
            for number in range(500):
                publisher.publish(make_event(number))
        wait_until(lambda: listener.of(STATUS)[-1:] == ["offline"], "the goodbye")
        assert listener.of(EVENT) == [make_event(n).to_json() for n in range(500)]


@PROTOCOLS
def test_a_wrong_password(lines: list[str], protocol: str) -> None:
    """One line in the log in both versions, and pauses between the attempts."""
    with mosquitto(user=USER, password=PASSWORD) as broker:
        publisher = open_publisher(
            settings_for(broker, user=USER, password=PASSWORD[::-1], protocol=protocol)
        )
        wait_until(lambda: publisher.n_attempts >= 3, "a third attempt")
        publisher.publish(make_event())
        with pytest.raises(PublishError, match="not authorised; check"):
            publisher.close(0.5)
    reason = "not authorised; check [mqtt] user and password"
    assert lines == [f"broker 127.0.0.1:{broker.port} refuses the connection: {reason}; trying again"]


def test_a_password_from_a_file(tmp_path: Path) -> None:
    """The first line of the file is the password."""
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    with mosquitto(user=USER, password=PASSWORD) as broker, Listener(broker) as listener:
        with publishing(settings_for(broker, user=USER, password_file=str(file))) as publisher:
            publisher.publish(make_event())
        wait_until(lambda: listener.ids(EVENT) == [1], "the event")


@PROTOCOLS
def test_tls_with_a_wrong_authority(tmp_path: Path, lines: list[str], protocol: str) -> None:
    """One line names the setting; the events are stored, and sent once it is right."""
    right, wrong = make_certificates(tmp_path / "right"), make_certificates(tmp_path / "wrong")
    with mosquitto(certificates=right) as broker:
        settings = settings_for(broker, tls=True, ca_file=str(wrong.ca), protocol=protocol)
        publisher = open_publisher(settings, storing(tmp_path / "state"))
        publisher.publish(make_event())
        wait_until(lambda: publisher.n_attempts >= 2, "a second attempt")
        with pytest.raises(PublishError, match="1 event is kept in"):
            publisher.close(0.5)
        assert sum("[mqtt] ca_file must name the authority" in text for text in lines) == 1
        settings = settings_for(broker, tls=True, ca_file=str(right.ca), protocol=protocol)
        with Listener(broker) as listener:
            publisher = open_publisher(settings, storing(tmp_path / "state"))
            wait_until(lambda: listener.ids(EVENT) == [1], "the event")
            publisher.close(5.0)


class TestForbiddenTopics:
    """A broker whose access rules forbid the events."""

    RULES = (
        f"user {USER}\ntopic read #\ntopic readwrite serd/pi/status\ntopic readwrite serd/pi/instance\n"
        "topic readwrite serd/+/+/state\n"
    )

    def test_mqtt_5_reports_it(self, tmp_path: Path, lines: list[str]) -> None:
        """Refused events are logged once, counted and not repeated; other messages flow."""
        with mosquitto(user=USER, password=PASSWORD, access=self.RULES) as broker:
            settings = settings_for(
                broker, user=USER, password=PASSWORD, protocol="5", durability="always"
            )
            with (
                Listener(broker) as listener,
                publishing(settings, storing(tmp_path / "state")) as publisher,
            ):
                for number in range(120):
                    publisher.publish(make_event(number))
                wait_until(lambda: publisher.n_refused == 120, "120 refusals")
                assert publisher.n_reconnects == 0
                publisher.retain("serd/pi/mic/state", "sad")
                wait_until(lambda: listener.of("serd/pi/mic/state")[-1:] == ["sad"], "the state")
            assert listener.of(EVENT) == []
        address = f"127.0.0.1:{broker.port}"
        reason = "not authorised; its access rules must allow it"
        assert lines == [
            f"connected to broker {address}",
            f"broker {address} does not accept {EVENT}: {reason}",
            f"120 events were refused by broker {address}",
        ]

    def test_mqtt_3_does_not_report_it(self, tmp_path: Path, lines: list[str]) -> None:
        """Mosquitto 2 acknowledges the events that it discards, and nothing gets stuck."""
        with mosquitto(user=USER, password=PASSWORD, access=self.RULES) as broker:
            settings = settings_for(broker, user=USER, password=PASSWORD)
            with Listener(broker) as listener:
                with publishing(settings, storing(tmp_path / "state")) as publisher:
                    publisher.publish(make_event())
                wait_until(lambda: listener.of(STATUS)[-1:] == ["offline"], "the goodbye")
                assert listener.of(EVENT) == []
        assert publisher.n_refused == 0
        assert lines == [f"connected to broker 127.0.0.1:{broker.port}"]


class Answers:
    """A listener that notes the answers to messages."""

    def __init__(self) -> None:
        self.finals: list[tuple[bool, bool]] = []
        """Of each answer: whether it is a refusal, and whether it is final."""

    def connected(self) -> None:
        """Do nothing."""

    def disconnected(self) -> None:
        """Do nothing."""

    def acknowledged(self, message_id: int, *, refusal: str, is_final: bool) -> None:  # noqa: ARG002
        """Note the answer."""
        self.finals.append((bool(refusal), is_final))

    def received(self, topic: str, payload: bytes) -> None:
        """Do nothing."""

    def status_changed(self, line: str, *, is_up: bool) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    ("code", "is_refusal", "is_final"),
    [
        (0x00, False, True),
        (0x10, False, True),
        (0x80, True, True),
        (0x83, True, True),
        (0x87, True, True),
        (0x90, True, True),
        (0x91, True, False),
        (0x97, True, False),
        (0x99, True, True),
    ],
)
def test_each_reason_code_of_mqtt_5(code: int, is_refusal: bool, is_final: bool) -> None:  # noqa: FBT001
    """A full quota and an identifier in use may pass; the other refusals are for good."""
    answers = Answers()
    link = Link(Settings(host="127.0.0.1", protocol="5"), answers, name="pi")
    reason = ReasonCode(PacketTypes.PUBACK, identifier=code)
    link._on_publish(Client(CallbackAPIVersion.VERSION2), None, 1, reason, None)  # noqa: SLF001
    assert answers.finals == [(is_refusal, is_final)]


def test_mqtt_5_to_a_broker_that_speaks_only_3(
    lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it closes the connection or never answers, the line names the setting."""
    monkeypatch.setattr("serd.mqtt.link.ANSWER_S", 1.0)
    broker = EmbeddedBroker(0, Supervisor())
    publisher = open_publisher(Settings(host="127.0.0.1", port=broker.port, protocol="5"))
    wait_until(lambda: lines, "the line")
    publisher.close(0.5)
    broker.stop(3.0)
    assert "[mqtt] protocol" in lines[0]


def test_pauses_grow_at_a_port_that_closes_each_connection(
    lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that never lasts does not reset the pauses."""
    monkeypatch.setattr("serd.mqtt.link.FIRST_PAUSE_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        n_accepted = 0

        def serve() -> None:
            nonlocal n_accepted
            while n_accepted < 5:
                server.accept()[0].close()
                n_accepted += 1

        thread = threading.Thread(target=serve)
        thread.start()
        publisher = open_publisher(Settings(host="127.0.0.1", port=server.getsockname()[1]))
        thread.join(15.0)
        publisher.close(0.3)
    assert n_accepted == 5
    assert len(lines) == 1
    assert "closed before it answered" in lines[0]

"""The MQTT publisher against a real Mosquitto."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from serd.controls import Controls
from serd.discovery_settings import DiscoverySettings
from serd.errors import PublishError, SettingsError
from serd.labels import EMOTIONS
from serd.publishers import Context
from serd.publishers.mqtt import MqttPublisher, Settings, create
from serd.reports import (
    AvailabilityReport,
    ControlRefused,
    ControlReport,
    LevelReport,
    Report,
    SpeechReport,
    StateReport,
)
from tests.brokers import (
    DEADLINE_S,
    Certificates,
    Listener,
    MosquittoBroker,
    free_port,
    logged_lines,
    make_certificates,
    mosquitto,
    wait_until,
)
from tests.made_events import make_event

EVENT, STATE, STATUS = "serd/pi/mic/event", "serd/pi/mic/state", "serd/pi/status"
USER, WORD = "pi", "right"
CONTEXT = Context(node="pi", sources=("mic",))


@pytest.fixture(scope="module")
def shared_broker() -> Iterator[MosquittoBroker]:
    with mosquitto() as running:
        yield running


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What the publisher says, as it says it."""
    with logged_lines() as said:
        yield said


def settings_for(broker: MosquittoBroker, **changes: object) -> Settings:
    values: dict[str, object] = {"host": broker.host, "port": broker.port, "prefix": "serd"}
    return Settings(**(values | changes))  # type: ignore[arg-type]


def open_publisher(settings: Settings, context: Context = CONTEXT) -> MqttPublisher:
    publisher = create(settings, context)
    assert publisher is not None
    return publisher


@contextmanager
def publishing(settings: Settings, context: Context = CONTEXT) -> Iterator[MqttPublisher]:
    publisher = open_publisher(settings, context)
    try:
        yield publisher
    finally:
        publisher.close(DEADLINE_S)


def wait_until_it_has(lines: list[str], n_lines: int) -> None:
    wait_until(lambda: len(lines) == n_lines, f"{n_lines} lines in the log")


def test_events_arrive_once_each_and_in_order(shared_broker: MosquittoBroker) -> None:
    """500 events handed over at once reach a subscriber, in order, none twice."""
    with Listener(shared_broker) as listener:
        with publishing(settings_for(shared_broker, prefix="order")) as publisher:
            for number in range(500):
                publisher.publish(make_event(number))
        wait_until(lambda: len(listener.of("order/pi/mic/event")) == 500, "500 events")
        numbers = [int(json.loads(text)["id"]) for text in listener.of("order/pi/mic/event")]
    assert numbers == list(range(500))


def test_an_event_is_the_json_of_the_event_and_is_not_retained(
    shared_broker: MosquittoBroker,
) -> None:
    """The payload is exactly Event.to_json, and a late subscriber does not get it."""
    with Listener(shared_broker) as listener:
        with publishing(settings_for(shared_broker, prefix="json")) as publisher:
            publisher.publish(make_event(7))
        wait_until(lambda: listener.of("json/pi/mic/event"), "the event")
    assert listener.of("json/pi/mic/event") == [make_event(7).to_json()]
    assert "json/pi/mic/event" not in shared_broker.retained("json/#")


def test_status_and_state_are_retained(shared_broker: MosquittoBroker) -> None:
    """mosquitto_sub reads online and the state while the daemon listens, then the next and offline."""
    with publishing(settings_for(shared_broker, prefix="kept")) as publisher:
        publisher.publish(StateReport(source="mic", emotion="none"))
        wait_until(
            lambda: (
                shared_broker.retained("kept/#")
                == {"kept/pi/status": "online", "kept/pi/mic/state": "none"}
            ),
            "status and first state",
        )
        publisher.publish(StateReport(source="mic", emotion="sad"))
    expected = {"kept/pi/status": "offline", "kept/pi/mic/state": "sad"}
    assert shared_broker.retained("kept/#") == expected


def test_each_report_has_its_topic(shared_broker: MosquittoBroker) -> None:
    """What stands is retained, what passes is not, and numbers are JSON."""
    reports: list[Report] = [
        AvailabilityReport(source="mic", is_alive=True),
        ControlReport(source="mic", controls=Controls(mute=True, threshold=0.5, cooldown_s=30.0)),
        SpeechReport(source="mic", is_speaking=True),
        LevelReport(source="mic", level_dbfs=-31.5, guesses={"sad": 0.6}),
        ControlRefused(source="mic", control="mute", reason="got '1', expected ON or OFF"),
    ]
    with Listener(shared_broker) as listener:
        with publishing(settings_for(shared_broker, prefix="all")) as publisher:
            wait_until(lambda: listener.of("all/pi/status") == ["online"], "the connection")
            for report in reports:
                publisher.publish(report)
            wait_until(lambda: listener.of("all/pi/mic/mute/error"), "the last of them")
        wait_until(lambda: listener.of("all/pi/status")[-1:] == ["offline"], "the goodbye")
    assert json.loads(listener.of("all/pi/mic/level")[0]) == {
        "level_dbfs": -31.5,
        "guesses": {"sad": 0.6},
    }
    assert listener.of("all/pi/mic/mute/error") == ["got '1', expected ON or OFF"]
    assert shared_broker.retained("all/#") == {
        "all/pi/status": "offline",
        "all/pi/mic/availability": "online",
        "all/pi/mic/mute": "ON",
        "all/pi/mic/threshold": "0.5",
        "all/pi/mic/cooldown": "30",
        "all/pi/mic/speech": "ON",
    }


def test_a_command_reaches_the_daemon(shared_broker: MosquittoBroker) -> None:
    """Whatever is written to a control's set topic comes with source, control and the very bytes."""
    commands: list[tuple[str, str, bytes]] = []
    context = Context(node="pi", sources=("mic", "door"), command=lambda *each: commands.append(each))
    settings = settings_for(shared_broker, prefix="told")
    with Listener(shared_broker) as listener, publishing(settings, context=context):
        wait_until(lambda: listener.of("told/pi/status") == ["online"], "the connection")
        wait_until(lambda: _told(shared_broker, commands), "the first command")
        shared_broker.publish("told/pi/mic/threshold/set", "0.8")
        shared_broker.publish("told/pi/mic/threshold", "0.9")
        wait_until(lambda: commands[-1:] == [("mic", "threshold", b"0.8")], "the second command")


def _told(broker: MosquittoBroker, commands: list[tuple[str, str, bytes]]) -> bool:
    broker.publish("told/pi/door/mute/set", "ON")
    return ("door", "mute", b"ON") in commands


def test_offline_is_the_last_word(shared_broker: MosquittoBroker) -> None:
    """Nothing follows offline on any topic of the node."""
    with Listener(shared_broker) as listener:
        with publishing(settings_for(shared_broker, prefix="last")) as publisher:
            for number in range(100):
                publisher.publish(make_event(number, emotion=("happy", "sad")[number % 2]))
        wait_until(lambda: listener.of("last/pi/status")[-1:] == ["offline"], "the goodbye")
        own = [heard for heard in listener.heard if heard.topic.startswith("last/")]
    assert own[-1].payload == "offline"
    assert len(listener.of("last/pi/mic/event")) == 100


def test_names_cannot_break_out_of_their_level(shared_broker: MosquittoBroker) -> None:
    """A node "a/b" and a source "+#" become one level each."""
    context = Context(node="a/b", sources=("+#",))
    with (
        Listener(shared_broker) as listener,
        publishing(settings_for(shared_broker, prefix="odd"), context) as publisher,
    ):
        publisher.publish(make_event(node="a/b", source="+#"))
        wait_until(lambda: listener.of("odd/a_b/__/event"), "the event")


def test_two_daemons_of_one_name_do_not_throw_each_other_out(
    shared_broker: MosquittoBroker, lines: list[str]
) -> None:
    """Two publishers with the same node stay connected side by side."""
    settings = settings_for(shared_broker, prefix="twins")
    with publishing(settings) as first, publishing(settings) as second:
        wait_until(lambda: len(lines) == 2, "two connections")
        for number in range(20):
            (first, second)[number % 2].publish(make_event(number))
    assert [text.split()[0] for text in lines] == ["connected", "connected"]


def test_publish_does_not_wait_for_an_absent_broker(lines: list[str]) -> None:
    """With no broker there, publish returns at once, and one line says why nothing arrives."""
    publisher = open_publisher(Settings(host="127.0.0.1", port=free_port()))
    began = time.monotonic()
    for number in range(1000):
        publisher.publish(make_event(number))
    assert time.monotonic() - began < 0.5
    wait_until(lambda: lines, "the line")
    with pytest.raises(PublishError, match=r"1000 events were not acknowledged .*refused"):
        publisher.close(0.5)
    assert len(lines) == 1
    assert "cannot be reached: connection refused" in lines[0]


@pytest.mark.parametrize("n_events", [0, 3])
def test_close_keeps_to_its_time_without_a_broker(n_events: int) -> None:
    """Where the broker never came up, close takes no longer than it was given."""
    publisher = open_publisher(Settings(host="127.0.0.1", port=free_port()))
    for number in range(n_events):
        publisher.publish(make_event(number))
    began = time.monotonic()
    if n_events:
        with pytest.raises(PublishError):
            publisher.close(1.0)
    else:
        publisher.close(1.0)
    assert time.monotonic() - began < 1.3


def test_a_broker_that_comes_late_gets_everything() -> None:
    """Events published before the broker is there are delivered once it is."""
    with mosquitto() as broker:
        broker.stop()
        publisher = open_publisher(settings_for(broker))
        for number in range(50):
            publisher.publish(make_event(number))
        broker.start()
        with Listener(broker) as listener:
            publisher.close(DEADLINE_S)
            wait_until(lambda: listener.ids(EVENT) == list(range(50)), "all events in order")


def test_no_event_is_lost_over_three_restarts(lines: list[str]) -> None:
    """200 events over 3 broker restarts: all arrive, in order, and each change is said once."""
    with mosquitto() as broker, Listener(broker) as listener:
        with publishing(settings_for(broker)) as publisher:
            wait_until(lambda: lines, "the first connection")
            for number in range(200):
                publisher.publish(make_event(number))
                if number in (50, 100, 150):
                    n_lines = len(lines)
                    broker.restart()
                    wait_until_it_has(lines, n_lines + 2)
        wait_until(lambda: listener.of(STATUS)[-1:] == ["offline"], "the goodbye")
        assert listener.ids(EVENT) == list(range(200))
    said = [text.split()[0] for text in lines]
    assert said == ["connected", *["lost", "connected"] * 3]


def test_events_in_flight_are_repeated_before_new_ones_are_sent() -> None:
    """A broker frozen and killed with events on their way: after its return all come in order."""
    with mosquitto() as broker, Listener(broker) as listener:
        with publishing(settings_for(broker)) as publisher:
            publisher.publish(make_event(0))
            wait_until(lambda: listener.ids(EVENT) == [0], "the first event")
            broker.save()
            broker.signal(signal.SIGSTOP)
            for number in range(1, 120):
                publisher.publish(make_event(number))
            wait_until(lambda: publisher.n_in_flight >= 50, "a full window")
            broker.signal(signal.SIGKILL)
            broker.restart()
            for number in range(120, 150):
                publisher.publish(make_event(number))
        wait_until(lambda: listener.ids(EVENT)[-1:] == [149], "the last event")
        assert listener.ids(EVENT)[-149:] == list(range(1, 150))


def test_a_broker_that_forgets_is_told_again() -> None:
    """A broker that lost what it retained gets status and state again on its return."""
    with mosquitto() as broker, publishing(settings_for(broker)) as publisher:
        publisher.publish(StateReport(source="mic", emotion="angry"))
        wait_until(lambda: broker.retained(STATE) == {STATE: "angry"}, "the state")
        broker.stop()
        (broker.folder / "mosquitto.db").unlink()
        broker.start()
        wait_until(lambda: broker.retained("serd/#") == {STATUS: "online", STATE: "angry"}, "both again")


def test_the_oldest_are_dropped_when_the_queue_is_full(lines: list[str]) -> None:
    """With room for 10, the newest 10 of 25 arrive; the rest are counted and said."""
    with mosquitto() as broker:
        broker.stop()
        publisher = open_publisher(settings_for(broker, queue_events=10))
        for number in range(25):
            publisher.publish(make_event(number))
        assert publisher.n_dropped == 15
        broker.start()
        with Listener(broker) as listener:
            publisher.close(DEADLINE_S)
            wait_until(lambda: listener.ids(EVENT) == list(range(15, 25)), "the newest ten")
    assert lines.count("10 events wait for the broker: the oldest are dropped") == 1
    assert lines[-1] == "15 events were dropped while the broker was away"


def test_a_wrong_password_is_said_once_and_named_at_close(
    lines: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """Not authorised: one line, no password in it, tried on, and PublishError in the end."""
    with mosquitto(user=USER, password=WORD) as broker:
        publisher = open_publisher(settings_for(broker, user=USER, password=WORD[::-1]))
        publisher.publish(make_event())
        wait_until(lambda: broker.log.count("not authorised") >= 2, "a second attempt")
        with pytest.raises(PublishError) as caught:
            publisher.close(0.5)
    expected = "not authorised; check [mqtt] user and password"
    address = f"127.0.0.1:{broker.port}"
    assert lines == [f"broker {address} refuses us: {expected}; trying again"]
    assert str(caught.value) == f"1 event was not acknowledged by broker {address}: {expected}"
    assert WORD[::-1] not in capfd.readouterr().err


def test_user_and_password_open_the_door() -> None:
    """With the right password events arrive."""
    with mosquitto(user=USER, password=WORD) as broker, Listener(broker) as listener:
        with publishing(settings_for(broker, user=USER, password=WORD)) as publisher:
            publisher.publish(make_event())
        wait_until(lambda: listener.ids(EVENT) == [1], "the event")


def test_tls_with_our_own_authority(certificates: Certificates) -> None:
    """With the authority's certificate in ca_file events arrive over TLS."""
    with mosquitto(certificates=certificates) as broker, Listener(broker) as listener:
        settings = settings_for(broker, tls=True, ca_file=str(certificates.ca))
        with publishing(settings) as publisher:
            publisher.publish(make_event())
        wait_until(lambda: listener.ids(EVENT) == [1], "the event")


def test_tls_with_a_certificate_of_our_own(certificates: Certificates) -> None:
    """A broker that asks for a client's certificate gets it."""
    with mosquitto(certificates=certificates, require_certificate=True) as broker:
        settings = settings_for(
            broker,
            tls=True,
            ca_file=str(certificates.ca),
            cert_file=str(certificates.certificate),
            key_file=str(certificates.key),
        )
        with publishing(settings) as publisher:
            publisher.publish(make_event())


def test_tls_with_a_wrong_authority(
    certificates: Certificates, tmp_path: Path, lines: list[str]
) -> None:
    """A certificate that another authority signed is refused, with a line that says so."""
    other = make_certificates(tmp_path / "other")
    with mosquitto(certificates=certificates) as broker:
        publisher = open_publisher(settings_for(broker, tls=True, ca_file=str(other.ca)))
        publisher.publish(make_event())
        wait_until(lambda: lines, "the line")
        with pytest.raises(PublishError, match="TLS certificate is not accepted"):
            publisher.close(0.5)
    assert len(lines) == 1
    assert "[mqtt] ca_file must name the authority" in lines[0]


@pytest.mark.parametrize("broker_speaks_tls", [True, False])
def test_tls_on_one_side_only(
    certificates: Certificates, lines: list[str], *, broker_speaks_tls: bool
) -> None:
    """Where only one side speaks TLS, the line says that TLS is the matter."""
    with mosquitto(certificates=certificates if broker_speaks_tls else None) as broker:
        publisher = open_publisher(settings_for(broker, tls=not broker_speaks_tls))
        wait_until(lambda: lines, "the line")
        publisher.close(0.5)
    assert "TLS" in lines[0]


def test_a_host_that_does_not_exist(lines: list[str]) -> None:
    """A name that nobody knows is called that."""
    publisher = open_publisher(Settings(host="no-such-broker.invalid"))
    wait_until(lambda: lines, "the line")
    publisher.close(0.5)
    assert "no-such-broker.invalid:1883 cannot be reached" in lines[0]


def test_the_will_speaks_for_a_daemon_that_is_killed(shared_broker: MosquittoBroker) -> None:
    """Kill -9: the broker publishes offline, retained."""
    program = (
        "import sys, time\n"
        "from serd.publishers import Context\n"
        "from serd.publishers.mqtt import Settings, create\n"
        "settings = Settings(host='127.0.0.1', port=int(sys.argv[1]), prefix='will')\n"
        "publisher = create(settings, Context(node='pi', sources=('mic',)))\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(shared_broker.port)]
    with Listener(shared_broker) as listener, subprocess.Popen(command) as daemon:
        wait_until(lambda: listener.of("will/pi/status") == ["online"], "online")
        os.kill(daemon.pid, signal.SIGKILL)
        wait_until(lambda: listener.of("will/pi/status") == ["online", "offline"], "the will")
    assert shared_broker.retained("will/pi/status") == {"will/pi/status": "offline"}


def test_close_leaves_no_thread(shared_broker: MosquittoBroker) -> None:
    """After close the publisher's threads are gone."""
    before = set(threading.enumerate())
    with publishing(settings_for(shared_broker, prefix="threads")) as publisher:
        publisher.publish(make_event())
    assert set(threading.enumerate()) <= before


def test_a_disabled_publisher_is_none() -> None:
    """Enabled = false: no publisher, no connection, no broker."""
    assert create(Settings(enabled=False), CONTEXT) is None


def test_an_unreadable_certificate_is_a_settings_error(tmp_path: Path) -> None:
    """A ca_file that is missing or no PEM is named with its key at the start."""
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    for path in (tmp_path / "missing.pem", bad):
        settings = Settings(host="localhost", tls=True, ca_file=str(path))
        with pytest.raises(SettingsError, match=r"\[mqtt\] ca_file = .*\.pem"):
            create(settings, CONTEXT)


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("host", {"host": "mqtt://broker"}),
        ("host", {"host": "broker:1883"}),
        ("host", {"host": "a..b"}),
        ("host", {"tls": True}),
        ("port", {"port": 0}),
        ("port", {"port": 70000}),
        ("user", {"password": "secret"}),
        ("key_file", {"host": "b", "tls": True, "cert_file": "c.pem"}),
        ("ca_file", {"host": "b", "ca_file": "ca.pem"}),
        ("prefix", {"prefix": ""}),
        ("prefix", {"prefix": "/serd"}),
        ("prefix", {"prefix": "serd/#"}),
        ("prefix", {"prefix": "$SYS"}),
        ("keepalive_s", {"keepalive_s": 1}),
        ("queue_events", {"queue_events": 0}),
    ],
)
def test_problems_name_the_key(key: str, changes: dict[str, object]) -> None:
    """Each value that cannot work is named by its key; the defaults have no problem."""
    assert not list(Settings().problems())
    settings = Settings(**changes)  # type: ignore[arg-type]
    assert [name for name, _ in settings.problems()] == [key]
    assert "secret" not in repr(list(settings.problems()))


def test_home_assistant_is_told_at_the_start_and_whenever_it_is_born(
    shared_broker: MosquittoBroker,
) -> None:
    """Retained on its discovery topic where a broker is named; said again on the birth message."""
    ha = DiscoverySettings(prefix="ha-born")
    context = Context(node="pi", sources=("mic",), labels=EMOTIONS, homeassistant=ha)
    topic = "ha-born/device/serd_pi/config"
    with (
        Listener(shared_broker) as listener,
        publishing(settings_for(shared_broker, prefix="born"), context),
    ):
        wait_until(lambda: len(listener.of(topic)) == 1, "the description")
        wait_until(lambda: _born(shared_broker, listener, topic), "the description again")
    body = json.loads(listener.of(topic)[-1])
    assert "born/pi/mic/state" in json.dumps(body)
    assert topic in shared_broker.retained("ha-born/#")


def _born(broker: MosquittoBroker, listener: Listener, topic: str) -> bool:
    broker.publish("ha-born/status", "online")
    return len(listener.of(topic)) > 1


def test_home_assistant_can_be_left_alone(shared_broker: MosquittoBroker) -> None:
    """Switched off, nothing is told."""
    ha = DiscoverySettings(enabled="off", prefix="ha-off")
    context = Context(node="pi", sources=("mic",), labels=EMOTIONS, homeassistant=ha)
    with publishing(settings_for(shared_broker, prefix="off"), context) as publisher:
        publisher.publish(make_event())
    assert shared_broker.retained("ha-off/#") == {}

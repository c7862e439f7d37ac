"""``serd discovery`` prints what Home Assistant is told, and takes it off a real broker."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serd import __version__
from serd.cli.discovery import clear
from serd.errors import PublishError
from serd.model.runtime import TfliteModel
from serd.mqtt.homeassistant import discovery_payload
from serd.mqtt.link import LinkListener
from serd.mqtt.settings import Settings
from serd.mqtt.topics import NodeTopics
from testkit.brokers import MosquittoBroker, free_port, mosquitto
from testkit.daemons import SERD, environment

TOPIC = "homeassistant/device/serd_pi/config"


@pytest.fixture(scope="module")
def broker() -> Iterator[MosquittoBroker]:
    """A Mosquitto that wants a password; all tests of this module share it."""
    with mosquitto(user="pi", password="right") as running:  # noqa: S106
        yield running


def serd_discovery(
    *arguments: object, home: Path, **variables: str
) -> "subprocess.CompletedProcess[str]":
    """Run the command to its end in a home of its own; variables are settings."""
    command = [*SERD, "discovery", *map(str, arguments)]
    extra = environment(home, {f"SERD_{key}": value for key, value in variables.items()})
    return subprocess.run(command, capture_output=True, text=True, check=False, env=extra, timeout=60)


def remove(broker: MosquittoBroker, home: Path, password: str) -> "subprocess.CompletedProcess[str]":
    """Take the description of node pi off the broker, as its user pi with this password."""
    options = ("--node", "pi", "--host", broker.host, "--port", broker.port, "--user", "pi")
    return serd_discovery("remove", *options, home=home, MQTT_PASSWORD=password)


def test_show_prints_the_payload_of_the_settings_in_force(
    tmp_path: Path, real_model: TfliteModel
) -> None:
    """The output is the message alone, so that it can be kept; where it goes stands beside it."""
    done = serd_discovery(
        "show", "--node", "pi", "--prefix", "home/serd", "--host", "h", home=tmp_path, SOURCE_NAME="hall"
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads(
        discovery_payload(
            topics=NodeTopics(prefix="home/serd", node="pi"),
            node="pi",
            sources=["hall"],
            labels=real_model.card.labels,
            version=__version__,
        )
    )
    assert done.stderr == f"serd: retained on {TOPIC}\n"


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({}, "enabled is 'auto', and [mqtt] host is ''"),
        ({"MQTT_HOST": "h", "HOMEASSISTANT_ENABLED": "off"}, "enabled is 'off'"),
    ],
)
def test_show_says_where_the_daemon_would_not_publish_it(
    tmp_path: Path, variables: dict[str, str], reason: str
) -> None:
    """Standard error gives the setting that is the reason; it is no failure."""
    done = serd_discovery("show", home=tmp_path, **variables)
    assert done.returncode == 0
    assert reason in done.stderr


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Exit code 2 and its path, without a traceback."""
    done = serd_discovery("show", "--model", "/nowhere.tflite", home=tmp_path)
    assert done.returncode == 2
    assert "/nowhere.tflite" in done.stderr
    assert "Traceback" not in done.stderr


def test_remove_takes_the_description_off_the_broker_and_nothing_else(
    tmp_path: Path, broker: MosquittoBroker
) -> None:
    """A running daemon's return is warned of, and to remove it twice is no error."""
    broker.publish(TOPIC, "{}", retain=True)
    broker.publish("homeassistant/device/other/config", "{}", retain=True)
    done = remove(broker, tmp_path, "right")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"Removed what {broker.host}:{broker.port} retained on {TOPIC}.\n"
    assert "a daemon that runs publishes it again" in done.stderr
    assert broker.retained("homeassistant/#") == {"homeassistant/device/other/config": "{}"}
    assert remove(broker, tmp_path, "right").returncode == 0


def test_remove_says_why_it_could_not(tmp_path: Path, broker: MosquittoBroker) -> None:
    """A wrong password, and a broker that is not there: one line, exit code 1, nothing removed."""
    broker.publish(TOPIC, "{}", retain=True)
    refused = remove(broker, tmp_path, "wrong")
    assert refused.returncode == 1
    assert "not authorised; check [mqtt] user and password" in refused.stderr
    assert TOPIC in broker.retained("homeassistant/#")
    away = serd_discovery("remove", "--port", free_port(), home=tmp_path)
    assert away.returncode == 1
    assert "connection refused" in away.stderr
    for done in (refused, away):
        assert len(done.stderr.splitlines()) == 1
        assert "trying again" not in done.stderr


def test_remove_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that takes the connection and never answers."""
    monkeypatch.setattr("serd.cli.discovery._ANSWER_S", 0.3)
    with mosquitto() as frozen:
        frozen.signal(signal.SIGSTOP)
        try:
            with pytest.raises(PublishError, match=r"no answer within 0\.3 s"):
                clear(Settings(host=frozen.host, port=frozen.port), TOPIC)
        finally:
            frozen.signal(signal.SIGCONT)


def test_remove_says_that_the_broker_forbids_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Brokers that speak MQTT 5 tell when their access rules keep a message out."""

    class RefusingLink:
        address = "broker:1883"

        def __init__(self, _settings: Settings, user: LinkListener, *, name: str) -> None:
            assert name == "discovery"
            self.user: Any = user

        def start(self) -> None:
            self.user.connected()
            self.user.acknowledged(7, refusal="not authorised")

        def publish(self, topic: str, payload: str, *, is_retained: bool) -> int:
            assert (topic, payload, is_retained) == (TOPIC, "", True)
            return 7

        def stop(self, timeout_s: float) -> None:
            pass

    monkeypatch.setattr("serd.cli.discovery.Link", RefusingLink)
    with pytest.raises(PublishError, match=f"broker:1883 refuses {TOPIC}: not authorised"):
        clear(Settings(host="broker"), TOPIC)

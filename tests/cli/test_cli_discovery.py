"""``serd discovery`` prints the discovery message, and removes it from a real broker."""

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
from serd.mqtt.homeassistant.description import discovery_payload
from serd.mqtt.link import LinkListener
from serd.mqtt.settings import Settings
from serd.mqtt.topics import NodeTopics
from testkit.brokers import MosquittoBroker, free_port, mosquitto
from testkit.daemons import SERD, environment

TOPIC = "homeassistant/device/serd_pi/config"


@pytest.fixture(scope="module")
def broker() -> Iterator[MosquittoBroker]:
    """A Mosquitto with a password, shared by all tests of this module."""
    with mosquitto(user="pi", password="right") as running:  # noqa: S106
        yield running


def serd_discovery(
    *arguments: object, home: Path, **variables: str
) -> "subprocess.CompletedProcess[str]":
    """Run the command with its own home; ``variables`` are settings."""
    command = [*SERD, "discovery", *map(str, arguments)]
    extra = environment(home, {f"SERD_{key}": value for key, value in variables.items()})
    return subprocess.run(command, capture_output=True, text=True, check=False, env=extra, timeout=60)


def remove(broker: MosquittoBroker, home: Path, password: str) -> "subprocess.CompletedProcess[str]":
    """Remove the discovery message of node "pi", as user "pi" with this password."""
    options = ("--node", "pi", "--host", broker.host, "--port", broker.port, "--user", "pi")
    return serd_discovery("remove", *options, home=home, MQTT_PASSWORD=password)


def test_show_prints_the_payload_of_the_settings_in_force(
    tmp_path: Path, real_model: TfliteModel
) -> None:
    """Standard output has only the message; standard error has its topic."""
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
def test_show_warns_if_the_daemon_does_not_publish_it(
    tmp_path: Path, variables: dict[str, str], reason: str
) -> None:
    """Standard error names the setting, and the exit code is 0."""
    done = serd_discovery("show", home=tmp_path, **variables)
    assert done.returncode == 0
    assert reason in done.stderr


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    """The exit code is 2, with its path and no traceback."""
    done = serd_discovery("show", "--model", "/nowhere.tflite", home=tmp_path)
    assert done.returncode == 2
    assert "/nowhere.tflite" in done.stderr
    assert "Traceback" not in done.stderr


def test_remove_removes_only_the_message_of_this_node(tmp_path: Path, broker: MosquittoBroker) -> None:
    """A line warns that a running daemon publishes it again; a second removal is no error."""
    broker.publish(TOPIC, "{}", retain=True)
    broker.publish("homeassistant/device/serd13_pi/config", "{}", retain=True)
    broker.publish("homeassistant/device/other/config", "{}", retain=True)
    done = remove(broker, tmp_path, "right")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"Removed the retained message on {TOPIC} from {broker.host}:{broker.port}.\n"
    assert "a running daemon publishes it again" in done.stderr
    assert broker.retained("homeassistant/#") == {"homeassistant/device/other/config": "{}"}
    assert remove(broker, tmp_path, "right").returncode == 0


def test_remove_reports_a_refused_or_missing_connection(tmp_path: Path, broker: MosquittoBroker) -> None:
    """A wrong password and a missing broker: one line, exit code 1, nothing removed."""
    broker.publish(TOPIC, "{}", retain=True)
    refused = remove(broker, tmp_path, "wrong")
    assert refused.returncode == 1
    assert "not authorised; check [mqtt] user and password" in refused.stderr
    assert TOPIC in broker.retained("homeassistant/#")
    missing = serd_discovery("remove", "--port", free_port(), home=tmp_path)
    assert missing.returncode == 1
    assert "connection refused" in missing.stderr
    for done in (refused, missing):
        assert len(done.stderr.splitlines()) == 1
        assert "trying again" not in done.stderr


def test_remove_has_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that accepts the connection and never answers is an error."""
    monkeypatch.setattr("serd.cli.discovery._ANSWER_TIMEOUT_S", 0.3)
    with mosquitto() as frozen:
        frozen.signal(signal.SIGSTOP)
        try:
            with pytest.raises(PublishError, match=r"no answer within 0\.3 s"):
                clear(Settings(host=frozen.host, port=frozen.port), [TOPIC])
        finally:
            frozen.signal(signal.SIGCONT)


def test_remove_reports_the_refusal_of_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """MQTT 5 brokers report that their access rules refuse a message."""

    class RefusingLink:
        address = "broker:1883"

        def __init__(self, _settings: Settings, user: LinkListener, *, name: str) -> None:
            assert name == "discovery"
            self.user: Any = user

        def start(self, _threads: object) -> None:
            self.user.connected()
            self.user.acknowledged(7, refusal="not authorised")

        def publish(self, topic: str, payload: str, *, is_retained: bool) -> int:
            assert (topic, payload, is_retained) == (TOPIC, "", True)
            return 7

        def stop(self, timeout_s: float) -> None:
            pass

    monkeypatch.setattr("serd.cli.discovery.Link", RefusingLink)
    with pytest.raises(PublishError, match=f"broker:1883 refuses {TOPIC}: not authorised"):
        clear(Settings(host="broker"), [TOPIC])

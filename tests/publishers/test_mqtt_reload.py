"""The MQTT publisher at a reload: it stays connected where it can, and loses no event."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from serd.mqtt.homeassistant.settings import DiscoverySettings
from serd.publishers.group import PublisherGroup
from serd.publishers.mqtt import MqttPublisher, Settings
from testkit.brokers import Listener, MosquittoBroker, free_port, logged_lines, mosquitto, wait_until
from testkit.made_events import make_event
from testkit.publishing import CONTEXT, settings_for, storing


@pytest.fixture(scope="module")
def shared_broker() -> Iterator[MosquittoBroker]:
    """A broker for all tests of this module, each with a prefix of its own."""
    with mosquitto() as broker:
        yield broker


@contextlib.contextmanager
def mqtt_alone(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, **changes: object
) -> Iterator[PublisherGroup]:
    """A group in which MQTT is the only publisher."""
    import serd.publishers.mqtt as module  # noqa: PLC0415

    monkeypatch.setattr("serd.publishers.group.publisher_modules", lambda: {"mqtt": module})
    group = PublisherGroup({"mqtt": settings}, replace(CONTEXT, **changes))  # type: ignore[arg-type]
    try:
        yield group
    finally:
        group.close(5.0, raises_errors=False)


def connected(group: PublisherGroup) -> bool:
    """Whether the publisher is connected."""
    state = group.broker_state()
    return state is not None and state.is_connected


def test_another_source_does_not_end_the_connection(
    shared_broker: MosquittoBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status stays online; commands to the new source arrive, and Home Assistant learns of it."""
    commands: list[tuple[str, str, bytes]] = []
    settings = settings_for(shared_broker, prefix="another")
    ha = DiscoverySettings(enabled="on", prefix="ha-another")
    context = {"command": lambda *each: commands.append(each), "homeassistant": ha}
    with (
        Listener(shared_broker) as listener,
        mqtt_alone(monkeypatch, settings, **context) as group,
    ):
        wait_until(lambda: listener.of("another/pi/status") == ["online"], "online")
        more = replace(CONTEXT, sources=("mic", "door"), **context)  # type: ignore[arg-type]
        group.change({"mqtt": settings}, more, 1.0)

        def command_arrives() -> bool:
            shared_broker.publish("another/pi/door/mute/set", "ON")
            return ("door", "mute", b"ON") in commands

        wait_until(command_arrives, "a command to the new source")
        wait_until(
            lambda: any("door" in each for each in listener.of("ha-another/device/serd_pi/config")),
            "the description of the new source",
        )
        assert listener.of("another/pi/status") == ["online"]


def test_a_password_file_that_is_missing_for_a_moment_loses_nothing(
    shared_broker: MosquittoBroker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The connection and the events go on; with the file back, the next reload applies the settings."""
    file = tmp_path / "password"
    old = settings_for(shared_broker, prefix="moment")
    new = replace(old, user="pi", password_file=str(file))
    topic = "moment/pi/mic/event"
    with Listener(shared_broker) as listener, mqtt_alone(monkeypatch, old) as group:
        wait_until(lambda: connected(group), "the connection")
        with logged_lines() as lines:
            group.change({"mqtt": new}, CONTEXT, 1.0)
        assert lines[0].startswith("[mqtt] stays as it was: [mqtt] password_file")
        for number in range(120):
            group.publish(make_event(number))
        wait_until(lambda: len(listener.of(topic)) == 120, "the events")
        file.write_text("secret")
        group.change({"mqtt": new}, CONTEXT, 1.0)
        group.publish(make_event(120))
        wait_until(lambda: len(listener.of(topic)) == 121, "an event over the new connection")


def test_the_successor_takes_over_the_events_on_the_disk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Events of a broker that is away are in the spool, which only one publisher can open."""
    context = storing(tmp_path)
    away = Settings(host="127.0.0.1", port=free_port(), durability="always")
    with mqtt_alone(monkeypatch, away, state_folder=tmp_path) as group:
        for number in range(5):
            group.publish(make_event(number))
        group.change({"mqtt": replace(away, keepalive_s=30)}, context, 0.5)
        group.publish(make_event(5))
        state = group.broker_state()
        assert state is not None
        wait_until(lambda: (group.broker_state() or state).n_waiting == 6, "all events in the spool")


def test_changed_credentials_are_used_after_a_reload(
    shared_broker: MosquittoBroker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Even though the settings are the same; an unchanged file leaves the connection alone."""
    file = tmp_path / "password"
    file.write_text("first")
    settings = settings_for(shared_broker, prefix="rotated", user="pi", password_file=str(file))
    with mqtt_alone(monkeypatch, settings) as group:
        wait_until(lambda: connected(group), "the connection")
        (publisher,) = group._publishers.values()  # noqa: SLF001
        assert isinstance(publisher, MqttPublisher)
        group.change({"mqtt": settings}, CONTEXT, 1.0)
        assert publisher.n_reconnects == 0
        file.write_text("second")
        group.change({"mqtt": settings}, CONTEXT, 1.0)
        wait_until(lambda: publisher.n_reconnects == 1 and connected(group), "another connection")

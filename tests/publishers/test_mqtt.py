"""Messages that the MQTT publisher sends and receives, with a real Mosquitto."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pytest

from serd.daemon.supervisor import Supervisor
from serd.events.alert import AlertKey
from serd.events.controls import Controls
from serd.events.mood import MoodSettings, MoodTracker
from serd.events.reports import (
    AlertReport,
    AvailabilityReport,
    ControlReport,
    LevelReport,
    MoodReport,
    RefusalReport,
    Report,
    SpeechReport,
    StateReport,
)
from serd.model.labels import EMOTIONS
from serd.mqtt.homeassistant.settings import DiscoverySettings
from serd.publishers import Context
from serd.publishers.mqtt import Settings, create
from testkit.brokers import Listener, MosquittoBroker, mosquitto, wait_until
from testkit.made_events import make_event
from testkit.publishing import CONTEXT, publishing, settings_for


@pytest.fixture(scope="module")
def shared_broker() -> Iterator[MosquittoBroker]:
    """A broker for all tests of the module; each test has a prefix of its own."""
    with mosquitto() as running:
        yield running


def test_events_arrive_once_each_and_in_order(shared_broker: MosquittoBroker) -> None:
    """500 events published at once reach a subscriber, in order, none twice."""
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
    with publishing(settings_for(shared_broker, prefix="state")) as publisher:
        publisher.publish(StateReport(source="mic", emotion="none"))
        wait_until(
            lambda: (
                shared_broker.retained("state/#")
                == {"state/pi/status": "online", "state/pi/mic/state": "none"}
            ),
            "status and first state",
        )
        publisher.publish(StateReport(source="mic", emotion="sad"))
    expected = {"state/pi/status": "offline", "state/pi/mic/state": "sad"}
    assert shared_broker.retained("state/#") == expected


def test_each_report_has_its_topic(shared_broker: MosquittoBroker) -> None:
    """States are retained, moments are not, and numbers are JSON."""
    reports: list[Report] = [
        AvailabilityReport(source="mic", is_alive=True, reason="one channel is dead"),
        ControlReport(source="mic", controls=Controls(mute=True, threshold=0.5, cooldown_s=30.0)),
        AlertReport(source="mic", name="angry", is_on=True),
        AlertReport(source="mic", name="sad", is_on=False),
        SpeechReport(source="mic", is_speaking=True),
        LevelReport(source="mic", level_dbfs=-50.0, guesses={}, is_due=False),
        LevelReport(source="mic", level_dbfs=-31.5, guesses={"sad": 0.6}),
        RefusalReport(source="mic", control="mute", reason="got '1', expected ON or OFF"),
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
        "all/pi/mic/problem": "one channel is dead",
        "all/pi/mic/mute": "ON",
        "all/pi/mic/threshold": "0.5",
        "all/pi/mic/cooldown": "30",
        "all/pi/mic/speech": "ON",
        "all/pi/mic/alert/angry": "ON",
        "all/pi/mic/alert/sad": "OFF",
    }


def test_the_mood_is_retained_with_its_time(shared_broker: MosquittoBroker) -> None:
    """The present time with a zone, since a client may read it hours later."""
    started = datetime.now(UTC) - timedelta(seconds=1)
    with publishing(settings_for(shared_broker, prefix="mood")) as publisher:
        mood = MoodTracker(MoodSettings()).mood
        publisher.publish(MoodReport(source="mic", mood=mood))
        wait_until(lambda: "mood/pi/mic/mood" in shared_broker.retained("mood/#"), "the mood")
    body = json.loads(shared_broker.retained("mood/#")["mood/pi/mic/mood"])
    assert started <= datetime.fromisoformat(body["time"]) <= datetime.now(UTC)
    assert body["medium"] == asdict(mood.medium)


def test_the_messages_of_removed_alerts_are_removed(shared_broker: MosquittoBroker) -> None:
    """The broker retains nothing of them, and the description removes their entities."""
    topic = "gone/pi/mic/alert/angry"
    shared_broker.publish(topic, "ON", retain=True)
    ha = DiscoverySettings(enabled="on", prefix="ha-gone")
    context = replace(CONTEXT, homeassistant=ha, gone_alerts=(AlertKey("mic", "angry"),))
    with publishing(settings_for(shared_broker, prefix="gone"), context=context):
        wait_until(lambda: topic not in shared_broker.retained("gone/#"), "the end of the message")
        wait_until(lambda: shared_broker.retained("ha-gone/#"), "the description")
    (description,) = shared_broker.retained("ha-gone/#").values()
    components = json.loads(description)["components"]
    assert components["mic_alert_angry"] == {"platform": "binary_sensor"}


def test_a_command_reaches_the_daemon(shared_broker: MosquittoBroker) -> None:
    """A message on a control's set topic arrives with source, control and the same bytes."""
    commands: list[tuple[str, str, bytes]] = []
    context = Context(
        node="pi",
        sources=("mic", "door"),
        threads=Supervisor(),
        command=lambda *each: commands.append(each),
    )
    settings = settings_for(shared_broker, prefix="command")
    with Listener(shared_broker) as listener, publishing(settings, context=context):
        wait_until(lambda: listener.of("command/pi/status") == ["online"], "the connection")
        wait_until(lambda: _is_received(shared_broker, commands), "the first command")
        shared_broker.publish("command/pi/mic/threshold/set", "0.8")
        shared_broker.publish("command/pi/mic/threshold", "0.9")
        wait_until(lambda: commands[-1:] == [("mic", "threshold", b"0.8")], "the second command")


def _is_received(broker: MosquittoBroker, commands: list[tuple[str, str, bytes]]) -> bool:
    broker.publish("command/pi/door/mute/set", "ON")
    return ("door", "mute", b"ON") in commands


def test_offline_is_the_last_message(shared_broker: MosquittoBroker) -> None:
    """Nothing follows offline on any topic of the node."""
    with Listener(shared_broker) as listener:
        with publishing(settings_for(shared_broker, prefix="last")) as publisher:
            for number in range(100):
                publisher.publish(make_event(number, emotion=("happy", "sad")[number % 2]))
        wait_until(lambda: listener.of("last/pi/status")[-1:] == ["offline"], "the goodbye")
        own = [message for message in listener.messages if message.topic.startswith("last/")]
    assert own[-1].payload == "offline"
    assert len(listener.of("last/pi/mic/event")) == 100


def test_names_are_one_topic_level(shared_broker: MosquittoBroker) -> None:
    """A node "a/b" and a source "+#" become one level each."""
    context = Context(node="a/b", sources=("+#",), threads=Supervisor())
    with (
        Listener(shared_broker) as listener,
        publishing(settings_for(shared_broker, prefix="odd"), context) as publisher,
    ):
        publisher.publish(make_event(node="a/b", source="+#"))
        wait_until(lambda: listener.of("odd/a_b/__/event"), "the event")


def test_two_daemons_of_one_name_do_not_disconnect_each_other(
    shared_broker: MosquittoBroker, lines: list[str]
) -> None:
    """Two publishers with the same node stay connected side by side."""
    settings = settings_for(shared_broker, prefix="twins")
    with publishing(settings) as first, publishing(settings) as second:
        wait_until(lambda: sum("connected to" in text for text in lines) == 2, "two connections")
        for number in range(20):
            (first, second)[number % 2].publish(make_event(number))
    links = [text.split()[0] for text in lines if "another serd is called" not in text]
    assert links == ["connected", "connected"]


def test_the_will_of_a_killed_daemon_is_published(shared_broker: MosquittoBroker) -> None:
    """Kill -9: the broker publishes offline, retained."""
    program = (
        "import sys, time\n"
        "from serd.daemon.supervisor import Supervisor\n"
        "from serd.publishers import Context\n"
        "from serd.publishers.mqtt import Settings, create\n"
        "settings = Settings(host='127.0.0.1', port=int(sys.argv[1]), prefix='will')\n"
        "publisher = create(settings, Context(node='pi', sources=('mic',), threads=Supervisor()))\n"
        "publisher.start()\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(shared_broker.port)]
    with Listener(shared_broker) as listener, subprocess.Popen(command) as daemon:
        wait_until(lambda: listener.of("will/pi/status") == ["online"], "online")
        os.kill(daemon.pid, signal.SIGKILL)
        wait_until(lambda: listener.of("will/pi/status") == ["online", "offline"], "the will")
    assert shared_broker.retained("will/pi/status") == {"will/pi/status": "offline"}


def test_the_state_of_the_connection_is_known(shared_broker: MosquittoBroker) -> None:
    """Connected, for how long, and how many events wait."""
    with publishing(settings_for(shared_broker, prefix="known")) as publisher:
        wait_until(lambda: publisher.broker_state().is_connected, "the connection")
        state = publisher.broker_state()
        assert (state.address, state.n_waiting) == (publisher.address, 0)
        assert 0.0 <= state.since_s < 60.0
    assert not publisher.broker_state().is_connected


def test_close_leaves_no_thread(shared_broker: MosquittoBroker) -> None:
    """After close the publisher's threads are gone."""
    before = set(threading.enumerate())
    with publishing(settings_for(shared_broker, prefix="threads")) as publisher:
        publisher.publish(make_event())
    assert set(threading.enumerate()) <= before


def test_a_disabled_publisher_is_none() -> None:
    """Enabled = false: no publisher, no connection, no broker."""
    assert create(Settings(enabled=False), CONTEXT) is None


def test_home_assistant_gets_the_description_at_each_start(
    shared_broker: MosquittoBroker,
) -> None:
    """Retained on its discovery topic, and published again after its birth message."""
    ha = DiscoverySettings(prefix="ha-born")
    context = replace(CONTEXT, labels=EMOTIONS, homeassistant=ha)
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


def test_discovery_can_be_turned_off(shared_broker: MosquittoBroker) -> None:
    """Nothing is published for Home Assistant."""
    ha = DiscoverySettings(enabled="off", prefix="ha-off")
    context = replace(CONTEXT, labels=EMOTIONS, homeassistant=ha)
    with publishing(settings_for(shared_broker, prefix="off"), context) as publisher:
        publisher.publish(make_event())
    assert shared_broker.retained("ha-off/#") == {}

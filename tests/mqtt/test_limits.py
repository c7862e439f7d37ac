"""What a broker takes: limits in its answer to the login, and messages that it does not survive."""

import json
from pathlib import Path

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from serd.daemon.supervisor import Supervisor
from serd.model.labels import EMOTIONS
from serd.mqtt.homeassistant.description import discovery_topic
from serd.mqtt.homeassistant.settings import DiscoverySettings
from serd.mqtt.limits import MAX_IN_FLIGHT, MAX_PACKET_BYTES, BrokerLimits, limits_of
from serd.publishers import Context
from serd.publishers.mqtt import Settings
from testkit.brokers import MosquittoBroker, mosquitto, wait_until
from testkit.made_events import make_event
from testkit.publishing import CONTEXT, EVENT, STATE, STATUS, publishing, settings_for, storing
from testkit.scripted_broker import CLOSE, Publish, ScriptedBroker, puback

PROTOCOLS = pytest.mark.parametrize("protocol", ["3.1.1", "5"])
WITH_DISCOVERY = Context(
    node="pi",
    sources=("mic",),
    threads=Supervisor(),
    labels=EMOTIONS,
    homeassistant=DiscoverySettings(enabled="on"),
)
REFUSED_QOS, REFUSED_RETAIN = 0x9B, 0x9A


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serd.mqtt.link.FIRST_PAUSE_S", 0.1)
    monkeypatch.setattr("serd.mqtt.link.MAX_PAUSE_S", 0.2)


def connack(**properties: int) -> bytes:
    """A CONNACK packet of MQTT 5."""
    packed = Properties(PacketTypes.CONNACK)
    for name, value in properties.items():
        setattr(packed, name, value)
    body = b"\x00\x00" + packed.pack()
    return b"\x20" + bytes([len(body)]) + body


def entities(messages: dict[str, str]) -> set[str]:
    """Keys of the entities in the parts of a description."""
    return {key for text in messages.values() for key in json.loads(text)["components"]}


def test_limits_of_a_connack() -> None:
    """Those that the broker states, else those of MQTT 3.1.1; never more in flight than 50."""
    assert limits_of(None) == BrokerLimits()
    properties = Properties(PacketTypes.CONNACK)
    assert limits_of(properties) == BrokerLimits(
        max_in_flight=MAX_IN_FLIGHT, max_packet_bytes=MAX_PACKET_BYTES, max_qos=1, can_retain=True
    )
    properties.MaximumPacketSize = 3000
    properties.ReceiveMaximum = 7
    properties.MaximumQoS = 0
    properties.RetainAvailable = 0
    assert limits_of(properties) == BrokerLimits(
        max_in_flight=7, max_packet_bytes=3000, max_qos=0, can_retain=False
    )
    properties.ReceiveMaximum = 100
    assert limits_of(properties).max_in_flight == MAX_IN_FLIGHT


@PROTOCOLS
def test_a_description_that_is_too_long_is_divided(
    tmp_path: Path, lines: list[str], protocol: str
) -> None:
    """A Mosquitto that takes 3,000 bytes: all entities and all events arrive, in either version."""
    topic = discovery_topic(WITH_DISCOVERY.homeassistant, "pi")
    with mosquitto(max_packet_bytes=3000) as broker:
        settings = settings_for(broker, protocol=protocol)
        with publishing(settings, storing(tmp_path, WITH_DISCOVERY)) as publisher:
            for number in range(20):
                publisher.publish(make_event(number))
            wait_until(lambda: _parts(broker), "the description", 30.0)
            wait_until(lambda: publisher.n_in_flight == 0, "the acknowledgements")
            parts = _parts(broker)
        assert publisher.n_refused == 0
    assert topic in parts
    assert max(len(text) for text in parts.values()) < 3000
    assert {"mic_emotion", "mic_cooldown", "mic_microphone", "version"} <= entities(parts)
    identifiers = {json.loads(text)["device"]["identifiers"][0] for text in parts.values()}
    assert identifiers == {"serd/pi"}
    # Without a limit from the broker the description is halved twice, after three connections at most.
    n_lost = sum(line.startswith("lost broker") for line in lines)
    assert n_lost <= (0 if protocol == "5" else 2 * 3 + 1)


def _parts(broker: MosquittoBroker) -> dict[str, str]:
    """The retained description, once it has an entity of the last part."""
    parts = broker.retained("homeassistant/device/+/config")
    return parts if parts and "mic_microphone" in entities(parts) else {}


def test_a_message_behind_which_the_connection_breaks_is_left_out(
    tmp_path: Path, lines: list[str]
) -> None:
    """One event of 20: it is named once and counted, and the others arrive; so does the next state."""
    long = make_event(7).to_json()

    def script(publish: Publish) -> bytes:
        is_long = publish.topic == EVENT and json.loads(publish.payload)["id"] == json.loads(long)["id"]
        return CLOSE if is_long else puback(publish)

    with ScriptedBroker(script) as broker:
        settings = Settings(host="127.0.0.1", port=broker.port)
        with publishing(settings, storing(tmp_path)) as publisher:
            for number in range(20):
                publisher.publish(make_event(number))
            publisher.retain(STATE, "sad")
            wait_until(lambda: len(_ids(broker)) == 20, "the events")
            wait_until(lambda: publisher.n_in_flight == 0, "the acknowledgements")
        assert (publisher.n_refused, publisher.n_dropped, publisher.n_spooled) == (1, 0, 0)
        # Three on an idle machine; on a busy one the sender may find nothing to send in between.
        n_tries = sum(int(json.loads(each.payload)["id"]) == 7 for each in broker.of(EVENT))
        assert 3 <= n_tries <= 12
        assert broker.of(STATE)
    assert sum("closes the connection after each message on" in line for line in lines) == 1


def _ids(broker: ScriptedBroker) -> set[int]:
    return {int(json.loads(each.payload)["id"]) for each in broker.of(EVENT)}


def test_a_broker_that_closes_every_connection_loses_nothing(tmp_path: Path) -> None:
    """Overloaded for six connections, each closed at the first message: then everything arrives."""

    def script(publish: Publish) -> bytes:
        return CLOSE if publish.connection <= 6 else puback(publish)

    with ScriptedBroker(script) as broker:
        settings = Settings(host="127.0.0.1", port=broker.port)
        with publishing(settings, storing(tmp_path)) as publisher:
            for number in range(20):
                publisher.publish(make_event(number))
            wait_until(lambda: len(_ids(broker)) == 20, "the events")
        assert (publisher.n_refused, publisher.n_dropped) == (0, 0)
        assert broker.of(STATUS)[-1].payload == b"offline"


def test_a_limit_that_no_event_fits_is_a_refusal(tmp_path: Path, lines: list[str]) -> None:
    """MQTT 5: nothing that is too long is sent; one line, and the connection stays."""
    with ScriptedBroker(connack=connack(MaximumPacketSize=200)) as broker:
        settings = Settings(host="127.0.0.1", port=broker.port, protocol="5")
        with publishing(settings, storing(tmp_path)) as publisher:
            for number in range(5):
                publisher.publish(make_event(number))
            wait_until(lambda: publisher.n_refused == 5, "the refusals")
            publisher.retain(STATE, "sad")
            wait_until(lambda: broker.of(STATE), "the state")
        assert all(each.n_bytes <= 200 for each in broker.received)
        assert len(broker.connects) == 1
    assert sum("longer than the 200 bytes" in line for line in lines) == 1


def test_a_broker_without_acknowledgements_and_retained_messages(
    tmp_path: Path, lines: list[str]
) -> None:
    """MQTT 5: messages have QoS 0 and no retain flag, and one line says what that means."""
    with ScriptedBroker(connack=connack(MaximumQoS=0, RetainAvailable=0)) as broker:
        settings = Settings(host="127.0.0.1", port=broker.port, protocol="5")
        with publishing(settings, storing(tmp_path)) as publisher:
            publisher.publish(make_event())
            wait_until(lambda: broker.of(EVENT), "the event")
        assert {(each.qos, each.is_retained) for each in broker.received} == {(0, False)}
    assert sum("acknowledges no messages" in line for line in lines) == 1


@pytest.mark.parametrize("code", [REFUSED_QOS, REFUSED_RETAIN])
def test_a_login_that_is_refused_for_the_will_is_tried_with_less(code: int) -> None:
    """The next attempt has a will of QoS 0, or one that is not retained."""

    class Broker(ScriptedBroker):
        """Refuses the first login."""

        def answer_to_connect(self) -> bytes:
            """A refusal, or the usual answer."""
            return b"\x20\x03\x00" + bytes([code, 0]) if len(self.connects) == 1 else connack()

    with Broker() as broker:
        settings = Settings(host="127.0.0.1", port=broker.port, protocol="5")
        with publishing(settings, CONTEXT):
            wait_until(lambda: broker.of(STATUS), "the connection")
        first, second = (connect[7] for connect in broker.connects[:2])
    qos, retain = 0x18, 0x20
    assert first & (qos | retain) == 0x08 | 0x20
    assert second & (qos if code == REFUSED_QOS else retain) == 0

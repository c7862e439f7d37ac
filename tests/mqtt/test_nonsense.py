"""Brokers that answer with nonsense, or not at all, stall nothing and lose nothing."""

import json
from pathlib import Path

import pytest

from serd.mqtt.limits import MAX_IN_FLIGHT
from serd.publishers.mqtt import Settings
from testkit.brokers import wait_until
from testkit.made_events import make_event
from testkit.publishing import EVENT, publishing, storing
from testkit.scripted_broker import Publish, ScriptedBroker, puback

ID = b"id"
"""Stands for the id of the message that is answered."""


def ids(broker: ScriptedBroker) -> set[int]:
    """Ids of the events that the broker received."""
    return {int(json.loads(each.payload)["id"]) for each in broker.of(EVENT)}


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x40\x02\xff\xfe",  # PUBACK of an id that was never used
        b"\x50\x02" + ID,  # PUBREC, which belongs to QoS 2
        b"\x70\x02\xff\xfe",  # PUBCOMP of an id that was never used
        b"\x62\x02\xff\xfe",  # PUBREL of an id that was never used
        b"\xb0\x02\xff\xfe",  # UNSUBACK
        b"\x90\x03\xff\xfe\x01",  # SUBACK of an id that was never used
        b"\xd0\x00",  # PINGRESP
        b"\x40\x00",  # PUBACK without an id
        b"\xf0\x00",  # AUTH, which MQTT 3.1.1 does not have
        b"\x20\x02\x00\x00",  # a second CONNACK
    ],
)
def test_nonsense_does_not_stall_the_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nonsense: bytes
) -> None:
    """Instead of the right answers on the first connection: the second one delivers all events."""
    monkeypatch.setattr("serd.mqtt.queue.ANSWER_TIMEOUT_S", 2.0)
    monkeypatch.setattr("serd.mqtt.link.FIRST_PAUSE_S", 0.1)
    n_events = 2 * MAX_IN_FLIGHT

    def script(publish: Publish) -> bytes:
        if publish.topic == EVENT and publish.connection == 1:
            return nonsense.replace(ID, publish.message_id.to_bytes(2))
        return puback(publish)

    with ScriptedBroker(script) as broker:
        settings = Settings(host="127.0.0.1", port=broker.port)
        with publishing(settings, storing(tmp_path)) as publisher:
            for number in range(n_events):
                publisher.publish(make_event(number))
            wait_until(lambda: len(ids(broker)) == n_events, "the events", 30.0)
            wait_until(lambda: publisher.n_in_flight == 0, "the acknowledgements")
        assert (publisher.n_refused, publisher.n_dropped, publisher.n_spooled) == (0, 0, 0)


def test_one_message_without_an_answer_does_not_shrink_the_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    """The broker forgets one acknowledgement: the connection is given up, and the event sent again."""
    monkeypatch.setattr("serd.mqtt.queue.ANSWER_TIMEOUT_S", 2.0)
    monkeypatch.setattr("serd.mqtt.link.FIRST_PAUSE_S", 0.1)

    def script(publish: Publish) -> bytes:
        is_forgotten = publish.topic == EVENT and len(broker.of(EVENT)) == 3
        return b"" if is_forgotten else puback(publish)

    with ScriptedBroker(script) as broker:
        settings = Settings(host="127.0.0.1", port=broker.port)
        with publishing(settings, storing(tmp_path)) as publisher:
            for number in range(20):
                publisher.publish(make_event(number))
            wait_until(lambda: len(broker.connects) == 2, "the second connection")
            wait_until(lambda: publisher.n_in_flight == 0, "the acknowledgements")
        assert ids(broker) == set(range(20))
    assert sum("it has not acknowledged serd/pi/mic/event for 2 s" in line for line in lines) == 1

"""The MQTT publisher while a real Mosquitto is away: it does not block, and loses no event."""

import signal
import time

import pytest

from serd.errors import PublishError
from serd.events.reports import StateReport
from serd.publishers.mqtt import Settings
from testkit.brokers import DEADLINE_S, Listener, free_port, mosquitto, wait_until
from testkit.made_events import make_event
from testkit.publishing import EVENT, STATE, STATUS, open_publisher, publishing, settings_for


def test_publish_does_not_wait_for_an_absent_broker(lines: list[str]) -> None:
    """Publish returns without a broker, and one line gives the reason."""
    publisher = open_publisher(Settings(host="127.0.0.1", port=free_port()))
    for number in range(1000):
        publisher.publish(make_event(number))
    wait_until(lambda: lines, "the line")
    with pytest.raises(PublishError, match=r"1000 events were not acknowledged .*refused"):
        publisher.close(0.5)
    assert len(lines) == 1
    assert "cannot be reached: connection refused" in lines[0]


@pytest.mark.parametrize("n_events", [0, 3])
def test_close_does_not_wait_for_a_broker_for_ever(n_events: int) -> None:
    """Without a broker close gives up; the deadline leaves room for a busy machine."""
    publisher = open_publisher(Settings(host="127.0.0.1", port=free_port()))
    for number in range(n_events):
        publisher.publish(make_event(number))
    began_s = time.monotonic()
    if n_events:
        with pytest.raises(PublishError):
            publisher.close(1.0)
    else:
        publisher.close(1.0)
    assert time.monotonic() - began_s < DEADLINE_S


def test_a_broker_that_comes_late_gets_everything() -> None:
    """Events published before the broker starts are delivered after its start."""
    with mosquitto() as broker, Listener(broker) as listener:
        broker.stop()
        publisher = open_publisher(settings_for(broker))
        for number in range(50):
            publisher.publish(make_event(number))
        broker.start()
        publisher.close(DEADLINE_S)
        wait_until(lambda: listener.ids(EVENT) == list(range(50)), "all events in order")


def _wait_for_lines(lines: list[str], n_lines: int) -> None:
    wait_until(lambda: len(lines) == n_lines, f"{n_lines} lines in the log")


def test_no_event_is_lost_over_three_restarts(lines: list[str]) -> None:
    """200 events over 3 broker restarts: all arrive, in order, and each change is logged once."""
    with mosquitto() as broker, Listener(broker) as listener:
        with publishing(settings_for(broker)) as publisher:
            wait_until(lambda: lines, "the first connection")
            for number in range(200):
                publisher.publish(make_event(number))
                if number in (50, 100, 150):
                    n_lines = len(lines)
                    broker.restart()
                    _wait_for_lines(lines, n_lines + 2)
        wait_until(lambda: listener.of(STATUS)[-1:] == ["offline"], "the goodbye")
        assert listener.ids(EVENT) == list(range(200))
    said = [text.split()[0] for text in lines]
    assert said == ["connected", *["lost", "connected"] * 3]


def test_events_in_flight_are_repeated_before_new_ones_are_sent() -> None:
    """A broker frozen and killed with events in flight: after its return all arrive in order."""
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


def test_a_broker_that_forgets_gets_the_retained_values_again() -> None:
    """A broker that lost what it retained gets status and state again on its return."""
    with mosquitto() as broker, publishing(settings_for(broker)) as publisher:
        publisher.publish(StateReport(source="mic", emotion="angry"))
        wait_until(lambda: broker.retained(STATE) == {STATE: "angry"}, "the state")
        broker.stop()
        (broker.folder / "mosquitto.db").unlink()
        broker.start()
        wait_until(lambda: broker.retained("serd/#") == {STATUS: "online", STATE: "angry"}, "both again")


def test_the_oldest_are_dropped_when_the_queue_is_full(lines: list[str]) -> None:
    """With room for 10, the newest 10 of 25 arrive; the rest are counted and logged."""
    with mosquitto() as broker, Listener(broker) as listener:
        broker.stop()
        publisher = open_publisher(settings_for(broker, queue_events=10))
        for number in range(25):
            publisher.publish(make_event(number))
        assert publisher.n_dropped == 15
        broker.start()
        publisher.close(DEADLINE_S)
        wait_until(lambda: listener.ids(EVENT) == list(range(15, 25)), "the newest ten")
    assert lines.count("10 events wait for the broker: the oldest are dropped") == 1
    assert lines[-1] == "15 events were dropped while the broker was away"

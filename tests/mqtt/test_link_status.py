"""The lines that the log has of a connection: one for each change, whatever the number of attempts."""

import pytest

from serd.mqtt.diagnosis import CONNECTION_LOST, CONNECTION_REFUSED, NOT_MQTT
from serd.mqtt.link_status import LinkStatus


@pytest.fixture
def lines() -> list[tuple[str, bool]]:
    """Each line, and whether there is a connection."""
    return []


def make_status(lines: list[tuple[str, bool]], *, is_version_5: bool = False) -> LinkStatus:
    """The status of a connection to ``pi:1883``."""
    return LinkStatus(
        "pi:1883", lambda line, *, is_up: lines.append((line, is_up)), is_version_5=is_version_5
    )


def test_a_reason_is_logged_once_until_there_is_a_connection(lines: list[tuple[str, bool]]) -> None:
    """A hundred attempts that fail alike are one line; after a connection the reason is news again."""
    status = make_status(lines)
    for _ in range(2):
        for _ in range(100):
            status.attempt_failed("cannot be reached", "no answer in time")
            status.ended(was_up=False)
        assert status.reason == "no answer in time"
        status.connected()
        assert status.reason == ""
    failure = ("broker pi:1883 cannot be reached: no answer in time; trying again", False)
    assert lines == [failure, ("connected to broker pi:1883", True)] * 2


def test_a_restart_of_the_broker_is_two_lines(lines: list[tuple[str, bool]]) -> None:
    """The loss, and the next connection; that its port is closed or opens too early follows from it."""
    status = make_status(lines)
    status.connected()
    status.ended(was_up=True)
    for reason in (CONNECTION_REFUSED, NOT_MQTT):
        status.attempt_failed("cannot be reached", reason)
        status.ended(was_up=False)
    status.connected()
    loss = (f"lost broker pi:1883: {CONNECTION_LOST}; trying again", False)
    connection = ("connected to broker pi:1883", True)
    assert lines == [connection, loss, connection]


def test_a_broker_that_says_nothing_may_lack_mqtt_5(lines: list[tuple[str, bool]]) -> None:
    """Only where serd asks for it, the line names the setting."""
    make_status(lines).ended(was_up=False)
    make_status(lines, is_version_5=True).ended(was_up=False)
    assert ["Does it speak MQTT 5?" in line for line, _ in lines] == [False, True]


def test_what_a_broker_cannot_do_is_logged_once(lines: list[tuple[str, bool]]) -> None:
    """Over all connections; a broker that can do everything needs no line."""
    status = make_status(lines)
    for warning in ("", "retains no messages", "retains no messages"):
        status.limited(warning)
    assert lines == [("broker pi:1883 retains no messages", False)]

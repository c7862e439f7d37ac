"""The message behind which connections break is found once it was alone in flight at two breaks."""

import pytest

from serd.mqtt.suspects import Suspects


def test_the_message_alone_in_flight_at_two_breaks_is_the_cause() -> None:
    """At the first break there are several; then one at a time, of which others are answered."""
    suspects: Suspects[int] = Suspects()
    suspects.connected()
    assert not suspects.are_there
    assert suspects.broken([1, 2, 3]) is None
    assert suspects.are_there
    suspects.connected()
    suspects.answered(1)
    assert suspects.broken([2]) is None
    suspects.connected()
    suspects.answered(0)
    assert suspects.broken([2]) == 2
    assert not suspects.are_there


@pytest.mark.parametrize("in_flight", [[2, 3], [7]])
def test_others_are_not_accused(in_flight: list[int]) -> None:
    """Two in flight, or another one than at the break before."""
    suspects: Suspects[int] = Suspects()
    suspects.connected()
    suspects.answered(1)
    suspects.broken([2])
    suspects.connected()
    suspects.answered(1)
    assert suspects.broken(in_flight) is None
    assert suspects.are_there


def test_a_broker_that_answers_nothing_gives_no_evidence() -> None:
    """It closes each connection at once, or never acknowledges."""
    suspects: Suspects[int] = Suspects()
    for _ in range(5):
        suspects.connected()
        assert suspects.broken([1]) is None


def test_failed_attempts_change_nothing() -> None:
    """Between the two breaks the broker is away."""
    suspects: Suspects[int] = Suspects()
    suspects.connected()
    suspects.answered(1)
    suspects.broken([2])
    assert suspects.broken([]) is None
    suspects.connected()
    suspects.answered(1)
    assert suspects.broken([2]) == 2


def test_answered_messages_are_acquitted() -> None:
    """Once all are answered, or nothing is left to send, there is more than one in flight again."""
    suspects: Suspects[int] = Suspects()
    suspects.connected()
    suspects.broken([1, 2])
    suspects.connected()
    suspects.answered(1)
    assert suspects.are_there
    suspects.answered(2)
    assert not suspects.are_there
    suspects.broken([1, 2])
    suspects.drained()
    assert not suspects.are_there

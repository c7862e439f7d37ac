"""What the outbox knows of the broker: there or away, and which events it has missed."""

import pytest

from serd.mqtt.queue import ConnectionState


class Clock:
    """A monotonic clock that the test winds."""

    now_s = 1000.0

    def __call__(self) -> float:
        """Now, in seconds."""
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until the test winds it."""
    return Clock()


def test_the_first_connection_has_three_seconds(clock: Clock) -> None:
    """A start beside a broker that answers at once writes nothing to the disk."""
    presence = ConnectionState(clock)
    clock.now_s += 2.9
    assert (presence.is_first, presence.is_up, presence.is_away) == (True, False, False)
    clock.now_s += 0.2
    assert presence.is_away


@pytest.mark.parametrize(("after_s", "first_fresh"), [(2.9, 1), (3.1, 8)])
def test_what_was_taken_before_a_late_first_connection_is_no_news(
    clock: Clock, after_s: float, first_fresh: int
) -> None:
    """Within 3 s all events are fresh; after them, only those that are still to be taken."""
    presence = ConnectionState(clock)
    clock.now_s += after_s
    presence.came(8)
    assert (presence.is_up, presence.is_away, presence.first_fresh) == (True, False, first_fresh)


def test_what_was_taken_while_it_was_away_is_no_news(clock: Clock) -> None:
    """Lost at any time: away at once, and back with the next connection, which is another."""
    presence = ConnectionState(clock)
    presence.came(1)
    connection = presence.number
    presence.went()
    assert (presence.is_up, presence.is_away) == (False, True)
    clock.now_s += 100.0
    presence.came(5)
    assert (presence.is_up, presence.is_away, presence.first_fresh) == (True, False, 5)
    assert presence.number != connection
    assert not presence.is_first

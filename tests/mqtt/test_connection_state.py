"""The connection: up or away, and the events that are replayed because of it."""

import pytest

from serd.mqtt.connection_state import ConnectionState


class Clock:
    """A monotonic clock that the test sets."""

    now_s = 1000.0

    def __call__(self) -> float:
        """Now, in seconds."""
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until the test sets it."""
    return Clock()


def test_the_first_connection_has_three_seconds(clock: Clock) -> None:
    """A start beside a broker that answers at once writes nothing to the disk."""
    state = ConnectionState(clock)
    clock.now_s += 2.9
    assert (state.is_first, state.is_up, state.is_away) == (True, False, False)
    clock.now_s += 0.2
    assert state.is_away


@pytest.mark.parametrize(("after_s", "first_live_number"), [(2.9, 1), (3.1, 8)])
def test_events_before_a_late_first_connection_are_replayed(
    clock: Clock, after_s: float, first_live_number: int
) -> None:
    """Within 3 s all events are live; after them, only those that are put later."""
    state = ConnectionState(clock)
    clock.now_s += after_s
    state.connected(8)
    assert (state.is_up, state.is_away) == (True, False)
    assert state.first_live_number == first_live_number


def test_events_during_an_absence_are_replayed(clock: Clock) -> None:
    """Lost at any time: away at once, and back with the next connection, which is another."""
    state = ConnectionState(clock)
    state.connected(1)
    epoch = state.epoch
    state.disconnected()
    assert (state.is_up, state.is_away) == (False, True)
    clock.now_s += 100.0
    state.connected(5)
    assert (state.is_up, state.is_away, state.first_live_number) == (True, False, 5)
    assert state.epoch != epoch
    assert not state.is_first

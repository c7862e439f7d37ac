"""What the queue knows of its events on the disk: what to read, and what to remove, without a disk."""

from datetime import UTC, datetime

import pytest

from serd.mqtt.disk_state import DiskChange, DiskState
from serd.mqtt.rows import BEFORE_ALL, QueuedEvent
from testkit.clocks import MachineClocks

NOW = datetime(2026, 11, 28, 17, 0, tzinfo=UTC)


@pytest.fixture
def clocks() -> MachineClocks:
    """Clocks that stand still until the test moves them."""
    return MachineClocks(NOW)


def events(*numbers: int) -> tuple[QueuedEvent, ...]:
    """Events of these numbers."""
    return tuple(QueuedEvent(number, str(number), "event", "{}", 0.0) for number in numbers)


def make_state(clocks: MachineClocks, *numbers: int) -> DiskState:
    """The state of a disk for 1,000 events that has stored some."""
    state = DiskState(1000, clocks.event_clock())
    state.stored(DiskChange(events(*numbers), ()))
    state.copy_counts(n_stored=len(numbers), last_stored=max(numbers, default=BEFORE_ALL), n_dropped=0)
    return state


def read_ahead(state: DiskState) -> list[int]:
    """Numbers of the events that are read ahead."""
    return [each.number for each in state.read_ahead]


def test_without_a_spool_there_is_nothing_to_do(clocks: MachineClocks) -> None:
    """Nothing is written or read, and no event waits for the disk."""
    state = DiskState(None, clocks.event_clock())
    assert (state.is_there, state.may_write, state.is_unread, state.max_new) == (False, False, False, 0)


def test_reading_goes_forward_to_the_last_event(clocks: MachineClocks) -> None:
    """Each event is read once on a connection, and all of them again on the next one."""
    state = make_state(clocks, 1, 2, 3)
    assert (state.is_unread, state.read_position) == (True, BEFORE_ALL)
    state.read(events(1, 2), in_flight=(), last_stored=3)
    assert (state.is_unread, state.read_position) == (True, 2)
    state.read(events(3), in_flight=(), last_stored=3)
    assert (state.is_unread, read_ahead(state)) == (False, [1, 2, 3])
    state.read_again()
    assert (state.is_unread, state.read_position, read_ahead(state)) == (True, BEFORE_ALL, [])


def test_events_that_are_sent_or_answered_are_not_read_ahead(clocks: MachineClocks) -> None:
    """They may be on the disk still when it is read."""
    state = make_state(clocks, 1, 2, 3)
    state.answer(1)
    state.read(events(1, 2, 3), in_flight={2}, last_stored=3)
    assert read_ahead(state) == [3]
    assert state.n_unanswered == 2


def test_an_event_that_reading_has_passed_keeps_its_turn(clocks: MachineClocks) -> None:
    """It goes between those that are read ahead; one behind them is read later."""
    state = make_state(clocks, 1, 2, 4, 5, 6)
    state.read(events(1, 4, 5), in_flight=(), last_stored=6)
    for event in events(2, 6):
        state.return_stored(event)
    assert read_ahead(state) == [1, 2, 4, 5]


def test_few_answered_events_leave_together_and_many_at_once(clocks: MachineClocks) -> None:
    """A second after the first of them, or when there are fifty."""
    state = make_state(clocks, *range(1, 101))
    state.answer(1)
    clocks.wait(0.9)
    state.answer(2)
    assert (state.is_removal_due, state.is_timed) == (False, True)
    clocks.wait(0.2)
    assert state.is_removal_due
    state.stored(DiskChange((), state.answered))
    assert (state.is_removal_due, state.is_timed) == (False, False)
    for number in range(3, 53):
        state.answer(number)
    assert state.is_removal_due


def test_no_event_waits_for_a_disk_that_fails(clocks: MachineClocks) -> None:
    """They count as committed then; the disk is left alone until it is tried again."""
    state = make_state(clocks, 1)
    assert (state.is_committed(1), state.is_committed(2), state.max_new) == (True, False, 1000)
    state.writing.failed()
    assert (state.is_committed(2), state.max_new, state.may_write) == (True, 0, False)
    state.reading.failed()
    assert not state.is_unread

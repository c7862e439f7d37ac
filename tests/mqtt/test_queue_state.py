"""The state of the event queue: what is next, without a link, a spool or a thread."""

from datetime import UTC, datetime

import pytest

from serd.mqtt.disk_state import DiskChange
from serd.mqtt.limits import BrokerLimits
from serd.mqtt.message import Answer, Message
from serd.mqtt.queue_state import QueueLimits, QueueState
from serd.mqtt.rows import BEFORE_ALL, QueuedEvent
from testkit.clocks import MachineClocks

STORE_AFTER_S = 5.0
NOW = datetime(2026, 11, 28, 17, 0, tzinfo=UTC)


def make_state(
    clocks: MachineClocks, *, always: bool = False, max_on_disk: int | None = 100
) -> QueueState:
    """A state with room for two events in memory, whose broker takes up to three messages at a time."""
    limits = QueueLimits(
        max_in_memory=2, stores_every_event=always, store_after_s=STORE_AFTER_S, calm_s=0.0
    )
    online = Message("status", "online", is_retained=True)
    return QueueState(limits, max_on_disk=max_on_disk, online=online, clock=clocks.event_clock())


def connect(state: QueueState) -> None:
    """Begin a connection, and send the retained state of each connection, which is acknowledged."""
    state.connected(BrokerLimits(max_in_flight=3))
    assert send(state, 1000) == "status"
    state.acknowledged(1000, Answer(""))


def put(state: QueueState, *names: str) -> None:
    """Put events with these ids."""
    for name in names:
        state.put(name, "event", name)


def send(state: QueueState, message_id: int) -> str:
    """Send the next message under an id: the id of its event, else its topic; empty if there is none."""
    message = state.pop()
    if message is None:
        return ""
    state.sent(message, message_id, state.connection.epoch)
    return message.event.id if message.event else message.topic


def write(state: QueueState) -> list[str]:
    """Write what is due to a disk that works: ids of the events that are stored."""
    change = state.disk_change or DiskChange((), ())
    state.written(change)
    return [event.id for event in change.new]


@pytest.fixture
def clocks() -> MachineClocks:
    """Clocks that stand still until the test moves them."""
    return MachineClocks(NOW)


def test_state_goes_before_events_and_leaves_them_room(clocks: MachineClocks) -> None:
    """One of three messages in flight is for state, the others for events, in order."""
    state = make_state(clocks)
    connect(state)
    put(state, "a", "b")
    state.retained.retain("mood", "{}")
    state.retained.retain("speech", "ON")
    assert [send(state, n) for n in range(1, 5)] == ["mood", "a", "b", ""]
    assert state.n_in_flight == 3


def test_an_answer_that_comes_before_the_message_is_noted_counts(clocks: MachineClocks) -> None:
    """A fast broker answers while the sender still holds the message."""
    state = make_state(clocks)
    connect(state)
    put(state, "a")
    message = state.pop()
    assert message is not None
    assert state.acknowledged(7, Answer("no right to publish")) is None
    refused = state.sent(message, 7, state.connection.epoch)
    assert refused is not None
    assert refused.answer.refusal == "no right to publish"
    assert (state.n_in_flight, state.n_refused, state.is_drained) == (0, 1, True)


def test_a_refusal_is_given_once_for_a_topic(clocks: MachineClocks) -> None:
    """A broker that refuses all events fills no log."""
    state = make_state(clocks)
    connect(state)
    put(state, "a", "b")
    assert [send(state, 1), send(state, 2)] == ["a", "b"]
    refusals = [state.acknowledged(message_id, Answer("quota")) for message_id in (1, 2)]
    assert [refused is not None for refused in refusals] == [True, False]
    assert state.n_refused == 2


def test_memory_alone_drops_the_oldest(clocks: MachineClocks) -> None:
    """Without a spool two events are the most that wait; the first are dropped and counted."""
    state = make_state(clocks, max_on_disk=None)
    put(state, "a", "b", "c", "d")
    assert (state.max_waiting, state.n_in_memory, state.n_dropped) == (2, 2, 2)
    connect(state)
    assert [send(state, n) for n in (1, 2, 3)] == ["c", "d", ""]


def test_events_go_to_the_disk_when_they_are_too_many_or_wait_too_long(clocks: MachineClocks) -> None:
    """Beyond two, or after five seconds; those in flight too."""
    state = make_state(clocks)
    connect(state)
    put(state, "a", "b")
    assert send(state, 1) == "a"
    assert write(state) == []
    put(state, "c", "d")
    assert write(state) == ["b", "c", "d"]
    clocks.wait(STORE_AFTER_S)
    assert write(state) == ["a"]
    assert state.n_in_memory == 0


def test_an_event_that_must_be_on_the_disk_is_sent_from_there(clocks: MachineClocks) -> None:
    """It is committed once it is written, and read before it is sent; a disk that fails lets it go."""
    state = make_state(clocks, always=True)
    connect(state)
    put(state, "a")
    assert (state.is_committed(1), state.pop()) == (False, None)
    assert write(state) == ["a"]
    assert state.is_committed(1)
    state.disk.copy_counts(n_stored=1, last_stored=1, n_dropped=0)
    assert (state.pop(), state.read_position) == (None, BEFORE_ALL)
    state.read([QueuedEvent(1, "a", "event", "a", 0.0)], state.connection.epoch, 1)
    assert (send(state, 1), state.read_position) == ("a", None)
    put(state, "b")
    assert state.pop() is None
    state.disk.writing.failed()
    assert (send(state, 2), state.is_committed(2)) == ("b", True)


def test_what_was_read_for_an_earlier_connection_is_read_again(clocks: MachineClocks) -> None:
    """The next connection begins with the first event of the disk."""
    state = make_state(clocks, always=True)
    connect(state)
    put(state, "a")
    write(state)
    state.disk.copy_counts(n_stored=1, last_stored=1, n_dropped=0)
    epoch = state.connection.epoch
    state.disconnected()
    connect(state)
    state.read([QueuedEvent(1, "a", "event", "a", 0.0)], epoch, 1)
    assert (state.pop(), state.read_position) == (None, BEFORE_ALL)


def test_events_in_flight_go_first_on_the_next_connection(clocks: MachineClocks) -> None:
    """In their order, marked as replayed, and one at a time, since one of them may be the cause."""
    state = make_state(clocks, max_on_disk=None)
    connect(state)
    put(state, "a", "b")
    assert [send(state, 1), send(state, 2)] == ["a", "b"]
    state.disconnected()
    assert (state.n_in_memory, state.n_in_flight) == (2, 0)
    connect(state)
    message = state.pop()
    assert message is not None
    assert (message.payload, message.is_replayed) == ("a", True)
    state.sent(message, 3, state.connection.epoch)
    assert state.pop() is None


def test_nothing_is_taken_once_the_end_has_begun(clocks: MachineClocks) -> None:
    """What waits then is for the disk."""
    state = make_state(clocks)
    connect(state)
    put(state, "a", "b")
    assert send(state, 1) == "a"
    state.is_closing = True
    assert state.pop() is None
    assert [event.id for event in state.take_back().new] == ["a", "b"]

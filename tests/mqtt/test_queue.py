"""The event queue over a fake link: order, storage, connections, without a broker or a thread."""

import json
import logging
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from test_spool import limit, make_spool

from serd.daemon.supervisor import Supervisor
from serd.events.replay import move_time
from serd.mqtt.clock import EventClock
from serd.mqtt.limits import BrokerLimits
from serd.mqtt.message import Message
from serd.mqtt.queue import EventQueue
from serd.mqtt.queue_state import QueueLimits
from serd.mqtt.rows import BEFORE_ALL, QueuedEvent
from serd.mqtt.spool import Spool
from testkit.brokers import DEADLINE_S, logged_lines, wait_until
from testkit.clocks import MachineClocks

EVENT, STATUS = "event", "status"
STORE_AFTER_S = 5.0
NOW = datetime(2026, 11, 28, 17, 0, tzinfo=UTC)


class FakeLink:
    """Takes every message of the queue, and remembers the events among them in order."""

    address = "broker:1883"

    def __init__(self, queue: EventQueue) -> None:
        self.queue = queue
        self.max_in_flight = 1000
        self.is_connected = False
        self.is_early = False
        """Whether events are acknowledged before ``publish`` returns."""
        self.breaks = ""
        """Whether the connection ends "before" or "after" the next event is written to it."""
        self.sent: list[tuple[int, bool]] = []
        """Id of each event of this connection, and whether it is marked as replayed."""
        self.other: list[tuple[str, str]] = []
        """Topic and payload of each other message of this connection."""
        self.acknowledges_state = True
        """Whether messages that are no events are acknowledged at once."""
        self.unanswered: dict[int, int] = {}
        """Ids of the events in flight, by the id of the message."""
        self.delivered: set[int] = set()
        """Ids of all events that were acknowledged."""
        self.subscribed: list[str] = []
        """Topics in the order of the subscriptions, over all connections."""
        self.given_up: list[str] = []
        """Why connections were given up."""
        self._n_messages = 0

    @property
    def limits(self) -> BrokerLimits:
        """What the broker takes."""
        return BrokerLimits(max_in_flight=self.max_in_flight)

    def give_up(self, reason: str) -> None:
        """Note that the connection was given up."""
        self.given_up.append(reason)

    @property
    def ids(self) -> list[int]:
        """Ids of the events of this connection, in the order in which they were sent."""
        return [number for number, _ in self.sent]

    def publish(self, topic: str, payload: str, *, is_retained: bool) -> int | None:  # noqa: ARG002
        """Note a message."""
        if self.breaks == "before" and topic == EVENT:
            self.lose()
        if not self.is_connected:
            return None
        self._n_messages += 1
        if topic == EVENT:
            body = json.loads(payload)
            self.sent.append((int(body["id"]), body.get("replayed", False)))
            self.unanswered[self._n_messages] = int(body["id"])
            if self.breaks == "after":
                self.lose()
            elif self.is_early:
                self.acknowledge(self._n_messages)
        else:
            self.other.append((topic, payload))
            if self.acknowledges_state:
                self.queue.acknowledged(self._n_messages, refusal="", is_final=True)
        return self._n_messages

    def subscribe(self, topic_filter: str) -> None:
        """Note the topic; no message comes back."""
        self.subscribed.append(topic_filter)

    def connect(self) -> None:
        """Begin a connection."""
        self.is_connected = True
        self.queue.connected()

    def lose(self) -> None:
        """End the connection, or fail to connect."""
        self.is_connected = False
        self.breaks = ""
        self.sent, self.other, self.unanswered = [], [], {}
        self.queue.disconnected()

    def acknowledge(self, message_id: int, refusal: str = "") -> None:
        """Answer one event in flight."""
        self.delivered.add(self.unanswered.pop(message_id))
        self.queue.acknowledged(message_id, refusal=refusal, is_final=True)

    def postpone(self, message_id: int) -> None:
        """Refuse one event in flight for now."""
        del self.unanswered[message_id]
        self.queue.acknowledged(message_id, refusal="quota exceeded", is_final=False)

    def acknowledge_all(self) -> None:
        """Acknowledge all events in flight."""
        for message_id in tuple(self.unanswered):
            self.acknowledge(message_id)


def as_replayed(payload: str) -> str:
    """The JSON of an event, marked."""
    return json.dumps(json.loads(payload) | {"replayed": True})


def make_queue(
    spool: Spool | None,
    *,
    stores_every_event: bool = False,
    max_in_memory: int = 100,
    commit_timeout_s: float = 0.0,
    calm_s: float = 0.0,
    clock: EventClock | None = None,
) -> tuple[EventQueue, FakeLink]:
    """A queue whose sender is the test itself, with its spool open, and a link that is connecting."""
    queue = EventQueue(
        spool,
        QueueLimits(
            max_in_memory=max_in_memory,
            stores_every_event=stores_every_event,
            store_after_s=STORE_AFTER_S,
            calm_s=calm_s,
            commit_timeout_s=commit_timeout_s,
        ),
        online=Message(STATUS, "online", is_retained=True),
        offline=Message(STATUS, "offline", is_retained=True),
        as_replayed=as_replayed,
        move_time=move_time,
        clock=clock or EventClock(),
    )
    link = FakeLink(queue)
    queue.attach(link)
    queue.open()
    return queue, link


def put(queue: EventQueue, *ids: int) -> None:
    """Put an event of half a kilobyte for each id."""
    for number in ids:
        queue.put(str(number), EVENT, json.dumps({"id": str(number), "text": "." * 500}))


def send(queue: EventQueue, n_messages: int = 10_000) -> None:
    """Send up to n messages."""
    for _ in range(n_messages):
        if not queue.send_next():
            break


def deliver(queue: EventQueue, link: FakeLink, n_answers: int = 10_000) -> None:
    """Send all messages, and acknowledge up to n events, one after the other."""
    send(queue)
    for _ in range(n_answers):
        if not link.unanswered:
            break
        link.acknowledge(next(iter(link.unanswered)))
        send(queue)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A spool file that does not exist yet."""
    return tmp_path / "spool.db"


def test_state_leaves_room_for_events() -> None:
    """State that the broker does not acknowledge takes half of the messages in flight at most."""
    queue, link = make_queue(None)
    link.acknowledges_state = False
    link.connect()
    for number in range(link.max_in_flight):
        queue.retain(f"serd/pi/mic/{number}", "on")
    put(queue, 1, 2)
    send(queue)
    assert len(link.other) == link.max_in_flight // 2
    assert link.ids == [1, 2]


def test_each_topic_is_subscribed_to_once_a_connection() -> None:
    """At its begin, or when the first handler comes; without a connection there is no subscription."""
    queue, link = make_queue(None)
    received: list[bytes] = []
    queue.subscribe("a/set", lambda _topic, payload: received.append(payload))
    assert link.subscribed == []
    link.connect()
    assert link.subscribed == ["a/set"]
    queue.subscribe("a/set", lambda _topic, payload: received.append(payload))
    queue.subscribe("b/set", lambda _topic, _payload: None)
    assert link.subscribed == ["a/set", "b/set"]
    queue.received("a/set", b"ON")
    assert received == [b"ON", b"ON"]
    link.lose()
    link.connect()
    assert link.subscribed == ["a/set", "b/set", "a/set", "b/set"]


def test_offline_writes_nothing_while_the_broker_is_there(path: Path) -> None:
    """Events go from memory to the broker; no file is created."""
    queue, link = make_queue(make_spool(path))
    link.connect()
    put(queue, 1, 2, 3)
    queue.write()
    send(queue)
    link.acknowledge_all()
    queue.write()
    assert not queue.send_next()
    assert link.ids == [1, 2, 3]
    queue.finish()
    assert not path.exists()


def test_offline_writes_all_while_the_broker_is_away(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events that wait or were in flight are stored, sent in order, and leave no file."""
    monkeypatch.setattr("serd.mqtt.disk_state._REMOVE_DELAY_S", 0.0)
    queue, link = make_queue(make_spool(path))
    link.connect()
    put(queue, 1, 2, 3, 4)
    send(queue, 3)
    assert link.ids == [1, 2]
    link.lose()
    queue.write()
    put(queue, 5)
    queue.write()
    assert (queue.n_on_disk, queue.n_in_memory) == (5, 0)
    link.connect()
    put(queue, 6)
    deliver(queue, link, 2)
    assert link.sent == [*((number, True) for number in range(1, 6)), (6, False)]
    assert (queue.n_on_disk, queue.n_in_memory, queue.n_in_flight) == (3, 0, 4)
    link.acknowledge_all()
    assert queue.n_on_disk == 0
    queue.write()
    assert not path.exists()


def test_only_what_is_on_the_disk_stays_there_when_a_connection_ends(path: Path) -> None:
    """Of two events in flight, the stored one is read again, and the other one waits in memory."""
    queue, link = make_queue(make_spool(path))
    link.lose()
    put(queue, 1)
    queue.write()
    link.connect()
    put(queue, 2)
    send(queue)
    assert (queue.n_on_disk, queue.n_in_memory) == (1, 0)
    link.lose()
    assert (queue.n_on_disk, queue.n_in_memory) == (1, 1)
    link.connect()
    deliver(queue, link)
    assert link.sent == [(1, True), (2, True)]
    queue.finish()


def test_always_sends_nothing_that_is_not_on_the_disk(path: Path) -> None:
    """Each event is stored before it is sent, with the broker there or not."""
    queue, link = make_queue(make_spool(path), stores_every_event=True)
    link.connect()
    put(queue, 1)
    send(queue)
    assert link.ids == []
    queue.write()
    assert (queue.n_on_disk, queue.n_in_memory) == (1, 0)
    send(queue)
    assert link.ids == [1]
    queue.finish()


def test_always_puts_an_event_only_once_it_is_on_the_disk(path: Path) -> None:
    """``put`` returns when the sender has written the event, not before."""
    queue, _ = make_queue(make_spool(path), stores_every_event=True, commit_timeout_s=DEADLINE_S)
    caller = threading.Thread(target=put, args=(queue, 1))
    caller.start()
    wait_until(lambda: queue.n_in_memory == 1, "the event")
    assert caller.is_alive()
    queue.write()
    caller.join(DEADLINE_S / 2)
    assert not caller.is_alive()
    queue.finish()


def test_too_many_for_the_memory_go_to_the_disk(path: Path) -> None:
    """A broker that is there but slow: above the limit the disk takes them, none is dropped."""
    queue, link = make_queue(make_spool(path), max_in_memory=10)
    link.connect()
    put(queue, *range(1, 31))
    queue.write()
    put(queue, 31)
    queue.write()
    assert (queue.n_on_disk, queue.n_in_memory, queue.n_dropped) == (30, 1, 0)
    send(queue)
    assert link.ids == list(range(1, 32))
    queue.finish()


def test_too_many_for_the_disk_are_counted_and_logged_once(path: Path) -> None:
    """Room for 10 on the disk: of 30 the newest 10 stay."""
    with logged_lines() as lines:
        queue, link = make_queue(make_spool(path, max_events=10))
        link.lose()
        for number in range(1, 31):
            put(queue, number)
            queue.write()
    assert queue.n_dropped == 20
    link.connect()
    send(queue)
    assert link.ids == list(range(21, 31))
    assert lines == ["10 events are stored on the disk: the oldest are dropped"]
    queue.finish()


def test_events_of_an_earlier_run_are_sent_first(path: Path) -> None:
    """They are logged, come before everything new, and are marked as replayed."""
    queue, _ = make_queue(make_spool(path))
    put(queue, 1, 2)
    queue.finish()
    with logged_lines() as lines:
        queue, link = make_queue(make_spool(path))
    put(queue, 3)
    link.connect()
    send(queue)
    assert link.sent == [(1, True), (2, True), (3, False)]
    assert lines == ["2 events of an earlier run are sent first"]
    queue.finish()


def test_a_full_disk_is_logged_once_and_used_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is full events wait in memory; once there is room they go to the disk; two lines."""
    spool = make_spool(path)
    with logged_lines() as lines:
        queue, link = make_queue(spool, max_in_memory=50)
        link.lose()
        put(queue, 1)
        queue.write()
        limit(spool, 2)
        put(queue, *range(2, 41))
        queue.write()
        limit(spool, 10_000)
        queue.write()
        assert (queue.n_on_disk, queue.n_in_memory) == (1, 39)
        limit(spool, 2)
        monkeypatch.setattr("serd.mqtt.outage.RETRY_S", 0.0)
        queue.write()
        assert (queue.n_on_disk, queue.n_in_memory) == (1, 39)
        limit(spool, 10_000)
        queue.write()
    assert (queue.n_on_disk, queue.n_in_memory) == (40, 0)
    assert lines == [
        f"events cannot be stored on the disk and wait in memory: {path}: the disk is full",
        f"events are stored in {path} again",
    ]
    link.connect()
    send(queue)
    assert link.ids == list(range(1, 41))
    queue.finish()


def test_always_goes_on_in_memory_where_there_is_no_disk(tmp_path: Path) -> None:
    """A state folder that cannot be created: events are sent all the same."""
    (tmp_path / "file").write_text("")
    queue, link = make_queue(
        make_spool(tmp_path / "file" / "spool.db"), stores_every_event=True, max_in_memory=3
    )
    put(queue, 1)
    queue.write()
    link.connect()
    send(queue)
    assert link.ids == [1]
    put(queue, 2, 3, 4, 5, 6)
    send(queue)
    assert link.ids == [1, 4, 5, 6]
    assert queue.n_dropped == 2


def test_a_second_daemon_in_one_folder_keeps_its_events(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line names the cause; its events wait in memory, and go to the disk when the first ends."""
    first, _ = make_queue(make_spool(path))
    first_link = FakeLink(first)
    first_link.lose()
    put(first, 1)
    first.write()
    with logged_lines() as lines:
        second, link = make_queue(make_spool(path))
        link.lose()
        put(second, 2, 3)
        second.write()
    assert (second.n_on_disk, second.n_in_memory, second.n_dropped) == (0, 2, 0)
    cause = f"{path}: another serd uses this state folder; each needs its own"
    assert lines == [
        f"events of an earlier run cannot be read: {cause}",
        f"events cannot be stored on the disk and wait in memory: {cause}",
    ]
    first.finish()
    monkeypatch.setattr("serd.mqtt.outage.RETRY_S", 0.0)
    second.write()
    assert (second.n_on_disk, second.n_in_memory) == (3, 0)
    link.connect()
    send(second)
    assert link.ids == [1, 2, 3]
    second.finish()


@pytest.mark.parametrize("stores_every_event", [False, True])
@pytest.mark.parametrize("n_sent", [0, 3, 10])
def test_events_that_are_not_acknowledged_go_to_the_disk(
    path: Path, tmp_path: Path, n_sent: int, *, stores_every_event: bool
) -> None:
    """After 5 s without an answer, sent or not, they outlive the process; each is sent once."""
    clocks = MachineClocks(NOW)
    clock = clocks.event_clock()
    queue, link = make_queue(
        make_spool(path, clock=clock), clock=clock, stores_every_event=stores_every_event
    )
    link.connect()
    send(queue)
    put(queue, *range(1, 11))
    if stores_every_event:
        queue.write()
    send(queue, n_sent)
    clocks.wait(STORE_AFTER_S - 1.0)
    queue.write()
    assert path.exists() is stores_every_event
    clocks.wait(1.0)
    queue.write()
    assert (queue.n_on_disk, queue.n_in_memory, link.ids) == (10, 0, list(range(1, n_sent + 1)))
    killed = tmp_path / "killed"
    killed.mkdir()
    for file in path.parent.glob("spool.db*"):
        shutil.copy(file, killed)
    spool = make_spool(killed / path.name)
    assert [each.id for each in spool.read(100)] == [str(number) for number in range(1, 11)]
    spool.close()
    send(queue)
    assert link.ids == list(range(1, 11))
    link.acknowledge_all()
    assert (queue.n_on_disk, queue.n_in_memory) == (0, 0)
    queue.finish()


def test_events_that_are_acknowledged_in_time_are_not_written(path: Path) -> None:
    """A hundred events, each acknowledged after 4 s: no file."""
    clocks = MachineClocks(NOW)
    clock = clocks.event_clock()
    queue, link = make_queue(make_spool(path, clock=clock), clock=clock)
    link.connect()
    for number in range(1, 101):
        put(queue, number)
        send(queue)
        clocks.wait(STORE_AFTER_S - 1.0)
        queue.write()
        link.acknowledge_all()
    assert not path.exists()


def test_an_event_that_is_acknowledged_while_it_is_written_leaves_the_disk(path: Path) -> None:
    """The answer comes from another thread: the event is neither kept nor sent again."""

    class AnsweredSpool(Spool):
        """A spool during whose writes the broker acknowledges everything."""

        def update(self, store: Sequence[QueuedEvent] = (), remove: Collection[int] = ()) -> None:
            """Update, and acknowledge."""
            super().update(store, remove)
            link.acknowledge_all()

    clocks = MachineClocks(NOW)
    clock = clocks.event_clock()
    queue, link = make_queue(make_spool(path, clock=clock, kind=AnsweredSpool), clock=clock)
    link.connect()
    put(queue, 1)
    send(queue)
    clocks.wait(STORE_AFTER_S)
    queue.write()
    assert (queue.n_on_disk, queue.n_in_memory, queue.n_in_flight) == (0, 0, 0)
    link.lose()
    link.connect()
    send(queue)
    assert link.ids == []
    queue.finish()
    assert not path.exists()


def test_older_events_than_the_disk_has_read_keep_their_turn(path: Path) -> None:
    """Events that come back from flight while the disk holds newer ones are stored and sent in order."""
    queue, link = make_queue(make_spool(path), max_in_memory=4)
    link.connect()
    put(queue, 1, 2)
    send(queue)
    put(queue, *range(3, 9))
    queue.write()
    link.lose()
    link.connect()
    send(queue, 2)
    assert link.ids == [1]
    put(queue, *range(9, 15))
    queue.write()
    deliver(queue, link)
    assert link.ids == list(range(1, 15))
    queue.finish()


def test_a_full_window_holds_the_sender(path: Path) -> None:
    """No more messages are in flight than the link allows; each answer makes room for one more."""
    queue, link = make_queue(make_spool(path))
    link.max_in_flight = 3
    link.connect()
    put(queue, *range(1, 10))
    send(queue)
    assert (link.ids, queue.n_in_flight) == ([1, 2, 3], 3)
    link.acknowledge(next(iter(link.unanswered)))
    send(queue)
    assert (link.ids, queue.n_in_flight) == ([1, 2, 3, 4], 3)


def test_after_a_break_there_is_one_message_at_a_time(path: Path) -> None:
    """Until those that were in flight are acknowledged; the one behind which it breaks again is out."""
    queue, link = make_queue(make_spool(path), stores_every_event=True)
    link.connect()
    put(queue, *range(1, 8))
    queue.write()
    send(queue)
    link.lose()
    link.connect()
    send(queue)
    assert link.ids == [1]
    link.acknowledge(next(iter(link.unanswered)))
    send(queue)
    assert link.ids == [1, 2]
    with logged_lines() as lines:
        link.lose()
        assert (queue.n_refused, lines) == (0, [])
        link.connect()
        send(queue)
        assert link.ids == [2]
        link.lose()
    assert (queue.n_refused, queue.n_on_disk) == (1, 5)
    assert len(lines) == 1
    about = r"broker broker:1883 closes the connection after each message on event of \d+ bytes; this"
    assert re.match(about, lines[0])
    link.connect()
    send(queue)
    assert link.ids == list(range(3, 8))
    queue.finish()
    spool = make_spool(path)
    assert [each.id for each in spool.read(100)] == ["3", "4", "5", "6", "7"]
    spool.close()


@pytest.mark.parametrize("suspect", ["event", "state"])
def test_a_broker_that_restarts_again_and_again_is_no_evidence(path: Path, suspect: str) -> None:
    """What was in flight waits until a connection has lasted, and is sent then, with all behind it."""
    clocks = MachineClocks(NOW)
    clock = clocks.event_clock()
    queue, link = make_queue(make_spool(path, clock=clock), clock=clock, calm_s=3.0)
    link.connect()
    send(queue)
    if suspect == "event":
        put(queue, 1, 2, 3)
    else:
        link.acknowledges_state = False
        queue.retain("state", "sad")
    send(queue)
    link.lose()
    for _ in range(5):
        link.acknowledges_state = True
        link.connect()
        send(queue, 1)
        link.acknowledges_state = suspect == "event"
        send(queue)
        clocks.wait(2.9)
        link.lose()
    link.acknowledges_state = True
    link.connect()
    send(queue)
    clocks.wait(3.0)
    for _ in range(3):
        send(queue)
        link.acknowledge_all()
    assert queue.n_refused == 0
    assert link.delivered == ({1, 2, 3} if suspect == "event" else set())
    assert suspect == "event" or link.other[-1] == ("state", "sad")
    queue.finish()


def test_a_connection_without_acknowledgements_is_given_up(path: Path) -> None:
    """After 60 s without an answer to a message, whatever else was answered; not before."""
    clocks = MachineClocks(NOW)
    clock = clocks.event_clock()
    queue, link = make_queue(make_spool(path, clock=clock), clock=clock)
    link.connect()
    put(queue, 1, 2)
    send(queue)
    clocks.wait(30.0)
    link.acknowledge(max(link.unanswered))
    clocks.wait(29.0)
    queue.give_up_stalled()
    assert link.given_up == []
    clocks.wait(1.0)
    queue.give_up_stalled()
    assert link.given_up == ["it has not acknowledged event for 60 s"]
    queue.finish()


@pytest.mark.parametrize("breaks", ["before", "after"])
def test_an_event_that_is_sent_as_the_connection_ends_keeps_its_turn(path: Path, breaks: str) -> None:
    """It is the first event of the next connection."""
    queue, link = make_queue(make_spool(path))
    link.connect()
    put(queue, 1, 2)
    link.breaks = breaks
    send(queue)
    assert (link.ids, queue.n_in_memory, queue.n_in_flight) == ([], 2, 0)
    link.connect()
    send(queue)
    assert link.ids == [1, 2]


def test_a_refused_event_is_given_up_counted_and_logged_once(path: Path) -> None:
    """It leaves the disk like an acknowledged one, so that it does not block those behind it."""
    queue, link = make_queue(make_spool(path), stores_every_event=True)
    link.connect()
    put(queue, 1, 2)
    queue.write()
    send(queue)
    with logged_lines() as lines:
        for message_id in tuple(link.unanswered):
            link.acknowledge(message_id, refusal="not authorised")
    assert (queue.n_refused, queue.n_on_disk, queue.n_in_flight) == (2, 0, 0)
    assert lines == ["broker broker:1883 does not accept event: not authorised"]
    queue.finish()


@pytest.mark.parametrize("stores_every_event", [False, True])
def test_an_event_that_is_refused_for_now_is_sent_later(
    path: Path, monkeypatch: pytest.MonkeyPatch, *, stores_every_event: bool
) -> None:
    """No event is sent until the pause is over; then all are, in order, and none counts as refused."""
    queue, link = make_queue(make_spool(path), stores_every_event=stores_every_event)
    link.connect()
    link.max_in_flight = 3
    put(queue, *range(1, 7))
    queue.write()
    send(queue)
    with logged_lines() as lines:
        for message_id in reversed(tuple(link.unanswered)):
            link.postpone(message_id)
    link.sent.clear()
    queue.retain("mute", "ON")
    send(queue)
    assert (link.ids, link.other[-1]) == ([], ("mute", "ON"))
    monkeypatch.setattr("serd.mqtt.outage.RETRY_S", 0.0)
    link.max_in_flight = 100
    send(queue)
    assert link.ids == list(range(1, 7))
    link.acknowledge_all()
    assert (queue.n_refused, queue.n_dropped, queue.n_on_disk, queue.n_in_memory) == (0, 0, 0, 0)
    assert lines == ["broker broker:1883 does not accept event for now: quota exceeded"]
    queue.finish()


class ProbedSpool(Spool):
    """A spool that calls a function at each use."""

    probe: Callable[[str], None]

    def open(self) -> None:
        """Probe, and open."""
        self.probe("open")
        super().open()

    def update(self, store: Sequence[QueuedEvent] = (), remove: Collection[int] = ()) -> None:
        """Probe, and update."""
        self.probe("update")
        super().update(store, remove)

    def read(self, n_events: int, *, after: int = BEFORE_ALL) -> list[QueuedEvent]:
        """Probe, and read."""
        self.probe("read")
        return super().read(n_events, after=after)

    def close(self) -> None:
        """Probe, and close."""
        self.probe("close")
        super().close()


def test_the_lock_is_free_during_calls_that_may_block(path: Path) -> None:
    """Another thread can use the queue while it calls the link, the disk, a handler or the log."""
    free: dict[str, bool] = {}

    def probe(call: str) -> None:
        other = threading.Thread(target=lambda: queue.n_in_memory, daemon=True)
        other.start()
        other.join(1.0)
        free[call] = free.get(call, True) and not other.is_alive()

    class ProbedLink(FakeLink):
        """A link that probes the lock at each use."""

        def publish(self, topic: str, payload: str, *, is_retained: bool) -> int | None:
            """Probe, and publish."""
            probe("publish")
            return super().publish(topic, payload, is_retained=is_retained)

        def subscribe(self, topic_filter: str) -> None:  # noqa: ARG002
            """Probe."""
            probe("subscribe")

    queue, _ = make_queue(make_spool(path))
    put(queue, 1)
    queue.finish()
    spool = make_spool(path, max_events=2, kind=ProbedSpool)
    spool.probe = probe
    log = logging.Handler()
    log.emit = lambda record: probe(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("serd.mqtt").addHandler(log)
    try:
        with logged_lines():
            queue, _ = make_queue(spool, max_in_memory=1)
            link = ProbedLink(queue)
            queue.attach(link)
            queue.subscribe("mic/set", lambda _topic, _payload: probe("handler"))
            link.connect()
            put(queue, 2, 3, 4, 5, 6)
            queue.write()
            send(queue)
            link.acknowledge(next(iter(link.unanswered)), refusal="not authorised")
            queue.received("mic/set", b"ON")
            queue.finish()
    finally:
        logging.getLogger("serd.mqtt").removeHandler(log)
    assert all(free.values()), free
    assert set(free) == {
        *("open", "update", "read", "close", "publish", "subscribe", "handler"),
        "1 events of an earlier run are sent first",
        "3 events wait for the broker: the oldest are dropped",
        "2 events are stored on the disk: the oldest are dropped",
        "broker broker:1883 does not accept event: not authorised",
    }


class BrokenSpool(Spool):
    """A spool with a mistake in its code."""

    is_broken = True

    def update(self, store: Sequence[QueuedEvent] = (), remove: Collection[int] = ()) -> None:
        """Fail as no spool should."""
        if self.is_broken:
            raise OverflowError("mistake")
        super().update(store, remove)


class TestUnexpectedExceptions:
    """Exceptions that nobody expects: the sender goes on, one traceback is logged, no event is lost."""

    @pytest.fixture(autouse=True)
    def _short_pauses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("serd.mqtt.outage.RETRY_S", 0.05)

    @pytest.mark.parametrize("stores_every_event", [False, True])
    def test_of_the_spool(
        self, path: Path, caplog: pytest.LogCaptureFixture, *, stores_every_event: bool
    ) -> None:
        """Events go on from memory, and to the disk once the spool works again."""
        spool = make_spool(path, kind=BrokenSpool)
        queue, link = make_queue(spool, stores_every_event=stores_every_event)
        queue.start(Supervisor())
        link.lose()
        put(queue, 1)
        wait_until(lambda: caplog.records, "the traceback")
        link.connect()
        wait_until(lambda: link.ids == [1], "the event from memory")
        link.acknowledge_all()
        link.lose()
        put(queue, 2, 3)
        spool.is_broken = False
        wait_until(lambda: queue.n_on_disk == 2, "the events on the disk")
        link.connect()
        wait_until(lambda: link.ids == [2, 3], "the events from the disk")
        link.acknowledge_all()
        queue.close(2.0)
        assert [bool(record.exc_info) for record in caplog.records if record.levelname == "WARNING"] == [
            True
        ]

    @pytest.mark.parametrize("stores_every_event", [False, True])
    def test_of_the_link(
        self, path: Path, caplog: pytest.LogCaptureFixture, *, stores_every_event: bool
    ) -> None:
        """An event that could not be handed over keeps its turn."""

        class BrokenLink(FakeLink):
            """A link that fails three times."""

            n_failures = 3

            def publish(self, topic: str, payload: str, *, is_retained: bool) -> int | None:
                """Fail as no link should, or publish."""
                if topic == EVENT and self.n_failures:
                    self.n_failures -= 1
                    raise KeyError("mistake")
                return super().publish(topic, payload, is_retained=is_retained)

        queue, _ = make_queue(make_spool(path), stores_every_event=stores_every_event)
        link = BrokenLink(queue)
        queue.attach(link)
        queue.start(Supervisor())
        put(queue, 1, 2, 3)
        link.connect()
        wait_until(lambda: link.ids == [1, 2, 3], "the events")
        link.acknowledge_all()
        queue.close(2.0)
        assert (queue.n_refused, queue.n_dropped) == (0, 0)
        assert [record.levelname for record in caplog.records if record.exc_info] == ["ERROR"]


class QueueMachine(RuleBasedStateMachine):
    """All threads of a queue in any order: every event once and in order a connection, none lost."""

    stores_every_event = False

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "spool.db"
        self.clocks = MachineClocks(NOW)
        self.n_put = 0
        self.delivered: set[int] = set()
        self.first_live = 1
        """Id of the first event that must not be marked as replayed."""
        self.is_away = False
        self.start()
        self.connect()

    def start(self) -> None:
        """Start a daemon."""
        clock = self.clocks.event_clock()
        self.queue, self.link = make_queue(
            make_spool(self.path, clock=clock),
            stores_every_event=self.stores_every_event,
            max_in_memory=4,
            clock=clock,
        )
        self.link.delivered = self.delivered
        self.first_live = self.n_put + 1
        self.is_away = False

    @rule(n=st.integers(1, 6))
    def put(self, n: int) -> None:
        """A caller puts events."""
        put(self.queue, *range(self.n_put + 1, self.n_put + n + 1))
        self.n_put += n

    @rule()
    def write(self) -> None:
        """The sender writes what is due."""
        self.queue.write()

    @rule()
    def wait(self) -> None:
        """Time passes, and the sender writes what was not acknowledged."""
        self.clocks.wait(STORE_AFTER_S)
        self.is_away = self.is_away or not self.link.is_connected
        self.queue.write()
        assert self.queue.n_in_memory == 0

    @rule(n=st.integers(1, 8), is_early=st.booleans())
    def send(self, n: int, *, is_early: bool) -> None:
        """The sender sends some, which the broker may acknowledge at once."""
        self.link.is_early = is_early
        send(self.queue, n)

    @rule(n=st.integers(1, 5))
    def acknowledge(self, n: int) -> None:
        """The broker acknowledges some."""
        for message_id in tuple(self.link.unanswered)[:n]:
            self.link.acknowledge(message_id)

    @rule(n=st.integers(1, 10))
    def resize(self, n: int) -> None:
        """The next broker allows another number of messages in flight."""
        self.link.max_in_flight = n

    @precondition(lambda self: self.link.is_connected)
    @rule()
    def drain(self) -> None:
        """A connection that lasts sends all events."""
        self.link.max_in_flight = 10_000
        self.link.is_early = False
        for _ in range(self.n_put):
            self.write()
            send(self.queue)
            # After a break there is one message at a time.
            if self.delivered | set(self.link.ids) == set(range(1, self.n_put + 1)):
                break
            self.link.acknowledge_all()
        assert self.delivered | set(self.link.ids) == set(range(1, self.n_put + 1))

    @rule()
    def lose(self) -> None:
        """The connection ends, or an attempt fails."""
        self.link.lose()
        self.is_away = True

    @precondition(lambda self: self.link.is_connected)
    @rule(breaks=st.sampled_from(["before", "after"]))
    def lose_while_sending(self, breaks: str) -> None:
        """The connection ends as an event is handed over."""
        self.link.breaks = breaks
        send(self.queue)
        self.is_away = not self.link.is_connected
        self.link.breaks = ""

    @precondition(lambda self: not self.link.is_connected)
    @rule()
    def connect(self) -> None:
        """A connection begins."""
        if self.is_away:
            self.first_live = self.n_put + 1
        self.is_away = False
        self.link.connect()

    @rule()
    def restart(self) -> None:
        """The daemon ends, with the broker there or not, and starts again."""
        self.queue.finish()
        self.start()

    @invariant()
    def in_order_and_none_twice(self) -> None:
        """A connection gets each event once, in order, and marked if it had to wait for it."""
        ids = self.link.ids
        assert ids == sorted(set(ids))
        assert all(is_replayed == (number < self.first_live) for number, is_replayed in self.link.sent)

    @invariant()
    def counts_hold(self) -> None:
        """Each event that is not delivered is counted once: in memory, on the disk or in flight."""
        n_left = self.n_put - len(self.delivered)
        queue = self.queue
        assert queue.n_in_memory + queue.n_on_disk <= n_left
        assert queue.n_in_memory + queue.n_on_disk + len(self.link.unanswered) >= n_left

    def teardown(self) -> None:
        """In the end every event is delivered, or is sent after the next start."""
        self.restart()
        self.connect()
        self.link.is_early = False
        send(self.queue)
        self.queue.finish()
        ids = set(self.link.ids)
        assert self.delivered | ids == set(range(1, self.n_put + 1))
        assert not self.delivered & ids
        self.folder.cleanup()


class AlwaysMachine(QueueMachine):
    """The same with each event on the disk before it is sent."""

    stores_every_event = True


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(max_examples=40)
TestAlwaysMachine = AlwaysMachine.TestCase
TestAlwaysMachine.settings = settings(max_examples=40)


def test_a_message_that_is_not_repeated_is_never_left_out() -> None:
    """A broker that restarts behind one that each connection sends once gets it still."""
    queue, link = make_queue(None)
    for _ in range(4):
        link.connect()
        while queue.send_next():
            pass
        link.acknowledges_state = False
        queue.send("instance", "own")
        while queue.send_next():
            pass
        assert link.other[-1] == ("instance", "own")
        link.lose()
        link.acknowledges_state = True
    assert queue.n_refused == 0

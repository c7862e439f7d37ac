"""Events that wait: whose turn it is, and what is on the disk when."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from test_spool import limit

from serd.mqtt.backlog import Backlog
from serd.mqtt.spool import QueuedEvent, Spool
from testkit.brokers import logged_lines


def made(
    path: Path, *, is_always: bool = False, queue_events: int = 100, max_events: int = 1000
) -> Backlog:
    """An opened backlog, with room for 100 events in memory and 1,000 on the disk by default."""
    spool = Spool(path, max_events=max_events, max_age_s=3600.0, is_power_safe=False)
    backlog = Backlog(spool, queue_events=queue_events, is_always=is_always)
    backlog.open()
    return backlog


def take(backlog: Backlog, *ids: int) -> None:
    """Hand it an event of half a kilobyte for each id."""
    for number in ids:
        backlog.take(str(number), "topic", json.dumps({"id": str(number), "text": "." * 500}))


def handed_out(backlog: Backlog, n: int = 1000) -> list[tuple[QueuedEvent, bool]]:
    """Up to n events that it hands out, each with whether it is on the disk."""
    turns = (backlog.next() for _ in range(n))
    return [turn for turn in turns if turn is not None]


def ids(turns: list[tuple[QueuedEvent, bool]]) -> list[int]:
    """Ids of the events, in the order in which they were handed out."""
    return [int(event.id) for event, _ in turns]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A spool file that is not there yet."""
    return tmp_path / "spool.db"


def test_offline_writes_nothing_while_the_broker_is_there(path: Path) -> None:
    """Events go from memory to the broker; there is no file."""
    backlog = made(path)
    take(backlog, 1, 2, 3)
    assert not backlog.wants_disk(is_away=False)
    assert ids(handed_out(backlog)) == [1, 2, 3]
    assert not backlog.has_unsent
    backlog.finish()
    assert not path.exists()


def test_offline_writes_all_while_the_broker_is_away(path: Path) -> None:
    """What waits, and what was in flight, goes to the disk, comes back in order and leaves no file."""
    backlog = made(path)
    take(backlog, 1, 2, 3, 4)
    in_flight = handed_out(backlog, 2)
    backlog.rewind([event for event, _ in in_flight])
    assert backlog.wants_disk(is_away=True)
    backlog.sync(is_away=True)
    take(backlog, 5)
    backlog.sync(is_away=True)
    assert (backlog.n_on_disk, backlog.n_in_memory) == (5, 0)
    take(backlog, 6)
    turns = handed_out(backlog)
    assert ids(turns) == [1, 2, 3, 4, 5, 6]
    assert [is_stored for _, is_stored in turns] == [True] * 5 + [False]
    for event, _ in turns[:5]:
        backlog.acknowledged(event.number)
    backlog.sync(is_away=False)
    assert not path.exists()


def test_always_hands_out_nothing_that_is_not_on_the_disk(path: Path) -> None:
    """Each event is stored first, with the broker there or not."""
    backlog = made(path, is_always=True)
    take(backlog, 1)
    assert backlog.next() is None
    assert not backlog.is_safe(1)
    assert backlog.wants_disk(is_away=False)
    backlog.sync(is_away=False)
    assert backlog.is_safe(1)
    assert [is_stored for _, is_stored in handed_out(backlog)] == [True]


def test_too_many_for_the_memory_go_to_the_disk(path: Path) -> None:
    """A broker that is there but slow: above the limit the disk takes them, none is dropped."""
    backlog = made(path, queue_events=10)
    take(backlog, *range(1, 31))
    assert backlog.wants_disk(is_away=False)
    backlog.sync(is_away=False)
    take(backlog, 31)
    assert (backlog.n_on_disk, backlog.n_in_memory, backlog.n_dropped) == (30, 1, 0)
    assert ids(handed_out(backlog)) == list(range(1, 32))
    backlog.finish()


def test_what_is_too_much_for_the_disk_is_counted_and_said_once(path: Path) -> None:
    """Room for 10 on the disk: of 30 the newest 10 stay."""
    with logged_lines() as lines:
        backlog = made(path, max_events=10)
        for number in range(1, 31):
            take(backlog, number)
            backlog.sync(is_away=True)
    assert backlog.n_dropped == 20
    assert ids(handed_out(backlog)) == list(range(21, 31))
    assert lines == ["10 events are kept on the disk: the oldest are dropped"]
    backlog.finish()


def test_an_earlier_run_goes_first(path: Path) -> None:
    """What the run before left is said and comes before everything new."""
    backlog = made(path)
    take(backlog, 1, 2)
    backlog.finish()
    with logged_lines() as lines:
        backlog = made(path)
    take(backlog, 3)
    turns = handed_out(backlog)
    assert ids(turns) == [1, 2, 3]
    assert [event.number for event, _ in turns] == [-1, 0, 1]
    assert lines == ["2 events of an earlier run go out first"]
    backlog.finish()


def test_a_full_disk_is_said_once_and_used_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is full events wait in memory; once there is room they go to the disk; two lines."""
    with logged_lines() as lines:
        backlog = made(path, queue_events=50)
        take(backlog, 1)
        backlog.sync(is_away=True)
        spool = backlog._spool  # noqa: SLF001
        assert spool is not None
        limit(spool, 2)
        take(backlog, *range(2, 41))
        backlog.sync(is_away=True)
        assert not backlog.wants_disk(is_away=True)
        monkeypatch.setattr("serd.mqtt.backlog.RETRY_S", 0.0)
        backlog.sync(is_away=True)
        assert (backlog.n_on_disk, backlog.n_in_memory) == (1, 39)
        limit(spool, 10_000)
        assert backlog.wants_disk(is_away=True)
        backlog.sync(is_away=True)
    assert (backlog.n_on_disk, backlog.n_in_memory) == (40, 0)
    assert lines == [
        f"events cannot be kept on the disk and wait in memory: {path}: the disk is full",
        f"events are kept in {path} again",
    ]
    assert ids(handed_out(backlog)) == list(range(1, 41))
    backlog.finish()


def test_always_goes_on_in_memory_where_there_is_no_disk(tmp_path: Path) -> None:
    """A state folder that cannot be: events go out all the same."""
    (tmp_path / "file").write_text("")
    backlog = made(tmp_path / "file" / "spool.db", is_always=True, queue_events=3)
    take(backlog, 1)
    backlog.sync(is_away=False)
    assert backlog.is_safe(1)
    assert ids(handed_out(backlog)) == [1]
    take(backlog, 2, 3, 4, 5, 6)
    assert ids(handed_out(backlog)) == [4, 5, 6]
    assert backlog.n_dropped == 2


def test_what_is_older_than_the_disk_is_not_stored_behind_its_back(path: Path) -> None:
    """Events that come back from flight while the disk holds newer ones keep their turn."""
    backlog = made(path, queue_events=4)
    take(backlog, 1, 2)
    in_flight = [event for event, _ in handed_out(backlog)]
    take(backlog, *range(3, 9))
    backlog.sync(is_away=False)
    backlog.rewind(in_flight)
    assert ids(handed_out(backlog, 1)) == [1]
    take(backlog, *range(9, 15))
    backlog.sync(is_away=False)
    assert ids(handed_out(backlog)) == list(range(2, 15))
    backlog.finish()


class BacklogMachine(RuleBasedStateMachine):
    """A sender's life in any order: every event once and in order a connection, none ever gone."""

    is_always = False

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "spool.db"
        self.backlog = made(self.path, is_always=self.is_always, queue_events=4)
        self.n_taken = 0
        self.is_away = False
        self.in_flight: list[tuple[QueuedEvent, bool]] = []
        self.sent: list[int] = []
        """What this connection has been given."""
        self.delivered: set[int] = set()

    @rule(n=st.integers(1, 6))
    def take(self, n: int) -> None:
        """Events come."""
        take(self.backlog, *range(self.n_taken + 1, self.n_taken + n + 1))
        self.n_taken += n

    @rule()
    def sync(self) -> None:
        """The sender looks after the disk."""
        if self.backlog.wants_disk(is_away=self.is_away):
            self.backlog.sync(is_away=self.is_away)

    @precondition(lambda self: not self.is_away)
    @rule(n=st.integers(1, 8))
    def send(self, n: int) -> None:
        """Some are handed out."""
        turns = handed_out(self.backlog, n)
        self.in_flight += turns
        self.sent += ids(turns)

    @rule(n=st.integers(1, 5))
    def acknowledge(self, n: int) -> None:
        """The broker has some."""
        for event, is_stored in self.in_flight[:n]:
            self.delivered.add(int(event.id))
            if is_stored:
                self.backlog.acknowledged(event.number)
        del self.in_flight[:n]

    @precondition(lambda self: not self.is_away)
    @rule()
    def drain(self) -> None:
        """The connection lasts until nothing is left to hand out: all have had their turn."""
        self.sync()
        self.send(10_000)
        assert self.delivered | set(self.sent) == set(range(1, self.n_taken + 1))

    @rule()
    def lose(self) -> None:
        """The connection ends."""
        self.backlog.rewind([event for event, is_stored in self.in_flight if not is_stored])
        self.in_flight, self.sent, self.is_away = [], [], True

    @rule()
    def connect(self) -> None:
        """There is one again."""
        self.is_away = False

    @rule()
    def restart(self) -> None:
        """The daemon ends and starts."""
        self.lose()
        self.backlog.finish()
        self.backlog = made(self.path, is_always=self.is_always, queue_events=4)

    @invariant()
    def in_order_and_none_twice(self) -> None:
        """A connection gets each event once, in order."""
        assert self.sent == sorted(set(self.sent))

    def teardown(self) -> None:
        """In the end every event is delivered, or goes out at the next start."""
        self.restart()
        self.send(10_000)
        self.backlog.finish()
        assert self.delivered | set(self.sent) == set(range(1, self.n_taken + 1))
        assert not self.delivered & set(self.sent)
        self.folder.cleanup()


class AlwaysMachine(BacklogMachine):
    """The same with each event on the disk first."""

    is_always = True


TestBacklogMachine = BacklogMachine.TestCase
TestBacklogMachine.settings = settings(max_examples=40)
TestAlwaysMachine = AlwaysMachine.TestCase
TestAlwaysMachine.settings = settings(max_examples=40)

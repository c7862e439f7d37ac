"""The time of waiting events on a board whose clock is set late: nothing is lost, times are mended."""

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from test_queue import EVENT, FakeLink, deliver, make_queue, send
from test_spool import make_spool

from serd.mqtt.clock import EventClock, is_synchronized
from serd.mqtt.queue import EventQueue
from testkit.clocks import MachineClocks

NOW = datetime(2026, 11, 28, 17, 0, tzinfo=UTC)
WEEK_S = 7 * 24 * 3600.0
STARTS = pytest.mark.parametrize(
    "start",
    [
        datetime(2019, 1, 1, tzinfo=UTC),
        datetime(1970, 1, 1, 0, 1, tzinfo=UTC),
        NOW - timedelta(days=9),
        NOW + timedelta(days=9),
        datetime(2030, 1, 1, tzinfo=UTC),
    ],
)


class TimedLink(FakeLink):
    """A link that remembers the time of each event."""

    def __init__(self, queue: EventQueue) -> None:
        super().__init__(queue)
        self.times: dict[int, datetime] = {}

    def publish(self, topic: str, payload: str, *, is_retained: bool) -> int | None:
        """Note the time in the event, and publish it."""
        if topic == EVENT:
            body = json.loads(payload)
            self.times[int(body["id"])] = datetime.fromisoformat(body["time"])
        return super().publish(topic, payload, is_retained=is_retained)


class Board:
    """A daemon on a machine with clocks, whose events are stored for a week at most."""

    def __init__(self, path: Path, clocks: MachineClocks, **options: object) -> None:
        self.clocks = clocks
        clock = clocks.event_clock()
        spool = make_spool(path, max_age_s=WEEK_S, clock=clock)
        self.queue, _ = make_queue(spool, clock=clock, **options)  # type: ignore[arg-type]
        self.link = TimedLink(self.queue)
        self.queue.attach(self.link)

    def hear(self, number: int, *, ago_s: float = 0.1) -> None:
        """Put an event whose sound ended a moment ago."""
        time = (self.clocks.now() - timedelta(seconds=ago_s)).isoformat(timespec="milliseconds")
        self.queue.put(str(number), EVENT, json.dumps({"id": str(number), "time": time}))
        self.clocks.wait(1.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A spool file that does not exist yet."""
    return tmp_path / "spool.db"


@STARTS
@pytest.mark.parametrize("is_away", [False, True])
def test_a_step_loses_nothing_and_mends_the_times(path: Path, start: datetime, *, is_away: bool) -> None:
    """Events in flight, in memory, on the disk and read ahead: all arrive, with the right times."""
    clocks = MachineClocks(start)
    board = Board(path, clocks)
    board.link.connect()
    board.hear(1)
    board.hear(2)
    send(board.queue, 2)  # status, and the first event
    if is_away:
        board.link.lose()
        board.queue.write()
    board.hear(3)
    board.queue.write()
    clocks.set(NOW)
    board.hear(4)
    board.queue.write()
    board.link.lose()
    board.queue.write()
    board.link.connect()
    deliver(board.queue, board.link)
    expected = {4: -0.1, 3: -1.1, 2: -2.1, 1: -3.1}
    assert board.link.ids == [1, 2, 3, 4]
    for number, offset_s in expected.items():
        error = board.link.times[number] - (NOW + timedelta(seconds=offset_s))
        assert abs(error) < timedelta(milliseconds=2), (number, error)
    assert board.queue.n_dropped == 0
    board.queue.finish()


@STARTS
def test_a_step_while_events_are_read_ahead(path: Path, start: datetime) -> None:
    """Events that were read from the disk before the step are sent with the right time after it."""
    clocks = MachineClocks(start)
    board = Board(path, clocks)
    board.link.lose()
    for number in range(1, 5):
        board.hear(number)
    board.queue.write()
    board.link.connect()
    send(board.queue, 2)  # status, and the first event
    clocks.set(NOW)
    board.queue.write()
    send(board.queue)
    assert board.link.ids == [1, 2, 3, 4]
    assert [abs(board.link.times[n] - NOW) < timedelta(seconds=5) for n in (2, 3, 4)] == [True] * 3
    board.queue.finish()


def test_an_event_made_after_the_step_keeps_its_time(path: Path) -> None:
    """The step is noticed later than an event that already has the new time."""
    clocks = MachineClocks(datetime(2019, 1, 1, tzinfo=UTC))
    board = Board(path, clocks)
    board.link.lose()
    board.hear(1)
    clocks.set(NOW)
    board.hear(2)
    board.queue.write()
    board.link.connect()
    send(board.queue)
    assert abs(board.link.times[2] - NOW) < timedelta(seconds=1)
    assert abs(board.link.times[1] - NOW) < timedelta(seconds=2)
    board.queue.finish()


@STARTS
def test_a_step_just_before_the_end_mends_what_is_on_the_disk(path: Path, start: datetime) -> None:
    """Nothing else is written any more: the next run finds the right time all the same."""
    clocks = MachineClocks(start)
    board = Board(path, clocks)
    board.link.lose()
    board.hear(1)
    board.queue.write()
    clocks.set(NOW)
    board.queue.finish()
    board = Board(path, MachineClocks(NOW, is_synchronized=True))
    board.link.connect()
    send(board.queue)
    assert abs(board.link.times[1] - NOW) < timedelta(seconds=2)
    board.queue.finish()


@pytest.mark.parametrize("day", [datetime(1970, 1, 1, tzinfo=UTC), datetime(2019, 1, 1, tzinfo=UTC)])
def test_events_of_a_run_without_the_time_are_kept_over_restarts(path: Path, day: datetime) -> None:
    """Two runs before the clock is set: nothing is too old, in the third run neither."""
    for number in (1, 2):
        board = Board(path, MachineClocks(day))
        board.hear(number)
        board.queue.finish()
    clocks = MachineClocks(day)
    board = Board(path, clocks)
    board.hear(3)
    clocks.set(NOW)
    board.queue.write()
    board.queue.finish()
    board = Board(path, MachineClocks(NOW, is_synchronized=True))
    board.hear(4)
    board.queue.write()
    board.link.connect()
    send(board.queue)
    assert (board.link.ids, board.queue.n_dropped) == ([1, 2, 3, 4], 0)
    board.queue.finish()


def test_events_are_not_too_old_before_the_clock_is_set(path: Path) -> None:
    """A run in 2026, then one that starts in 2030 by mistake: only a clock that is right judges."""
    board = Board(path, MachineClocks(NOW, is_synchronized=True))
    board.hear(1)
    board.queue.finish()
    clocks = MachineClocks(datetime(2030, 1, 1, tzinfo=UTC))
    board = Board(path, clocks)
    board.hear(2)
    board.queue.finish()
    clocks = MachineClocks(NOW + timedelta(days=8), is_synchronized=True)
    board = Board(path, clocks)
    assert board.queue.n_dropped == 1
    board.link.connect()
    send(board.queue)
    assert board.link.ids == [2]
    board.queue.finish()


def test_the_age_within_a_run_is_that_of_the_steady_clock(path: Path) -> None:
    """An event that waited for more than a week is dropped, whatever the wall clock says."""
    clocks = MachineClocks(datetime(1970, 1, 1, tzinfo=UTC))
    board = Board(path, clocks)
    board.link.lose()
    board.hear(1)
    board.queue.write()
    clocks.wait(WEEK_S)
    clocks.set(datetime(1970, 1, 2, tzinfo=UTC))
    board.hear(2)
    board.queue.write()
    assert (board.queue.n_dropped, board.queue.n_on_disk) == (1, 1)
    board.queue.finish()


def test_an_event_without_a_certain_time_is_too_old_a_week_after_the_clock_is_set(path: Path) -> None:
    """Its age counts from the moment at which the clock was right."""
    board = Board(path, MachineClocks(datetime(1970, 1, 1, tzinfo=UTC)))
    board.hear(1)
    board.queue.finish()
    Board(path, MachineClocks(NOW, is_synchronized=True)).queue.finish()
    for days, n_dropped in ((6, 0), (8, 1)):
        board = Board(path, MachineClocks(NOW + timedelta(days=days), is_synchronized=True))
        assert board.queue.n_dropped == n_dropped
        board.queue.finish()


def test_a_file_of_an_earlier_version_is_read(path: Path) -> None:
    """A table without the column for certain times gets it, and keeps its events."""
    other = sqlite3.connect(path)
    columns = "number INTEGER PRIMARY KEY, id TEXT NOT NULL, topic TEXT NOT NULL, payload TEXT NOT NULL"
    other.execute(f"CREATE TABLE event ({columns}, taken_s REAL NOT NULL)")
    row = (1, "1", EVENT, json.dumps({"id": "1", "time": NOW.isoformat()}), 60.0)
    other.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?)", row)
    other.commit()
    other.close()
    board = Board(path, MachineClocks(NOW, is_synchronized=True))
    board.hear(2)
    board.queue.write()
    board.link.connect()
    send(board.queue)
    assert board.link.ids == [1, 2]
    board.queue.finish()


class TestEventClock:
    """Seconds since 1970 without jumps."""

    def test_a_step_is_taken_once(self) -> None:
        """It moves the clock, and proves that the time is known."""
        clocks = MachineClocks(datetime(2019, 1, 1, tzinfo=UTC))
        clock = clocks.event_clock()
        assert (clock.take_step(), clock.is_set) == (0.0, False)
        before_s = clock.now_s
        clocks.wait(10.0)
        clocks.set(NOW)
        assert clock.now_s == before_s + 10.0
        assert clock.take_step() == pytest.approx(NOW.timestamp() - before_s - 10.0)
        assert clock.now_s == pytest.approx(NOW.timestamp())
        assert (clock.take_step(), clock.is_set) == (0.0, True)

    def test_small_corrections_are_no_step(self) -> None:
        """Half a second is not worth a move."""
        clocks = MachineClocks(NOW)
        clock = clocks.event_clock()
        clocks.wall_s += 0.5
        assert (clock.take_step(), clock.is_set) == (0.0, False)

    def test_the_word_of_the_system_proves_the_time(self) -> None:
        """From then on the clock counts as set."""
        clocks = MachineClocks(NOW)
        clock = clocks.event_clock()
        assert not clock.is_set
        clocks.is_synchronized = True
        assert clock.is_set
        clocks.is_synchronized = False
        assert clock.is_set

    def test_a_thread_that_sleeps_between_the_clocks_sees_no_step(self) -> None:
        """The closest of a few readings counts."""
        steady_s = iter([0.0, 0.0, 5.0, 45.0, 45.0, 45.0])
        wall_s = iter([1000.0, 1045.0, 1045.0])
        clock = EventClock(
            wall_s=lambda: next(wall_s), steady_s=lambda: next(steady_s), is_synchronized=lambda: False
        )
        assert clock.take_step() == 0.0

    def test_the_clocks_of_this_machine(self) -> None:
        """They can be read, and do not jump."""
        clock = EventClock()
        assert clock.take_step() == 0.0
        assert abs(clock.now_s - datetime.now(UTC).timestamp()) < 1.0

    def test_systemd_timesyncd(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its file says that the network has set the clock."""
        monkeypatch.setattr("serd.mqtt.clock._SYNCHRONIZED", tmp_path / "synchronized")
        monkeypatch.setattr("serd.mqtt.clock.ctypes.CDLL", lambda _name: _Kernel(5))
        assert not is_synchronized()
        (tmp_path / "synchronized").touch()
        assert is_synchronized()

    @pytest.mark.parametrize(("state", "expected"), [(0, True), (1, True), (5, False), (-1, False)])
    def test_the_kernel(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: int, *, expected: bool
    ) -> None:
        """The result of adjtimex says so for chrony and ntpd; an error is no word."""
        monkeypatch.setattr("serd.mqtt.clock._SYNCHRONIZED", tmp_path / "synchronized")
        monkeypatch.setattr("serd.mqtt.clock.ctypes.CDLL", lambda _name: _Kernel(state))
        assert is_synchronized() is expected


class _Kernel:
    """A C library whose adjtimex has one result."""

    def __init__(self, state: int) -> None:
        self._state = state

    def adjtimex(self, _timex: object) -> int:
        """The result."""
        return self._state

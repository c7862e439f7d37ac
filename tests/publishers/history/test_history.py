"""The history publisher: events in batches, states of sources, and a disk that fails."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from serd.daemon.supervisor import Supervisor
from serd.errors import PublishError, SettingsError
from serd.events.controls import Controls
from serd.events.event import Event
from serd.events.reports import AvailabilityReport, ControlReport, StateReport
from serd.mqtt.clock import EventClock
from serd.publishers import Context
from serd.publishers.group import PublisherGroup
from serd.publishers.history import History, Settings, create
from serd.publishers.history.records import StateChange, TimedEvent
from serd.publishers.history.store import HistoryStore
from serd.settings.loader import load_settings
from testkit.brokers import DEADLINE_S, wait_until
from testkit.clocks import MachineClocks
from testkit.made_history import changes, make_history, make_store, stored, stored_ids, timed_event

AT_ONCE = Settings(enabled=True, write_s=0.0)
LATER = Settings(enabled=True, write_s=3600.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file in a state folder that does not exist yet."""
    return tmp_path / "state" / "history.db"


def context(path: Path) -> Context:
    """The context of a daemon with this file."""
    return Context(node="pi", sources=("mic",), threads=Supervisor(), state_folder=path.parent)


@contextmanager
def keeping(path: Path, settings: Settings, clock: EventClock | None = None) -> Iterator[History]:
    """A history that is started, and closed at the end."""
    store = make_store(path, now_s=datetime.now(UTC).timestamp())
    history = History(store, Supervisor(), settings, clock=clock)
    history.start()
    yield history
    history.close(DEADLINE_S)


def event_now(number: int = 1) -> Event:
    """An event of this moment; its id is its number."""
    return timed_event(number, time_s=datetime.now(UTC).timestamp()).event


def n_stored(path: Path) -> int:
    """The number of events in the file."""
    return len(stored_ids(path)) if path.exists() and path.stat().st_size else 0


def test_nothing_is_kept_by_default() -> None:
    """With the default settings there is no publisher."""
    assert create(Settings(), Context(node="pi", sources=(), threads=Supervisor())) is None


def test_it_needs_a_state_folder() -> None:
    """The error names the setting."""
    with pytest.raises(SettingsError, match=r"\[history\] enabled = true, but there is no state folder"):
        create(AT_ONCE, Context(node="pi", sources=(), threads=Supervisor()))


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("DAYS", "0", "more than 0 and at most 36500 days"),
        ("MAX_MB", "0.5", "1 or more megabytes"),
        ("WRITE_S", "4000", "0 to 3600 seconds"),
    ],
)
def test_limits_of_the_settings(key: str, value: str, expected: str) -> None:
    """A value that cannot work is refused with what was expected."""
    with pytest.raises(SettingsError, match=rf"SERD_HISTORY_{key}.*{expected}"):
        load_settings(environment={f"SERD_HISTORY_{key}": value})


def test_an_event_is_written_when_its_wait_is_over(path: Path) -> None:
    """While the publisher goes on."""
    with keeping(path, AT_ONCE) as history:
        event = event_now()
        history.publish(event)
        wait_until(lambda: n_stored(path), "the write")
        assert stored(path) == [event]


def test_events_wait_for_each_other(path: Path) -> None:
    """Until the wait is over nothing touches the disk; the end writes all at once."""
    with keeping(path, LATER) as history:
        for number in range(5):
            history.publish(event_now(number))
        assert not path.exists()
    assert n_stored(path) == 5


def test_a_full_batch_does_not_wait(path: Path) -> None:
    """A thousand events are written at once."""
    with keeping(path, LATER) as history:
        for number in range(1000):
            history.publish(event_now(number))
        wait_until(lambda: n_stored(path) == 1000, "the write")


def test_old_events_are_deleted_at_the_start(path: Path) -> None:
    """Before anything new is heard."""
    now_s = datetime.now(UTC).timestamp()
    make_history(
        path, [timed_event(1, time_s=now_s - 91 * 86_400), timed_event(2, time_s=now_s)], now_s=0
    )
    with keeping(path, LATER):
        wait_until(lambda: stored_ids(path) == ["2"], "the look for old events")


def test_an_event_without_a_time_is_not_kept(path: Path) -> None:
    """Those of a recording that is read faster than real time."""
    with keeping(path, LATER) as history:
        history.publish(replace(event_now(1), time=None))
        history.publish(event_now(2))
    assert stored_ids(path) == ["2"]


def test_absences_and_mutes_are_kept(path: Path) -> None:
    """Each change once, with the reason; other reports are ignored."""
    with keeping(path, LATER) as history:
        history.publish(ControlReport(source="mic", controls=Controls()))
        for is_alive, reason in ((True, ""), (True, "clipped"), (False, "unplugged"), (True, "")):
            history.publish(AvailabilityReport(source="mic", is_alive=is_alive, reason=reason))
        history.publish(StateReport(source="mic", emotion="none"))
        history.publish(ControlReport(source="mic", controls=Controls(mute=True)))
        history.publish(
            ControlReport(source="mic", controls=Controls(mute=True), changed=("threshold",))
        )
    assert [(each.state, each.reason) for each in changes(path)] == [
        ("unmuted", ""),
        ("online", ""),
        ("offline", "unplugged"),
        ("online", ""),
        ("muted", ""),
    ]


class TestDisk:
    """A disk that fails stops nothing else."""

    def test_a_failure_is_logged_once_and_tried_again(
        self, path: Path, lines: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What waited meanwhile is written as soon as the disk works."""
        monkeypatch.setattr("serd.publishers.history._RETRY_S", 0.01)
        path.parent.write_text("")
        with keeping(path, AT_ONCE) as history:
            history.publish(event_now(1))
            wait_until(lambda: lines, "the warning")
            history.publish(event_now(2))
            path.parent.unlink()
            wait_until(lambda: n_stored(path) == 2, "the write")
        assert [line for line in lines if "cannot be written and is tried again" in line] == lines[:1]
        assert lines[1:] == ["the history is written again"]

    def test_memory_is_bounded(
        self, path: Path, lines: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The oldest are lost, and counted in the log once the disk works."""
        monkeypatch.setattr("serd.publishers.history._RETRY_S", 0.01)
        monkeypatch.setattr("serd.publishers.history._MAX_WAITING", 10)
        path.parent.write_text("")
        with keeping(path, AT_ONCE) as history:
            for number in range(25):
                history.publish(event_now(number))
            wait_until(lambda: lines, "the warning")
            path.parent.unlink()
        assert [int(each) for each in stored_ids(path)] == list(range(15, 25))
        assert lines[-1] == "the history is written again; 15 entries were lost"

    def test_what_cannot_be_written_at_the_end_is_an_error(self, path: Path) -> None:
        """With the number of entries and the reason."""
        path.parent.write_text("")
        history = History(make_store(path), Supervisor(), LATER)
        history.start()
        history.publish(event_now())
        with pytest.raises(PublishError, match=r"^1 entry of the history may be lost: .*history\.db"):
            history.close(DEADLINE_S)

    def test_a_write_that_hangs_at_the_end_is_an_error(self, path: Path) -> None:
        """The end waits no longer than it was given; the batch is not said to be safe."""
        released = threading.Event()

        class SlowStore(HistoryStore):
            def write(self, records: Sequence[TimedEvent | StateChange], *, step_s: float = 0.0) -> None:
                released.wait(DEADLINE_S)
                super().write(records, step_s=step_s)

        store = SlowStore(path, keep_s=1e9, max_bytes=10**8)
        history = History(store, Supervisor(), LATER)
        history.start()
        for number in range(3):
            history.publish(event_now(number))
        with pytest.raises(PublishError, match=r"^3 entries .* may be lost: the disk took longer than"):
            history.close(0.05)
        released.set()
        wait_until(lambda: n_stored(path) == 3, "the write")

    def test_a_file_of_a_later_serd_stays_as_it_is(self, path: Path, lines: list[str]) -> None:
        """One line says so, and the end is an error."""
        make_history(path, [timed_event()])
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        before = path.read_bytes()
        history = History(make_store(path), Supervisor(), AT_ONCE)
        history.start()
        for number in range(3):
            history.publish(event_now(number))
        with pytest.raises(PublishError, match="is of version 99"):
            history.close(DEADLINE_S)
        assert path.read_bytes() == before
        assert len(lines) == 1


class TestClock:
    """A machine whose clock is set by the network after the start."""

    def test_events_from_before_get_their_true_time(self, path: Path) -> None:
        """Those that wait and those on the disk, and a state as well; an event made after it stays."""
        started, right = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 28, tzinfo=UTC)
        clocks = MachineClocks(started)
        with keeping(path, AT_ONCE, clocks.event_clock()) as history:
            history.publish(timed_event(1, time_s=clocks.wall_s).event)
            history.publish(AvailabilityReport(source="mic", is_alive=False))
            wait_until(lambda: n_stored(path) == 1 and changes(path), "the first write")
            clocks.set(right)
            history.publish(timed_event(2, time_s=clocks.wall_s).event)
            wait_until(lambda: n_stored(path) == 2, "the second write")
        times = [datetime.fromisoformat(event.time or "") for event in stored(path)]
        assert times == [right, right]
        assert changes(path)[0].time_s == right.timestamp()

    def test_the_end_moves_what_is_on_the_disk(self, path: Path) -> None:
        """Although nothing more was heard after the clock was set."""
        clocks = MachineClocks(datetime(2026, 11, 1, tzinfo=UTC))
        with keeping(path, AT_ONCE, clocks.event_clock()) as history:
            history.publish(timed_event(1, time_s=clocks.wall_s).event)
            wait_until(lambda: n_stored(path) == 1, "the write")
            clocks.set(datetime(2026, 11, 28, tzinfo=UTC))
        assert stored(path)[0].time == timed_event(1, time_s=clocks.wall_s).event.time

    def test_a_waiting_event_moves_as_well(self, path: Path) -> None:
        """It was heard an hour before the clock was set back by a day."""
        clocks = MachineClocks(datetime(2026, 11, 28, 12, tzinfo=UTC))
        with keeping(path, LATER, clocks.event_clock()) as history:
            history.publish(timed_event(1, time_s=clocks.wall_s).event)
            clocks.wait(3600.0)
            clocks.set(clocks.now() - timedelta(days=1))
        assert stored(path)[0].time == timed_event(1, time_s=clocks.wall_s - 3600).event.time


def test_a_reload_turns_it_on_and_off(path: Path) -> None:
    """What waits is written when it is turned off, and a change of the limits loses nothing."""
    off = load_settings(environment={"SERD_MQTT_ENABLED": "0", "SERD_SCREEN_ENABLED": "0"}).publishers
    group = PublisherGroup(off, context(path))
    group.publish(event_now(1))
    for number, settings in enumerate((LATER, replace(LATER, days=30.0), Settings()), 2):
        group.change({**off, "history": settings}, context(path), DEADLINE_S)
        group.publish(event_now(number))
    assert stored_ids(path) == ["2", "3"]
    group.close(1.0, raises_errors=True)

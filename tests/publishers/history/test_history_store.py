"""The file of the history: bounded in age and size, private, and safe from damage and full disks."""

import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serd.errors import HistoryError
from serd.publishers.history.reader import HistoryReader
from serd.publishers.history.records import StateChange, TimedEvent
from testkit.made_history import (
    DAY_S,
    EVERYTHING,
    NOON_S,
    changes,
    make_history,
    make_store,
    stored,
    stored_ids,
    timed_event,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file whose folder does not exist yet."""
    return tmp_path / "state" / "history.db"


def test_events_are_read_as_they_were(path: Path) -> None:
    """Every field is the same; the time denotes the same moment."""
    plain, early = timed_event(1), timed_event(2, time_s=NOON_S + 1.532, kind="window")
    early = replace(early, event=replace(early.event, provisional=True))
    bare = timed_event(3, time_s=NOON_S + 2, emotion="none")
    bare = replace(bare, event=replace(bare.event, scores={}, dimensions=None, valence="neutral"))
    make_history(path, [bare, plain, early])
    assert stored(path) == [plain.event, early.event, bare.event]


def test_changes_of_state_are_read_in_order(path: Path) -> None:
    """Beside the events, with the reason."""
    lost = StateChange(time_s=NOON_S, source="mic", state="offline", reason="unplugged")
    back = StateChange(time_s=NOON_S + 9, source="mic", state="online")
    make_history(path, [back, timed_event(), lost])
    assert changes(path) == [lost, back]


def test_only_the_owner_can_read_the_file(path: Path) -> None:
    """Emotions are private, whatever the umask."""
    before = os.umask(0)
    try:
        make_history(path, [timed_event()])
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_nothing_is_created_without_records(path: Path) -> None:
    """The look for old events leaves no file and no folder."""
    make_store(path).tidy(checks=True)
    assert not path.parent.exists()


def test_nothing_stays_beside_the_file(path: Path) -> None:
    """Between two writes there is neither a journal nor a lock."""
    make_history(path, [timed_event()])
    assert [each.name for each in path.parent.iterdir()] == ["history.db"]


class TestRetention:
    """Days and megabytes."""

    @settings(max_examples=20)
    @given(
        batches=st.lists(st.lists(st.floats(0.0, 20.0), max_size=5), max_size=6),
        days=st.floats(0.5, 15.0),
    )
    def test_no_event_is_too_old(
        self, tmp_path_factory: pytest.TempPathFactory, batches: list[list[float]], days: float
    ) -> None:
        """After each write the file holds the events that are young enough, and no others."""
        path = tmp_path_factory.mktemp("days") / "history.db"
        ages = {}
        for day, batch in enumerate(batches):
            now_s = NOON_S + day * DAY_S
            store = make_store(path, days=days, now_s=now_s)
            times_s = [now_s - age * DAY_S for age in batch]
            store.write([timed_event(len(ages) + n, time_s=t) for n, t in enumerate(times_s)])
            ages |= {str(len(ages) + n): t for n, t in enumerate(times_s)}
            expected = {name for name, time_s in ages.items() if time_s >= now_s - days * DAY_S}
            assert set(stored_ids(path)) == expected

    @settings(max_examples=20)
    @given(
        sizes=st.lists(st.integers(1, 200), min_size=1, max_size=6),
        max_kb=st.integers(60, 100),
    )
    def test_the_file_is_never_too_large(
        self, tmp_path_factory: pytest.TempPathFactory, sizes: list[int], max_kb: int
    ) -> None:
        """After each write it is within the limit, and holds those that were stored last, not few."""
        path = tmp_path_factory.mktemp("size") / "history.db"
        store = make_store(path, max_bytes=1000 * max_kb)
        n_stored = 0
        for size in sizes:
            numbers = range(n_stored, n_stored + size)
            # The clock is set back again and again: the order of storing counts.
            store.write([timed_event(number, time_s=NOON_S - number) for number in numbers])
            n_stored += size
            assert path.stat().st_size <= 1000 * max_kb
            left = [int(each) for each in reversed(stored_ids(path))]
            assert left == list(range(n_stored - len(left), n_stored))
            assert len(left) == n_stored or path.stat().st_size > 500 * max_kb

    def test_a_lower_limit_shrinks_the_file(self, path: Path) -> None:
        """The next look gives the space back to the disk."""
        make_history(path, [timed_event(number) for number in range(1000)])
        before = path.stat().st_size
        make_store(path, max_bytes=before // 4).tidy()
        assert path.stat().st_size <= before // 4

    def test_many_losses_are_bounded_too(self, path: Path) -> None:
        """A source that is lost every second fills no disk."""
        store = make_store(path, max_bytes=80_000)
        flapping = [
            StateChange(time_s=NOON_S - n, source="mic", state="offline" if n % 2 else "online")
            for n in range(4000)
        ]
        store.write(flapping)
        assert path.stat().st_size <= 80_000
        assert len(changes(path)) > 100

    def test_a_state_that_lasts_stays(self, path: Path) -> None:
        """A source that was muted and lost long ago still is; what came before is deleted."""
        long_ago_s = NOON_S - 200 * DAY_S
        history = [
            StateChange(time_s=long_ago_s + n, source="mic", state=state)
            for n, state in enumerate(("online", "offline", "unmuted", "muted"))
        ]
        make_history(path, history)
        assert [each.state for each in changes(path)] == ["offline", "muted"]

    def test_old_events_go_without_new_ones(self, path: Path) -> None:
        """In a house where nobody speaks any more."""
        make_history(path, [timed_event(1, time_s=NOON_S), timed_event(2, time_s=NOON_S + 10 * DAY_S)])
        make_store(path, now_s=NOON_S + 95 * DAY_S).tidy()
        assert stored_ids(path) == ["2"]


class TestDeletion:
    """What is deleted is gone."""

    def test_by_time_and_source(self, path: Path) -> None:
        """Both limits hold together; the number of events is returned."""
        times_s = {"1": NOON_S - DAY_S, "2": NOON_S - DAY_S, "3": NOON_S}
        sources = {"1": "mic", "2": "door", "3": "mic"}
        events = [timed_event(int(n), time_s=times_s[n], source=sources[n]) for n in times_s]
        lost = [
            StateChange(time_s=NOON_S - DAY_S, source=name, state="offline") for name in ("mic", "door")
        ]
        store = make_store(make_history(path, [*events, *lost]))
        assert store.delete(before_s=NOON_S, source="mic") == 1
        assert stored_ids(path) == ["2", "3"]
        assert [each.source for each in changes(path)] == ["door"]
        assert store.delete(before_s=NOON_S) == 1
        assert stored_ids(path) == ["3"]
        assert store.delete() == 1
        assert stored_ids(path) == []

    def test_no_trace_stays_in_the_file(self, path: Path) -> None:
        """Neither the ids nor the source can be found in its bytes, and it shrinks."""
        events = [timed_event(10**9 + n, source="nursery") for n in range(500)]
        make_history(path, [*events, timed_event(1, source="mic")])
        before = path.read_bytes()
        assert b"nursery" in before
        make_store(path).delete(source="nursery")
        after = path.read_bytes()
        assert b"nursery" not in after
        assert not any(event.event.id.encode() in after for event in events)
        assert len(after) <= len(before) // 3
        assert stored_ids(path) == ["1"]

    @settings(max_examples=10)
    @given(data=st.data())
    def test_no_trace_stays_after_many_deletions(
        self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
    ) -> None:
        """Whatever the order of writes and deletions, the file has the ids of what is left alone."""
        path = tmp_path_factory.mktemp("traces") / "history.db"
        store = make_store(path)
        left: dict[str, TimedEvent] = {}
        gone: set[str] = set()
        for number in range(4):
            ages = data.draw(st.lists(st.floats(0.0, 80.0), min_size=1, max_size=60))
            source = data.draw(st.sampled_from(["mic", "door"]))
            batch = [
                timed_event(10**9 + 1000 * number + n, time_s=NOON_S - age * DAY_S, source=source)
                for n, age in enumerate(ages)
            ]
            store.write(batch)
            left |= {each.event.id: each for each in batch}
            source, age = data.draw(st.tuples(st.sampled_from(["mic", "door"]), st.floats(0.0, 80.0)))
            store.delete(before_s=NOON_S - age * DAY_S, source=source)
            deleted = {
                name
                for name, each in left.items()
                if each.event.source == source and each.time_s < NOON_S - age * DAY_S
            }
            gone |= deleted
            left = {name: each for name, each in left.items() if name not in deleted}
            content = path.read_bytes()
            assert not [name for name in gone if name.encode() in content]
        assert set(stored_ids(path)) == set(left)

    def test_the_space_goes_back_to_the_disk(self, path: Path) -> None:
        """Also where deleted and kept events alternate, and the reading order stays."""
        make_history(
            path, [timed_event(n, time_s=NOON_S + n, source=("mic", "door")[n % 2]) for n in range(2000)]
        )
        before = path.stat().st_size
        make_store(path).delete(source="mic")
        assert path.stat().st_size < 0.6 * before
        assert stored_ids(path) == [str(n) for n in range(1, 2000, 2)]

    def test_a_file_that_cannot_be_written_anew_is_said(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The events are deleted all the same."""
        monkeypatch.setattr("serd.publishers.history.store._LOCK_TIMEOUT_S", 0.05)
        store = make_store(make_history(path, [timed_event(1), timed_event(2)]))
        in_transaction = store._in_transaction  # noqa: SLF001
        other = sqlite3.connect(path, isolation_level=None)

        def then_lock(*arguments: object) -> object:
            result = in_transaction(*arguments)  # type: ignore[arg-type]
            other.execute("BEGIN EXCLUSIVE")
            return result

        monkeypatch.setattr(store, "_in_transaction", then_lock)
        with pytest.raises(
            HistoryError, match="locked it; 2 events are deleted, but their space is kept"
        ):
            store.delete()
        other.close()
        assert stored_ids(path) == []

    def test_copies_go_as_well(self, path: Path) -> None:
        """A copy from before a migration and a damaged file hold the same events."""
        make_history(path, [timed_event()])
        for name in ("history.db.version-1", "history.db.broken-1"):
            path.with_name(name).write_bytes(b"events")
        path.with_name("controls.json").write_bytes(b"{}")
        store = make_store(path)
        assert [each.name for each in store.copies()] == ["history.db.broken-1", "history.db.version-1"]
        store.delete(before_s=0.0)
        assert sorted(each.name for each in path.parent.iterdir()) == ["controls.json", "history.db"]


def test_copies_go_when_their_events_are_too_old(path: Path) -> None:
    """A copy lives as long as the events in it may."""
    make_history(path, [timed_event()])
    ages = {"history.db.version-1": 91, "history.db.broken-1": 89}
    for name, days in ages.items():
        copy = path.with_name(name)
        copy.write_bytes(b"events")
        os.utime(copy, (NOON_S - days * DAY_S, NOON_S - days * DAY_S))
    make_store(path).tidy()
    assert [each.name for each in make_store(path).copies()] == ["history.db.broken-1"]


class TestDamage:
    """A file that is no history any more."""

    @pytest.mark.parametrize("content", [b"rubbish! " * 1000, b"SQLite format 3\0" + bytes(5000)])
    def test_rubbish_is_set_aside(self, path: Path, lines: list[str], content: bytes) -> None:
        """One line names the file and its new name; a new history takes the events."""
        path.parent.mkdir()
        path.write_bytes(content)
        make_history(path, [timed_event()])
        assert stored_ids(path) == ["1"]
        assert path.with_name("history.db.broken-1").read_bytes() == content
        (line,) = lines
        assert str(path) in line
        assert "has been renamed to history.db.broken-1; a new history begins" in line

    def test_another_programs_database_is_set_aside(self, path: Path, lines: list[str]) -> None:
        """It is not written to."""
        path.parent.mkdir()
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE event (name TEXT)")
        other.close()
        before = path.read_bytes()
        make_history(path, [timed_event()])
        assert path.with_name("history.db.broken-1").read_bytes() == before
        assert "it holds tables of another program" in lines[0]

    def test_a_damaged_page_is_found_at_the_start(self, path: Path, lines: list[str]) -> None:
        """Even where nothing new is written."""
        make_history(path, [timed_event(number) for number in range(500)])
        body = bytearray(path.read_bytes())
        body[10 * 4096 : 14 * 4096] = b"\xa5" * (4 * 4096)
        path.write_bytes(body)
        make_store(path).tidy(checks=True)
        assert "is damaged" in lines[0]
        assert path.with_name("history.db.broken-1").exists()
        make_history(path, [timed_event()])
        assert stored_ids(path) == ["1"]

    def test_a_reader_says_that_the_file_is_damaged(self, path: Path) -> None:
        """It changes nothing, and says what repairs it."""
        make_history(path, [timed_event(number) for number in range(500)])
        body = bytearray(path.read_bytes())
        body[4 * 4096 :] = b"\xa5" * (len(body) - 4 * 4096)
        path.write_bytes(body)
        with pytest.raises(HistoryError, match=r"is damaged .* begins a new one at its next start"):
            stored(path)
        assert path.read_bytes() == body


class TestDisk:
    """A disk that does not take the file."""

    def test_a_folder_that_cannot_be_made(self, path: Path) -> None:
        """The error names the file; with the folder it works."""
        path.parent.write_text("")
        store = make_store(path)
        with pytest.raises(HistoryError, match=r"history\.db: .*(exists|directory)"):
            store.write([timed_event()])
        path.parent.unlink()
        store.write([timed_event()])
        assert stored_ids(path) == ["1"]

    @pytest.mark.skipif(os.geteuid() != 0, reason="a small disk of its own needs root to mount it")
    def test_a_full_disk_takes_all_of_a_batch_or_nothing(self, tmp_path: Path) -> None:
        """256 kB of tmpfs; events from before can be read, and with room the batch is stored."""
        mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(tmp_path)]
        if subprocess.run(mount, check=False, capture_output=True).returncode:
            pytest.skip("no tmpfs can be mounted here")
        try:
            path = make_history(tmp_path / "history.db", [timed_event(0)])
            ballast = tmp_path / "ballast"
            with pytest.raises(OSError, match="No space"):
                ballast.write_bytes(bytes(1_000_000))
            batch = [timed_event(number, time_s=NOON_S + number) for number in range(1, 400)]
            with pytest.raises(HistoryError, match="the disk is full"):
                make_store(path).write(batch)
            assert stored_ids(path) == ["0"]
            ballast.unlink()
            make_store(path).write(batch)
            assert len(stored_ids(path)) == 400
        finally:
            subprocess.run(["umount", "-l", str(tmp_path)], check=True)

    def test_a_locked_file_is_waited_for_and_then_refused(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The error says that another program has locked it; nothing is lost."""
        monkeypatch.setattr("serd.publishers.history.store._LOCK_TIMEOUT_S", 0.05)
        make_history(path, [timed_event()])
        with sqlite3.connect(path, isolation_level=None) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(HistoryError, match="another program has locked it"):
                make_store(path).write([timed_event(2)])
        other.close()
        assert stored_ids(path) == ["1"]


def test_kill_9_leaves_whole_batches(path: Path) -> None:
    """A process stores batches until it is killed: those that it reported are there, each whole."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from testkit.made_history import make_store, timed_event\n"
        "store = make_store(Path(sys.argv[1]))\n"
        "for batch in range(10**6):\n"
        "    store.write([timed_event(10 * batch + n) for n in range(10)])\n"
        "    print(batch, flush=True)\n"
    )
    command = [sys.executable, "-c", program, str(path)]
    variables = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables) as process:
        assert process.stdout is not None
        reported = [int(process.stdout.readline()) for _ in range(5)]
        process.kill()
        reported += [int(line) for line in process.stdout if line.endswith("\n")]
    ids = sorted(map(int, stored_ids(path)))
    assert ids == list(range(len(ids)))
    assert len(ids) in {10 * len(reported), 10 * len(reported) + 10}


def test_a_slow_reader_does_not_keep_the_daemon_from_writing(path: Path) -> None:
    """A reader that stopped in the middle goes on after it, and sees what came later."""
    make_history(path, [timed_event(n, time_s=NOON_S + n) for n in range(2500)])
    with HistoryReader(path) as reader:
        events = reader.events(EVERYTHING)
        first = next(events)
        make_store(path, now_s=NOON_S).write([timed_event(9999, time_s=NOON_S + 9999)])
        ids = [first.id, *(event.id for event in events)]
    assert ids == [*map(str, range(2500)), "9999"]


def test_a_step_of_the_clock_moves_the_rows_of_this_run(path: Path) -> None:
    """Rows of earlier runs stay, also after the latest rows were deleted by another process."""
    make_history(path, [timed_event(1)])
    store = make_store(path, now_s=NOON_S + 9000)
    store.write([timed_event(2), StateChange(time_s=NOON_S, source="mic", state="muted")])
    store.write([timed_event(3, time_s=NOON_S + 5000)], step_s=3600.0)
    assert [(event.id, event.time) for event in stored(path)] == [
        (each.event.id, each.event.time)
        for each in (
            timed_event(1),
            timed_event(2, time_s=NOON_S + 3600),
            timed_event(3, time_s=NOON_S + 5000),
        )
    ]
    assert changes(path)[0].time_s == NOON_S + 3600
    make_store(path).delete()
    store.write([timed_event(4)])
    store.write([], step_s=60.0)
    assert [event.time for event in stored(path)] == [timed_event(4, time_s=NOON_S + 60).event.time]


def test_events_of_one_time_are_all_read(path: Path) -> None:
    """Parts of a long answer neither repeat nor leave out events of the same moment."""
    make_history(path, [timed_event(number) for number in range(2500)])
    ids = list(map(int, stored_ids(path)))
    assert all(first < second for first, second in pairwise(ids))
    assert len(ids) == 2500

"""Events on the disk: in order, bounded, and safe from kills, full disks and broken files."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.errors import SpoolError
from serd.events.replay import move_time
from serd.mqtt.clock import EventClock
from serd.mqtt.rows import BEFORE_ALL, QueuedEvent
from serd.mqtt.spool import Spool
from testkit.brokers import logged_lines

SomeSpool = TypeVar("SomeSpool", bound=Spool)


def event(number: int, *, text: str = "", age_s: float = 0.0) -> QueuedEvent:
    """An event of a given age whose id is its number; the text goes into its JSON."""
    payload = f'{{"id": "{number}"{text}}}'
    return QueuedEvent(number, str(number), "serd/pi/mic/event", payload, time.time() - age_s)


def numbers(spool: Spool, n: int = 1000, after: int | None = None) -> list[int]:
    """Numbers of the oldest n events, or of the oldest after a number."""
    return [each.number for each in spool.read(n, after=BEFORE_ALL if after is None else after)]


def make_spool(
    path: Path,
    *,
    max_events: int = 1000,
    max_age_s: float = 3600.0,
    safe: bool = False,
    clock: EventClock | None = None,
    kind: type[SomeSpool] = Spool,  # type: ignore[assignment]
) -> SomeSpool:
    """A spool for 1,000 events of an hour by default; it opens at its first use."""
    return kind(
        path,
        max_events=max_events,
        max_age_s=max_age_s,
        is_power_safe=safe,
        clock=clock or EventClock(is_synchronized=lambda: True),
        move_time=move_time,
    )


def fill(spool: Spool) -> None:
    """One event after the other, from number 2 on."""
    for number in range(2, 500):
        spool.update([event(number)])


def limit(spool: Spool, n_pages: int) -> None:
    """Limit the size of the file, as a small disk would."""
    connection = spool._connection  # noqa: SLF001
    assert connection is not None
    connection.execute(f"PRAGMA max_page_count = {n_pages}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A spool file whose folder does not exist yet."""
    return tmp_path / "state" / "spool.db"


@pytest.fixture
def spool(path: Path) -> Iterator[Spool]:
    """An empty spool, closed at the end."""
    spool = make_spool(path)
    yield spool
    spool.close()


def test_events_are_read_in_order(spool: Spool) -> None:
    """Events are read unchanged, by number, in whatever order they were stored."""
    events = [event(number) for number in range(1, 8)]
    spool.update(events[4:])
    spool.update(events[:4])
    assert spool.read(100) == events
    assert numbers(spool, 2) == [1, 2]
    assert numbers(spool, 2, after=3) == [4, 5]
    assert (spool.n_stored, spool.last_number) == (7, 7)


def test_one_update_stores_and_removes(spool: Spool) -> None:
    """Events that are stored already, or removed already, change nothing."""
    spool.update([event(number) for number in (1, 2, 3)])
    spool.update([event(3), event(4)], remove=[1, 2, 17])
    assert numbers(spool) == [3, 4]
    assert spool.n_stored == 2


def test_nothing_is_created_before_it_is_needed(path: Path) -> None:
    """A spool that is created and closed leaves no file, and no folder."""
    make_spool(path).close()
    assert not path.parent.exists()


def test_an_empty_file_is_deleted_at_the_end(spool: Spool, path: Path) -> None:
    """Closing deletes a file without events, and keeps one with events."""
    spool.update([event(1)])
    spool.close()
    assert [each.name for each in path.parent.iterdir()] == ["spool.db"]
    spool.update(remove=[1])
    spool.close()
    assert list(path.parent.iterdir()) == []


def test_only_the_owner_can_read_the_file(spool: Spool, path: Path) -> None:
    """Emotions are private."""
    spool.update([event(1)])
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_earlier_run_comes_first(path: Path) -> None:
    """Events of earlier runs keep their order, with numbers below those of this run."""
    for _ in range(3):
        spool = make_spool(path)
        spool.update([event(1), event(2)])
        spool.close()
    spool = make_spool(path)
    assert numbers(spool) == [-5, -4, -3, -2, -1, 0]
    spool.update([event(1)])
    assert [(each.number, each.id) for each in spool.read(3, after=-2)] == [
        (-1, "1"),
        (0, "2"),
        (1, "1"),
    ]
    spool.close()


def test_the_oldest_beyond_the_limit_are_dropped(path: Path) -> None:
    """With room for 10, 10 of 25 stay, the newest, and 15 are counted."""
    spool = make_spool(path, max_events=10)
    for number in range(1, 16):
        spool.update([event(number)])
    spool.update([event(number) for number in range(16, 26)])
    assert numbers(spool) == list(range(16, 26))
    assert (spool.n_stored, spool.n_dropped) == (10, 15)
    spool.close()


def test_too_old_ones_are_dropped(path: Path) -> None:
    """Too old events are dropped and counted as a new one is stored, or the file is opened."""
    spool = make_spool(path, max_age_s=60.0)
    spool.update([event(1, age_s=50.0), event(2, age_s=40.0), event(3)])
    spool.close()
    spool = make_spool(path, max_age_s=45.0)
    assert [each.id for each in spool.read(10)] == ["2", "3"]
    assert spool.n_dropped == 1
    spool.close()
    spool = make_spool(path, max_age_s=1.0)
    spool.update([event(1)])
    assert [each.id for each in spool.read(10)] == ["3", "1"]
    assert (spool.n_stored, spool.n_dropped) == (2, 1)
    spool.close()


@given(
    turns=st.lists(
        st.tuples(st.lists(st.integers(1, 30), max_size=6), st.lists(st.integers(1, 30), max_size=6))
    ),
    max_events=st.integers(1, 12),
)
def test_it_is_a_bounded_sorted_set(
    tmp_path_factory: pytest.TempPathFactory, turns: list[tuple[list[int], list[int]]], max_events: int
) -> None:
    """After any updates, count and content are those of a plain set."""
    spool = make_spool(tmp_path_factory.mktemp("set") / "spool.db", max_events=max_events)
    expected: set[int] = set()
    for new, done in turns:
        spool.update([event(number) for number in new], remove=done)
        expected = set(
            sorted((expected - set(done)) | set(new))[-max_events:] if new else expected - set(done)
        )
        assert numbers(spool) == sorted(expected)
        assert spool.n_stored == len(expected)
    spool.close()


@pytest.mark.parametrize("safe", [False, True])
def test_kill_9_loses_no_stored_event(path: Path, *, safe: bool) -> None:
    """A process stores events until it is killed: all that it reported are there, each whole."""
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from test_spool import event, make_spool\n"
        "spool = make_spool(Path(sys.argv[1]), max_events=10**6, safe=sys.argv[2] == 'True')\n"
        "for number in range(1, 10**6):\n"
        "    spool.update([event(number)])\n"
        "    print(number, flush=True)\n"
    )
    command = [sys.executable, "-c", program, str(path), str(safe)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        reported = [int(process.stdout.readline()) for _ in range(200)]
        os.kill(process.pid, signal.SIGKILL)
        reported += [int(line) for line in process.stdout]
    spool = make_spool(path)
    ids = [int(each.id) for each in spool.read(10**6)]
    spool.close()
    assert ids[: len(reported)] == reported
    assert len(ids) - len(reported) <= 1


class TestFullDisk:
    """A full disk: no update is half done, and there are new ones once there is room."""

    def test_an_update_that_does_not_fit_changes_nothing(self, spool: Spool) -> None:
        """It is an error; stored events can still be read, and with room it works again."""
        spool.update([event(1), event(2)])
        limit(spool, 4)
        with pytest.raises(SpoolError, match=r"spool\.db: the disk is full"):
            spool.update([event(3, text=" " * 100_000)], remove=[1])
        assert numbers(spool) == [1, 2]
        assert (spool.n_stored, spool.last_number, spool.n_dropped) == (2, 2, 0)
        limit(spool, 1000)
        spool.update([event(3, text=" " * 100_000)], remove=[1])
        assert numbers(spool) == [2, 3]

    @pytest.mark.skipif(os.geteuid() != 0, reason="a small disk of its own needs root to mount it")
    def test_on_a_disk_that_is_really_full(self, tmp_path: Path) -> None:
        """256 kB of tmpfs, filled by another file, then freed."""
        mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(tmp_path)]
        if subprocess.run(mount, check=False, capture_output=True).returncode:
            pytest.skip("no tmpfs can be mounted here")
        try:
            spool = make_spool(tmp_path / "spool.db")
            spool.update([event(1)])
            ballast = tmp_path / "ballast"
            with pytest.raises(OSError, match="No space"):
                ballast.write_bytes(bytes(1_000_000))
            with pytest.raises(SpoolError, match="the disk is full"):
                fill(spool)
            stored = numbers(spool)
            assert stored == list(range(1, len(stored) + 1))
            ballast.unlink()
            spool.update([event(1000)])
            assert numbers(spool) == [*stored, 1000]
            spool.close()
        finally:
            subprocess.run(["umount", "-l", str(tmp_path)], check=True)


class TestBrokenFile:
    """A file that is not a spool any more."""

    @pytest.mark.parametrize("size", [10, 100_000])
    def test_rubbish_is_moved_aside(self, path: Path, size: int) -> None:
        """A file of rubbish is logged once and moved aside, and a new one takes its place."""
        path.parent.mkdir()
        path.write_bytes(b"rubbish! " * size)
        spool = make_spool(path)
        with logged_lines() as lines:
            spool.update([event(1)])
            assert numbers(spool) == [1]
        spool.close()
        aside = path.with_name("spool.db.broken-1")
        assert aside.read_bytes() == b"rubbish! " * size
        about = "is broken (file is not a database) and has been renamed to spool.db.broken-1"
        assert lines == [f"{path} {about}; 0 events were salvaged from it, about 0 lost"]

    def test_a_file_that_breaks_in_the_middle(self, path: Path) -> None:
        """Overwritten pages are found when read; the file is moved aside, and a new one is used."""
        spool = make_spool(path)
        spool.update([event(number, text=" " * 2000) for number in range(1, 200)])
        spool.close()
        body = bytearray(path.read_bytes())
        body[8 * 4096 : 40 * 4096] = b"\xa5" * (32 * 4096)
        path.write_bytes(body)
        spool = make_spool(path)
        with logged_lines() as lines:
            numbers(spool)
            spool.update([event(1)])
        assert 1 in numbers(spool)
        assert spool.n_stored >= 199 - 2 * 32
        assert len(lines) == 1
        assert "malformed" in lines[0]
        spool.close()

    def test_another_programs_table_is_moved_aside(self, path: Path) -> None:
        """A database with another schema is not written to."""
        path.parent.mkdir()
        other = sqlite3.connect(path)
        other.execute("CREATE TABLE event (name TEXT)")
        other.close()
        spool = make_spool(path)
        spool.update([event(1)])
        assert numbers(spool) == [1]
        assert path.with_name("spool.db.broken-1").exists()
        spool.close()

    def test_only_five_are_kept(self, path: Path) -> None:
        """A disk that breaks again and again does not fill up with broken files."""
        path.parent.mkdir()
        for _ in range(8):
            path.write_bytes(b"rubbish! " * 1000)
            spool = make_spool(path)
            spool.update([event(1)])
            spool.close()
        names = sorted(each.name for each in path.parent.iterdir())
        assert names == ["spool.db", *(f"spool.db.broken-{number}" for number in range(1, 6))]


def long_event(number: int) -> QueuedEvent:
    """An event of the length that the daemon's have, and every tenth longer than a page."""
    return event(number, text=f', "text": "{"x" * (9000 if number % 10 == 0 else 900)}"')


class TestDamagedSector:
    """One sector of 512 bytes is overwritten with zeros, as a worn SD card does."""

    N_PLACES = 60

    def test_a_sector_costs_the_events_on_its_page(self, path: Path) -> None:
        """60 places of a spool of 500 events: few are lost, none is changed, and new ones are stored."""
        events = [long_event(number) for number in range(1, 501)]
        sent = {each.id: each.payload for each in events}
        spool = make_spool(path)
        spool.update(events)
        spool.close()
        whole = path.read_bytes()
        n_sectors = len(whole) // 512
        first_sectors = range(16)  # the header, the schema and the root of the table
        others = range(16, n_sectors, n_sectors // (self.N_PLACES - 16))
        places = [*first_sectors, *others][: self.N_PLACES]
        losses = []
        for place in places:
            path.write_bytes(whole[: place * 512] + bytes(512) + whole[place * 512 + 512 :])
            spool = make_spool(path)
            with logged_lines():
                left = spool.read(1000)
                spool.update([event(1000)])
            assert [each.payload for each in left] == [sent[each.id] for each in left]
            assert [each.number for each in left] == sorted(each.number for each in left)
            assert spool.read(1000)[-1].id == "1000"
            spool.close()
            losses.append(len(events) - len(left))
            for other in path.parent.glob("spool.db.*"):
                other.unlink()
        worst, mean = max(losses), sum(losses) / len(losses)
        assert len(losses) == self.N_PLACES
        assert worst <= 6, f"{worst} events lost at worst, {mean:.2f} on average: {losses}"

    def test_removed_events_do_not_come_back(self, path: Path) -> None:
        """Events that were acknowledged are not salvaged from pages that are free."""
        spool = make_spool(path)
        spool.update([long_event(number) for number in range(1, 301)])
        spool.update(remove=range(1, 251))
        spool.close()
        body = bytearray(path.read_bytes())
        body[4096:4608] = bytes(512)  # the root of the table
        path.write_bytes(body)
        spool = make_spool(path)
        with logged_lines() as lines:
            assert [each.id for each in spool.read(1000)] == [str(n) for n in range(251, 301)]
        assert len(lines) == 1
        assert "50 events were salvaged from it, about 0 lost" in lines[0]
        spool.close()

    def test_a_file_that_breaks_in_use(self, path: Path) -> None:
        """Events keep their numbers, the lost ones are counted, and no restart is needed."""
        spool = make_spool(path)
        spool.update([long_event(number) for number in range(1, 301)])
        spool.close()
        body = path.read_bytes()
        leaves = [place for place in range(4096, len(body), 4096) if body[place] == 13]
        spool.open()
        assert spool._connection is not None  # noqa: SLF001
        spool._connection.execute("PRAGMA shrink_memory")  # noqa: SLF001 - else it reads from its cache
        with path.open("r+b") as file:
            file.seek(leaves[len(leaves) // 2])
            file.write(bytes(512))
        with logged_lines() as lines:
            left = numbers(spool)
            spool.update([event(301)])
        assert left == sorted(set(left))
        assert 294 <= len(left) < 300
        assert numbers(spool) == [*left, 301]
        assert (spool.n_stored, spool.n_dropped) == (len(left) + 1, 300 - len(left))
        assert len(lines) == 1
        spool.close()


class TestDamagedRows:
    """Rows that are no events: each is dropped and counted, and costs nothing else."""

    @pytest.mark.parametrize(
        "damage",
        [
            "topic = ''",
            "topic = 'serd/+/event'",
            "topic = 'serd/#'",
            "topic = CAST(x'73657264ff' AS TEXT)",
            "topic = CAST(x'736500' AS TEXT)",
            "topic = x'7365'",
            "payload = ''",
            'payload = \'{"id": "2"\'',
            "payload = '[\"2\"]'",
            'payload = \'{"id": "3"}\'',
            "payload = printf('%.*c', 100000, '[')",
            "payload = CAST(x'7b22ff227d' AS TEXT)",
            "id = x'32'",
            "id = ''",
            "taken_s = 'soon'",
            "taken_s = 9e999",
            "number = 9223372036854775807",
            "number = -9223372036854775807",
        ],
    )
    def test_a_damaged_row_is_dropped_alone(self, path: Path, damage: str) -> None:
        """The events before and after it are read, one line is logged, and new ones are stored."""
        spool = make_spool(path)
        spool.update([event(1), event(2), event(3)])
        spool.close()
        with sqlite3.connect(path) as other:
            other.execute(f"UPDATE event SET {damage} WHERE number = 2")  # noqa: S608
        other.close()
        spool = make_spool(path)
        with logged_lines() as lines:
            assert [each.id for each in spool.read(2)] == ["1", "3"]
            spool.update([event(1)])
        assert [each.id for each in spool.read(10)] == ["1", "3", "1"]
        assert (spool.n_stored, spool.n_dropped) == (3, 1)
        assert lines == [f"{path}: 1 events are damaged and dropped"]
        spool.close()

    def test_more_damaged_rows_than_are_read_at_a_time(self, path: Path) -> None:
        """They do not hide the events behind them."""
        spool = make_spool(path)
        spool.update([event(number) for number in range(1, 101)])
        spool.close()
        with sqlite3.connect(path) as other:
            other.execute("UPDATE event SET payload = 'rubbish' WHERE number <= 90")
        other.close()
        spool = make_spool(path)
        assert [each.id for each in spool.read(4)] == ["91", "92", "93", "94"]
        assert (spool.n_stored, spool.n_dropped) == (10, 90)
        spool.close()


def test_two_daemons_do_not_share_a_file(spool: Spool, path: Path) -> None:
    """The second gets an error, until the first has closed the file."""
    spool.update([event(1)])
    second = make_spool(path)
    with pytest.raises(SpoolError, match="another serd uses this state folder"):
        second.update([event(2)])
    spool.close()
    second.update([event(1)])
    assert [each.id for each in second.read(10)] == ["1", "1"]
    second.close()


def test_a_second_daemon_does_not_write_to_a_file_that_the_first_deletes(path: Path) -> None:
    """Whatever the turns of two daemons, each event that was stored is in the file at the end."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from test_spool import event, make_spool\n"
        "from serd.errors import SpoolError\n"
        "spool = make_spool(Path(sys.argv[1]))\n"
        "n_stored = 0\n"
        "while n_stored < 100:\n"
        "    try:\n"
        "        spool.update([event(n_stored + 1)])\n"
        "        left = [each.number for each in spool.read(10)]\n"
        "    except SpoolError:\n"
        "        continue\n"
        "    n_stored += 1\n"
        "    assert left == [n_stored], left\n"
        "    assert spool.path.stat().st_nlink == 1\n"
        "    spool.update(remove=left)\n"
        "    spool.close()\n"
    )
    command = [sys.executable, "-c", program, str(path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment) as first:
        second = subprocess.run(command, env=environment, check=False, timeout=60.0)
        assert (second.returncode, first.wait(60.0)) == (0, 0)
    assert list(path.parent.iterdir()) == []


def test_a_folder_that_cannot_be_created_is_an_error(tmp_path: Path) -> None:
    """The error names the file if the state folder is a file itself."""
    (tmp_path / "state").write_text("a file")
    spool = make_spool(tmp_path / "state" / "spool.db")
    with pytest.raises(SpoolError, match=r"state/spool\.db: (File exists|Not a directory)"):
        spool.update([event(1)])


def test_a_file_of_a_later_serd_is_left_as_it_is(path: Path) -> None:
    """A line says what to do, nothing is written, and the folder is free for another serd."""
    spool = make_spool(path)
    spool.update([event(1)])
    spool.close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 2")
    before = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    for action in (spool.open, lambda: spool.update([event(2)]), lambda: spool.read(1)):
        with pytest.raises(SpoolError, match=r"of version 2.*up to 1: install the serd that wrote it"):
            action()
    assert {each.name: each.read_bytes() for each in path.parent.iterdir()} == before
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 1")
    assert numbers(make_spool(path)) == [0]


def test_a_file_from_before_versions_gets_one(path: Path) -> None:
    """Its events stay."""
    spool = make_spool(path)
    spool.update([event(1)])
    spool.close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 0")
    again = make_spool(path)
    assert numbers(again) == [0]
    again.close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)


def test_a_version_that_cannot_be_is_damage(path: Path) -> None:
    """The events are salvaged."""
    spool = make_spool(path)
    spool.update([event(1)])
    spool.close()
    raw = bytearray(path.read_bytes())
    raw[60:64] = b"\x7f\xff\xff\xff"
    path.write_bytes(raw)
    assert numbers(make_spool(path)) == [0]
    assert path.with_name(f"{path.name}.broken-1").exists()

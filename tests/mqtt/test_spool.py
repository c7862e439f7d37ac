"""Events on the disk: in order, bounded, and safe from death, full disks and broken files."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.errors import SpoolError
from serd.mqtt.spool import BEFORE_ALL, QueuedEvent, Spool
from testkit.brokers import logged_lines


def event(number: int, *, text: str = "", age_s: float = 0.0) -> QueuedEvent:
    """An event whose id is its number, taken so long ago; text goes into its JSON."""
    payload = f'{{"id": "{number}"{text}}}'
    return QueuedEvent(number, str(number), "serd/pi/mic/event", payload, time.time() - age_s)


def numbers(spool: Spool, n: int = 1000, after: int | None = None) -> list[int]:
    """Numbers of the oldest n events, or of the oldest after a number."""
    return [each.number for each in spool.read(n, after=BEFORE_ALL if after is None else after)]


def made(path: Path, *, max_events: int = 1000, max_age_s: float = 3600.0, safe: bool = False) -> Spool:
    """A spool for 1,000 events of an hour by default; it opens at its first use."""
    return Spool(path, max_events=max_events, max_age_s=max_age_s, is_power_safe=safe)


def fill(spool: Spool) -> None:
    """One event after the other, from number 2 on."""
    for number in range(2, 500):
        spool.update([event(number)])


def limit(spool: Spool, n_pages: int) -> None:
    """SQLite's own way of a small disk."""
    connection = spool._connection  # noqa: SLF001
    assert connection is not None
    connection.execute(f"PRAGMA max_page_count = {n_pages}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A spool file whose folder is not there yet."""
    return tmp_path / "state" / "spool.db"


@pytest.fixture
def spool(path: Path) -> Iterator[Spool]:
    """An empty spool, closed at the end."""
    opened = made(path)
    yield opened
    opened.close()


def test_what_goes_in_comes_out_in_order(spool: Spool) -> None:
    """Events come back as they were, by number, however they went in."""
    events = [event(number) for number in range(1, 8)]
    spool.update(events[4:])
    spool.update(events[:4])
    assert spool.read(100) == events
    assert numbers(spool, 2) == [1, 2]
    assert numbers(spool, 2, after=3) == [4, 5]
    assert (spool.n_stored, spool.last_number) == (7, 7)


def test_one_turn_takes_and_gives(spool: Spool) -> None:
    """New events come and done ones go together; what is there or gone already changes nothing."""
    spool.update([event(number) for number in (1, 2, 3)])
    spool.update([event(3), event(4)], remove=[1, 2, 17])
    assert numbers(spool) == [3, 4]
    assert spool.n_stored == 2


def test_nothing_is_created_before_it_is_needed(path: Path) -> None:
    """A spool that is made and closed leaves no file, and no folder."""
    made(path).close()
    assert not path.parent.exists()


def test_an_empty_file_is_deleted_at_the_end(spool: Spool, path: Path) -> None:
    """What holds nothing is not kept; what holds something is."""
    spool.update([event(1)])
    spool.close()
    assert [each.name for each in path.parent.iterdir()] == ["spool.db"]
    spool.update(remove=[1])
    spool.close()
    assert list(path.parent.iterdir()) == []


def test_it_is_nobody_elses_to_read(spool: Spool, path: Path) -> None:
    """Emotions are private: only the owner reads the file."""
    spool.update([event(1)])
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_earlier_run_comes_first(path: Path) -> None:
    """Events of the run before keep their order below those of this one, again and again."""
    for _ in range(3):
        spool = made(path)
        spool.update([event(1), event(2)])
        spool.close()
    spool = made(path)
    assert numbers(spool) == [-5, -4, -3, -2, -1, 0]
    spool.update([event(1)])
    assert [(each.number, each.id) for each in spool.read(3, after=-2)] == [
        (-1, "1"),
        (0, "2"),
        (1, "1"),
    ]
    spool.close()


def test_too_many_lose_the_oldest(path: Path) -> None:
    """With room for 10, 10 of 25 stay, the newest, and 15 are counted."""
    spool = made(path, max_events=10)
    for number in range(1, 16):
        spool.update([event(number)])
    spool.update([event(number) for number in range(16, 26)])
    assert numbers(spool) == list(range(16, 26))
    assert (spool.n_stored, spool.n_dropped) == (10, 15)
    spool.close()


def test_too_old_ones_are_dropped(path: Path) -> None:
    """Events above the age go when a new one comes or the file is opened, and are counted."""
    spool = made(path, max_age_s=60.0)
    spool.update([event(1, age_s=50.0), event(2, age_s=40.0), event(3)])
    spool.close()
    spool = made(path, max_age_s=45.0)
    assert [each.id for each in spool.read(10)] == ["2", "3"]
    assert spool.n_dropped == 1
    spool.close()
    spool = made(path, max_age_s=1.0)
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
    """Whatever comes and goes, the count is right and the content that of a plain set."""
    spool = made(tmp_path_factory.mktemp("set") / "spool.db", max_events=max_events)
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
def test_kill_9_takes_nothing_that_was_kept(path: Path, *, safe: bool) -> None:
    """A process that keeps events until it is killed: all it has told are there, each whole."""
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from test_spool import event, made\n"
        "spool = made(Path(sys.argv[1]), max_events=10**6, safe=sys.argv[2] == 'True')\n"
        "for number in range(1, 10**6):\n"
        "    spool.update([event(number)])\n"
        "    print(number, flush=True)\n"
    )
    command = [sys.executable, "-c", program, str(path), str(safe)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        told = [int(process.stdout.readline()) for _ in range(200)]
        os.kill(process.pid, signal.SIGKILL)
        told += [int(line) for line in process.stdout]
    spool = made(path)
    ids = [int(each.id) for each in spool.read(10**6)]
    spool.close()
    assert ids[: len(told)] == told
    assert len(ids) - len(told) <= 1


class TestFullDisk:
    """A disk without room: nothing half done, and used again once there is room."""

    def test_what_does_not_fit_is_an_error_and_leaves_the_rest(self, spool: Spool) -> None:
        """A turn that does not fit changes nothing; what was kept is read; with room it works again."""
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
        """256 kB of tmpfs, filled up by somebody else, then freed."""
        mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(tmp_path)]
        if subprocess.run(mount, check=False, capture_output=True).returncode:
            pytest.skip("no tmpfs can be mounted here")
        try:
            spool = made(tmp_path / "spool.db")
            spool.update([event(1)])
            ballast = tmp_path / "ballast"
            with pytest.raises(OSError, match="No space"):
                ballast.write_bytes(bytes(1_000_000))
            with pytest.raises(SpoolError, match="the disk is full"):
                fill(spool)
            kept = numbers(spool)
            assert kept == list(range(1, len(kept) + 1))
            ballast.unlink()
            spool.update([event(1000)])
            assert numbers(spool) == [*kept, 1000]
            spool.close()
        finally:
            subprocess.run(["umount", "-l", str(tmp_path)], check=True)


class TestBrokenFile:
    """A file that is no spool any more."""

    @pytest.mark.parametrize("size", [10, 100_000])
    def test_rubbish_is_moved_aside(self, path: Path, size: int) -> None:
        """A file of rubbish is moved aside, said once, and a new one takes its place."""
        path.parent.mkdir()
        path.write_bytes(b"rubbish! " * size)
        spool = made(path)
        with logged_lines() as lines:
            spool.update([event(1)])
            assert numbers(spool) == [1]
        spool.close()
        aside = path.with_name("spool.db.broken-1")
        assert aside.read_bytes() == b"rubbish! " * size
        about = "is broken (file is not a database) and has been renamed to spool.db.broken-1"
        assert lines == [f"{path} {about}; the events in it are not sent"]

    def test_a_file_that_breaks_in_the_middle(self, path: Path) -> None:
        """Pages overwritten behind a healthy start: found when read, moved aside, and on it goes."""
        spool = made(path)
        spool.update([event(number, text=" " * 2000) for number in range(1, 200)])
        spool.close()
        body = bytearray(path.read_bytes())
        body[8 * 4096 : 40 * 4096] = b"\xa5" * (32 * 4096)
        path.write_bytes(body)
        spool = made(path)
        with logged_lines() as lines:
            numbers(spool)
            spool.update([event(1)])
        assert 1 in numbers(spool)
        assert len(lines) == 1
        assert "malformed" in lines[0]
        spool.close()

    def test_another_programs_table_is_moved_aside(self, path: Path) -> None:
        """A database that holds something else under our name is nobody's to write to."""
        path.parent.mkdir()
        other = sqlite3.connect(path)
        other.execute("CREATE TABLE event (name TEXT)")
        other.close()
        spool = made(path)
        spool.update([event(1)])
        assert numbers(spool) == [1]
        assert path.with_name("spool.db.broken-1").exists()
        spool.close()

    def test_only_five_are_kept(self, path: Path) -> None:
        """A disk that breaks for ever does not fill up with broken files."""
        path.parent.mkdir()
        for _ in range(8):
            path.write_bytes(b"rubbish! " * 1000)
            spool = made(path)
            spool.update([event(1)])
            spool.close()
        names = sorted(each.name for each in path.parent.iterdir())
        assert names == ["spool.db", *(f"spool.db.broken-{number}" for number in range(1, 6))]


def test_two_daemons_do_not_share_a_file(spool: Spool, path: Path) -> None:
    """The second is told that the first has it, and gets it once the first has gone."""
    spool.update([event(1)])
    second = made(path)
    with pytest.raises(SpoolError, match="another process has it open"):
        second.update([event(2)])
    spool.close()
    second.update([event(1)])
    assert [each.id for each in second.read(10)] == ["1", "1"]
    second.close()


def test_a_folder_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    """Where the state folder is a file, the error says so, and nothing else happens."""
    (tmp_path / "state").write_text("a file")
    spool = made(tmp_path / "state" / "spool.db")
    with pytest.raises(SpoolError, match=r"state/spool\.db: (File exists|Not a directory)"):
        spool.update([event(1)])

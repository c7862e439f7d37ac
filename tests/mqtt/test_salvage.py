"""Events that can still be read from a broken spool go to a new file."""

import contextlib
import errno
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_spool import event, long_event, make_spool

from serd.errors import SpoolError
from serd.mqtt.rows import QueuedEvent
from serd.mqtt.salvage import Salvaged, salvage
from serd.mqtt.sqlite_pages import MAX_ROW_BYTES


def break_root(path: Path) -> None:
    """Overwrite the root of the table, without which SQLite finds no row."""
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(bytes(512))


def broken_spool(path: Path, events: list[QueuedEvent]) -> None:
    """Write a spool with events, and break it."""
    spool = make_spool(path, max_events=10**6)
    spool.update(events)
    spool.close()
    break_root(path)


@contextlib.contextmanager
def disk_that_fails(after_n_reads: int) -> Iterator[None]:
    """In the block, pages can be read a number of times, and then not any more."""
    pread, left = os.pread, iter(range(after_n_reads))

    def read(descriptor: int, n_bytes: int, offset: int) -> bytes:
        """Read, or fail."""
        if next(left, None) is None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return pread(descriptor, n_bytes, offset)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("serd.mqtt.sqlite_pages.os.pread", read)
        yield


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A spool file that does not exist yet."""
    return tmp_path / "spool.db"


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """The new file."""
    return tmp_path / "spool.db.salvaged"


def test_memory_does_not_depend_on_the_length_of_the_file(path: Path, new: Path) -> None:
    """3.5 MB of events take less than 350 kB, since systemd ends a daemon that takes too much."""
    broken_spool(path, [long_event(number) for number in range(1, 2001)])
    assert path.stat().st_size > 3_500_000
    tracemalloc.start()
    try:
        assert salvage(path, new) == Salvaged(n_events=2000, n_numbers=2000)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 350_000


def test_a_row_that_is_longer_than_any_event_is_left_out_alone(path: Path, new: Path) -> None:
    """A damaged length does not make one row fill the memory; the events around it are salvaged."""
    too_long = event(2, text=" " * MAX_ROW_BYTES)
    broken_spool(path, [event(1), too_long, *(long_event(number) for number in range(3, 50))])
    assert salvage(path, new) == Salvaged(n_events=48, n_numbers=49)


def test_what_an_earlier_attempt_left_is_replaced(path: Path, new: Path) -> None:
    """A daemon that was killed while it wrote the new file leaves a part of it."""
    broken_spool(path, [long_event(number) for number in range(1, 50)])
    for left in (new, new.with_name(f"{new.name}-journal")):
        left.write_bytes(b"a part")
    assert salvage(path, new) == Salvaged(n_events=49, n_numbers=49)
    assert sorted(each.name for each in path.parent.iterdir()) == [path.name, new.name]


def test_a_new_file_is_whole_or_not_there(
    path: Path, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a sector that the disk cannot read there is no new file, and the next attempt has all."""
    broken_spool(path, [long_event(number) for number in range(1, 50)])
    with disk_that_fails(after_n_reads=20), pytest.raises(OSError, match="Input/output"):
        salvage(path, new)
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert salvage(path, new) == Salvaged(n_events=49, n_numbers=49)


def test_a_broken_spool_stays_until_its_events_are_in_a_new_one(path: Path) -> None:
    """A salvage that does not come to its end, as in a power cut, is done again and loses nothing."""
    broken_spool(path, [long_event(number) for number in range(1, 50)])
    spool = make_spool(path)
    with disk_that_fails(after_n_reads=20), pytest.raises(SpoolError, match="Input/output"):
        spool.open()
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert len(spool.read(1000)) == 49
    assert sorted(each.name for each in path.parent.glob("*.broken-*")) == ["spool.db.broken-1"]
    spool.close()

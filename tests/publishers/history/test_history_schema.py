"""Files of every earlier version are brought to the newest one, after a copy; later ones are refused."""

import re
import sqlite3
from pathlib import Path

import pytest

from serd.errors import HistoryError
from serd.publishers.history import schema
from serd.publishers.history.marks import Marks
from serd.publishers.history.reader import HistoryReader
from serd.publishers.history.schema import MIGRATIONS, Migration, migrate, version_of
from serd.publishers.history.store import HistoryStore
from testkit.made_history import DAY_S, EVERYTHING, NOON_S, make_history, make_store, stored, timed_event

SCRIPTS = sorted(Path(__file__).parent.glob("version-*.sql"))
NEXT: Migration = (
    "ALTER TABLE event ADD COLUMN room TEXT NOT NULL DEFAULT ''",
    "UPDATE event SET room = source",
)
"""A migration to a version that does not exist."""


def store_with(path: Path, *migrations: Migration) -> HistoryStore:
    """A store that knows further versions."""
    return HistoryStore(
        path,
        keep_s=90 * DAY_S,
        max_bytes=10**8,
        migrations=(*MIGRATIONS, *migrations),
        wall_s=lambda: NOON_S,
    )


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    """The answer to a query."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of the newest version, with one event."""
    return make_history(tmp_path / "history.db", [timed_event()])


def test_each_version_has_its_file() -> None:
    """A new version comes with a script that makes a file of it; released ones are never changed."""
    numbers = [int(re.findall(r"\d+", script.stem)[0]) for script in SCRIPTS]
    assert numbers == list(range(1, len(MIGRATIONS) + 1))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_file_of_each_version_is_read_as_it_is(script: Path, tmp_path: Path) -> None:
    """So what was kept can be seen after the history was turned off, and nothing is changed."""
    path = tmp_path / "history.db"
    connection = sqlite3.connect(path)
    connection.executescript(script.read_text("utf-8"))
    connection.close()
    before = path.read_bytes()
    assert [event.id for event in stored(path)] == ["1", "2"]
    assert [mark.id for mark in Marks(path).all()] in ([], ["2"])
    assert path.read_bytes() == before


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_file_of_each_version_is_opened(script: Path, tmp_path: Path) -> None:
    """Its events and changes of state are all there, new ones are added, and a copy of it is kept."""
    path = tmp_path / "history.db"
    connection = sqlite3.connect(path)
    connection.executescript(script.read_text("utf-8"))
    connection.close()
    version = rows(path, "PRAGMA user_version")[0][0]
    make_store(path).write([timed_event(7, time_s=NOON_S + 60)])
    assert [event.id for event in stored(path)] == ["1", "2", "7"]
    with HistoryReader(path) as reader:
        assert [each.reason for each in reader.changes(EVERYTHING)] == ["unplugged"]
    has_marks = version >= 2
    assert [mark.emotion for mark in Marks(path).all()] == ["sad"] * has_marks
    is_old = version < len(MIGRATIONS)
    assert path.with_name(f"history.db.version-{version}").exists() == is_old


def test_the_newest_script_is_what_is_written(path: Path, tmp_path: Path) -> None:
    """The tables of a new file are those of the newest script."""
    other = tmp_path / "script.db"
    connection = sqlite3.connect(other)
    connection.executescript(SCRIPTS[-1].read_text("utf-8"))
    connection.close()
    query = "SELECT name, sql FROM sqlite_master ORDER BY name"
    tables = [[(name, _words(sql)) for name, sql in rows(each, query)] for each in (path, other)]
    assert tables[0] == tables[1]


def test_a_further_migration_keeps_a_copy(path: Path, lines: list[str]) -> None:
    """The content is changed, the copy is the earlier file, and the log names it."""
    store_with(path, NEXT).tidy()
    assert rows(path, "SELECT id, room FROM event") == [("1", "mic")]
    assert rows(path, "PRAGMA user_version") == [(len(MIGRATIONS) + 1,)]
    copy = path.with_name(f"history.db.version-{len(MIGRATIONS)}")
    assert [event.id for event in stored(copy)] == ["1"]
    assert copy.stat().st_mode & 0o777 == 0o600
    assert [line for line in lines if copy.name in line]


def test_several_migrations_follow_each_other(path: Path) -> None:
    """A file that is two versions behind gets both, in order, and one copy."""
    store = store_with(path, NEXT, ("UPDATE event SET room = room || '!'",))
    store.tidy()
    assert rows(path, "SELECT room FROM event") == [("mic!",)]
    assert [each.name for each in store.copies()] == [f"history.db.version-{len(MIGRATIONS)}"]


def test_a_migration_that_fails_changes_nothing(path: Path) -> None:
    """The file stays of its version, with its content."""
    with pytest.raises(HistoryError, match=r"history\.db"):
        store_with(path, (*NEXT, "INSERT INTO event (number) VALUES (1)")).delete(before_s=0.0)
    assert rows(path, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert [event.id for event in stored(path)] == ["1"]


def test_a_new_file_has_its_tables_from_the_first_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader never sees a file without them, and an empty one of a failed start has a line."""
    path = tmp_path / "history.db"
    seen = []

    def note_size(_connection: sqlite3.Connection) -> int:
        seen.append(path.stat().st_size)
        return version_of(_connection)

    monkeypatch.setattr(schema, "version_of", note_size)
    make_store(path).write([timed_event()])
    assert seen == [0, 0]
    assert rows(path, "PRAGMA auto_vacuum") == [(2,)]
    path.write_bytes(b"")
    with pytest.raises(HistoryError, match=r"history\.db is empty: serd has kept no event yet"):
        HistoryReader(path)


def test_two_processes_make_one_file(tmp_path: Path) -> None:
    """Where both begin at the same time, one makes the tables and the other uses them."""
    path = tmp_path / "history.db"
    first, second = (sqlite3.connect(path, isolation_level=None, timeout=0.0) for _ in range(2))
    first.execute("BEGIN")
    first.execute("PRAGMA auto_vacuum = INCREMENTAL")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        migrate(second, path, MIGRATIONS)
    first.execute("ROLLBACK")
    for connection in (second, first):
        migrate(connection, path, MIGRATIONS)
        connection.close()
    assert rows(path, "PRAGMA user_version") == [(len(MIGRATIONS),)]


def test_a_later_version_is_refused(path: Path) -> None:
    """Neither writing nor reading changes a byte, and the line says what to do."""
    store_with(path, NEXT).tidy()
    before = path.read_bytes()
    expected = (
        r"history\.db is of version 3, and this serd knows versions up to 2: install the serd that"
    )
    with pytest.raises(HistoryError, match=expected):
        make_store(path).write([timed_event(2)])
    with pytest.raises(HistoryError, match=expected):
        make_store(path).tidy(checks=True)
    with pytest.raises(HistoryError, match=expected):
        HistoryReader(path)
    assert path.read_bytes() == before


def _words(sql: object) -> list[str]:
    return str(sql).split()

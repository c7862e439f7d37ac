"""serd history: shows, counts, exports and deletes what is in the file."""

import csv
import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyarrow import parquet

from serd.audio import folders
from serd.cli import main
from serd.cli.history.selecting import moment_s
from serd.events.event import Event
from serd.publishers.history.records import StateChange
from testkit.daemons import environment
from testkit.made_history import DAY_S, NOON_S, make_history, stored_ids, timed_event

pytestmark = pytest.mark.usefixtures("utc")
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in the user's state folder, which does not exist yet; the service has none."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setattr(folders, "SERVICE_FOLDER", tmp_path / "service")
    return tmp_path / "serd" / "history.db"


@pytest.fixture
def filled(path: Path) -> Path:
    """Two days: four utterances of two sources, a window, and a loss."""
    return make_history(
        path,
        [
            timed_event(1, time_s=NOON_S - DAY_S, emotion="sad"),
            timed_event(2, time_s=NOON_S - 60, source="door"),
            timed_event(3, time_s=NOON_S - 30, kind="window"),
            timed_event(4, time_s=NOON_S - 20),
            timed_event(5, time_s=NOON_S, emotion="angry", confidence=0.6),
            StateChange(time_s=NOON_S - 7200, source="mic", state="offline", reason="unplugged"),
            StateChange(time_s=NOON_S - 3600, source="mic", state="online"),
        ],
    )


def lines_of(arguments: list[str], captured: Captured) -> list[str]:
    """The lines that a command prints."""
    assert main(["history", *arguments]) == 0
    return captured.readouterr().out.splitlines()


class TestShow:
    """The list of events."""

    @pytest.mark.usefixtures("filled")
    def test_utterances_below_their_dates(self, capsys: Captured) -> None:
        """The newest is the last, and windows are left out."""
        lines = lines_of([], capsys)
        assert [line.split()[0] for line in lines] == [
            "2026-11-27",
            "12:00:00",
            "2026-11-28",
            "11:59:00",
            "11:59:40",
            "12:00:00",
        ]
        assert lines[-1].split() == [
            "12:00:00",
            "mic",
            "●",
            "angry",
            "60",
            "%",
            "██████",
            "negative",
            "3.0",
            "s",
        ]

    @pytest.mark.usefixtures("filled")
    @pytest.mark.parametrize(
        ("flags", "ids"),
        [
            ("--windows", "1 2 3 4 5"),
            ("--source door", "2"),
            ("--emotion happy", "2 4"),
            ("--since 2026-11-28", "2 4 5"),
            ("--until 2026-11-28", "1"),
            ("--since 2026-11-28T11:59:30 --until 2026-11-28T12:00:00+00:00", "4"),
            ("--limit 2", "4 5"),
            ("--limit 0", "1 2 4 5"),
            ("--windows --emotion happy --limit 2", "3 4"),
        ],
    )
    def test_selections(self, capsys: Captured, flags: str, ids: str) -> None:
        """Each flag alone and together; times include the first and exclude the last moment."""
        events = [Event.from_json(line) for line in lines_of(["--json", *flags.split()], capsys)]
        assert [event.id for event in events] == ids.split()

    @pytest.mark.usefixtures("filled")
    def test_what_a_limit_leaves_out_is_said(self, capsys: Captured) -> None:
        """On standard error, so that a pipe gets events alone."""
        assert main(["history", "--limit", "3"]) == 0
        assert capsys.readouterr().err == "serd: 1 earlier events are left out; --limit 0 shows all\n"

    @pytest.mark.usefixtures("filled")
    def test_no_such_event_is_one_line(self, capsys: Captured) -> None:
        """The exit code is 0."""
        assert main(["history", "--source", "attic"]) == 0
        shown = capsys.readouterr()
        assert (shown.out, shown.err) == ("", "serd: no events of this kind in the history\n")

    @pytest.mark.parametrize(
        "action", [[], ["summary"], ["export", "--out", "x.csv"], ["delete", "--all"]]
    )
    def test_without_a_history_the_places_are_named(
        self, path: Path, capsys: Captured, action: list[str]
    ) -> None:
        """Exit code 2, and the setting that keeps events."""
        assert main(["history", *action]) == 2
        service = path.parents[1] / "service" / "history.db"
        assert capsys.readouterr().err == (
            f"serd: error: no history: neither {path} nor {service} exists;"
            " serd keeps events with [history] enabled = true\n"
        )

    def test_that_of_the_service_is_found(self, path: Path, capsys: Captured) -> None:
        """Where the user has none; $STATE_DIRECTORY alone counts if it is set."""
        make_history(path.parents[1] / "service" / "history.db", [timed_event(8)])
        assert len(lines_of([], capsys)) == 2
        make_history(path, [timed_event(1), timed_event(2)])
        assert len(lines_of([], capsys)) == 3

    def test_a_folder_that_is_locked(
        self, path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The line names the file and the way to read it."""

        def refuse(self: Path, **_options: object) -> None:
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(Path, "stat", refuse)
        assert main(["history"]) == 2
        assert (
            f"{path}: Permission denied; run the command as the user of serd" in capsys.readouterr().err
        )

    def test_a_damaged_file_is_one_line(self, path: Path, capsys: Captured) -> None:
        """Exit code 1 without a traceback."""
        path.parent.mkdir()
        path.write_bytes(b"rubbish" * 1000)
        assert main(["history"]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert "is damaged (file is not a database)" in line

    @pytest.mark.usefixtures("filled")
    @pytest.mark.parametrize(
        "flag", [["--since", "soon"], ["--until", "2026-13-01"], ["--since", "9" * 9 + "w"]]
    )
    def test_a_time_that_nobody_understands(self, capsys: Captured, flag: list[str]) -> None:
        """The line names flag and value, and gives examples."""
        assert main(["history", *flag]) == 2
        assert f"{flag[0]} {flag[1]!r}: expected a time such as" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", "2026-11-28T10:00:00"),
        ("90 m", "2026-11-28T10:30:00"),
        ("3d", "2026-11-25T12:00:00"),
        ("1W", "2026-11-21T12:00:00"),
        ("now", "2026-11-28T12:00:00"),
        ("today", "2026-11-28T00:00:00"),
        ("Yesterday", "2026-11-27T00:00:00"),
        ("2026-11-01", "2026-11-01T00:00:00"),
        ("2026-11-01 14:30", "2026-11-01T14:30:00"),
        ("2026-11-01T14:30+02:00", "2026-11-01T12:30:00"),
    ],
)
def test_times(text: str, expected: str) -> None:
    """Durations are counted back from now; dates are local."""
    now = datetime.fromtimestamp(NOON_S, UTC)
    assert moment_s(text, now, "--since") == datetime.fromisoformat(f"{expected}+00:00").timestamp()


class TestExport:
    """Files of events."""

    @pytest.mark.usefixtures("filled")
    def test_csv(self, tmp_path: Path, capsys: Captured) -> None:
        """A header, a row for each event, a column for each label, and only the owner can read it."""
        out = tmp_path / "events.csv"
        before = os.umask(0)
        try:
            lines = lines_of(["export", "--out", str(out), "--windows"], capsys)
        finally:
            os.umask(before)
        assert lines == [f"Wrote 5 events to {out}."]
        assert stat.S_IMODE(out.stat().st_mode) == 0o600
        with out.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["id"] for row in rows] == ["1", "2", "3", "4", "5"]
        last = rows[-1]
        assert last["time"] == "2026-11-28T12:00:00.000+00:00"
        assert (last["emotion"], last["confidence"], last["angry"], last["sad"]) == (
            "angry",
            "0.6",
            "0.6",
            "0.4",
        )
        assert (last["happy"], last["valence_dimension"], last["end_s"]) == ("", "0.5", "13.0")

    @pytest.mark.usefixtures("filled")
    def test_lines_of_json_are_events(self, tmp_path: Path, capsys: Captured) -> None:
        """As they were published; the selection may stand before the action."""
        out = tmp_path / "events.jsonl"
        lines_of(["--source", "door", "export", "--out", str(out)], capsys)
        (line,) = out.read_text("utf-8").splitlines()
        assert Event.from_json(line) == timed_event(2, time_s=NOON_S - 60, source="door").event

    @pytest.mark.usefixtures("filled")
    def test_parquet(self, tmp_path: Path, capsys: Captured) -> None:
        """Another program reads times, numbers and texts as what they are."""
        out = tmp_path / "events.parquet"
        lines_of(["export", "--out", str(out), "--since", "2026-11-28"], capsys)
        rows = parquet.read_table(out).to_pylist()
        assert [row["id"] for row in rows] == ["2", "4", "5"]
        assert rows[-1]["time"] == datetime(2026, 11, 28, 12, tzinfo=UTC)
        assert (rows[-1]["angry"], rows[-1]["happy"], rows[-1]["provisional"]) == (0.6, None, False)

    @pytest.mark.usefixtures("filled")
    def test_parquet_without_its_library(
        self, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The line names the extra, and no file is left."""
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        assert main(["history", "export", "--out", str(tmp_path / "x.parquet")]) == 1
        assert "pip install 'serd[parquet]'" in capsys.readouterr().err
        assert not list(tmp_path.glob("x.parquet*"))

    @pytest.mark.usefixtures("filled")
    def test_an_existing_file_stays(self, tmp_path: Path, capsys: Captured) -> None:
        """Unless --force is given."""
        out = tmp_path / "events.csv"
        out.write_text("precious")
        assert main(["history", "export", "--out", str(out)]) == 2
        assert "the file exists; --force overwrites it" in capsys.readouterr().err
        assert out.read_text() == "precious"
        lines_of(["export", "--out", str(out), "--force"], capsys)
        assert out.read_text().startswith("time,")

    @pytest.mark.usefixtures("filled")
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("events.txt", "expected a name that ends in .csv, .jsonl, .parquet"),
            ("none/events.csv", "cannot be written: No such file or directory"),
        ],
    )
    def test_a_file_that_cannot_be(
        self, tmp_path: Path, capsys: Captured, name: str, expected: str
    ) -> None:
        """Exit code 2 and the reason."""
        assert main(["history", "export", "--out", str(tmp_path / name)]) == 2
        assert expected in capsys.readouterr().err


class TestDelete:
    """Deletion from the command line."""

    def test_with_yes(self, filled: Path, capsys: Captured) -> None:
        """Events of one source from before a time, windows as well."""
        lines = lines_of(["delete", "--before", "2026-11-28 12:00", "--source", "mic", "--yes"], capsys)
        assert lines == ["Deleted 3 events."]
        assert stored_ids(filled) == ["2", "5"]

    def test_copies_are_named(self, filled: Path, capsys: Captured) -> None:
        """They go with everything else."""
        filled.with_name("history.db.version-1").write_bytes(b"events")
        lines = lines_of(["delete", "--all", "--yes"], capsys)
        assert lines == ["Deleted 5 events, and history.db.version-1."]
        assert [each.name for each in filled.parent.iterdir()] == ["history.db"]
        assert lines_of(["summary"], capsys)[-1] == "no events of this kind"

    @pytest.mark.parametrize(
        ("flags", "expected"),
        [
            (["delete", "--yes"], "nothing is named to delete"),
            (["delete", "--all"], "there is no terminal to ask on, expected --yes"),
            (["--since", "2h", "delete", "--all", "--yes"], "--since does not work with delete"),
            (["--windows", "delete", "--all", "--yes"], "--windows does not work with delete"),
            (
                ["delete", "--before", "9999-12-31T23:59:59-05:00"],
                "--before '9999-12-31T23:59:59-05:00'",
            ),
            (["delete", "--before", "0001-01-01T00:00:00+05:00"], "expected a time such as"),
        ],
    )
    def test_too_little_said(
        self, filled: Path, capsys: Captured, flags: list[str], expected: str
    ) -> None:
        """Exit code 2, and nothing is deleted."""
        assert main(["history", *flags]) == 2
        assert expected in capsys.readouterr().err
        assert len(stored_ids(filled)) == 5

    def test_a_source_before_the_action_counts(self, filled: Path, capsys: Captured) -> None:
        """It limits what --all deletes."""
        lines_of(["--source", "door", "delete", "--all", "--yes"], capsys)
        assert stored_ids(filled) == ["1", "3", "4", "5"]

    @pytest.mark.parametrize(
        ("answer", "n_left"), [("y", 0), ("Yes", 0), ("", 5), ("n", 5), ("\x04", 5)]
    )
    def test_it_asks_on_a_terminal(
        self, filled: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured, answer: str, n_left: int
    ) -> None:
        """Only yes deletes."""
        asked = []

        def reply(question: str) -> str:
            asked.append(question)
            if answer == "\x04":
                raise EOFError
            return answer

        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("builtins.input", reply)
        lines_of(["delete", "--all"], capsys)
        assert asked == [f"Delete 5 events from {filled}? [y/N] "]
        assert len(stored_ids(filled)) == n_left


@pytest.mark.parametrize("term", ["dumb", "xterm"])
@pytest.mark.parametrize("action", [[], ["summary"]])
def test_any_terminal_and_encoding(filled: Path, tmp_path: Path, term: str, action: list[str]) -> None:
    """In Latin-1 and piped, drawings are replaced, no line has escape codes, and nothing fails."""
    extra = {"PYTHONIOENCODING": "iso8859-1", "TERM": term, "XDG_STATE_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "serd", "history", *action],
        env=environment(tmp_path, extra),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"\x1b" not in done.stdout
    assert b"* angry" in done.stdout or action
    assert b"Traceback" not in done.stderr


def test_a_daemon_fills_it_and_the_command_shows_it(tmp_path: Path) -> None:
    """From sound to the list, with the settings in the environment."""
    extra = {
        "SERD_HISTORY_ENABLED": "1",
        "SERD_MQTT_ENABLED": "0",
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    every = environment(tmp_path, extra)
    command = [sys.executable, "-m", "serd"]
    run = [*command, "run", "--source", "demo", "--json"]
    with subprocess.Popen(run, env=every, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        published = [json.loads(daemon.stdout.readline()) for _ in range(2)]
        daemon.terminate()
        published += [json.loads(line) for line in daemon.stdout]
    done = subprocess.run(
        [*command, "history", "--json", "--windows"],
        env=every,
        capture_output=True,
        text=True,
        check=True,
    )
    assert [json.loads(line) for line in done.stdout.splitlines()] == published

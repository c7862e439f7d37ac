"""The summary of the history fits on narrow and wide terminals."""

from pathlib import Path

import pytest

from serd.cli import main
from serd.cli.history.summary import share_table, source_lines
from serd.publishers.history.absences import absences
from serd.publishers.history.reader import Selection, SourceTotals
from serd.publishers.history.records import StateChange
from testkit.made_history import DAY_S, NOON_S, make_history, timed_event

pytestmark = pytest.mark.usefixtures("utc")

LABELS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised", "uncertain")
COUNTS = {
    "2026-11-27": {label: 2**number for number, label in enumerate(LABELS)},
    "2026-11-28": {"happy": 3, "sad": 1},
}


def test_the_shares_of_each_day() -> None:
    """Percent of the events of the row, the commonest emotion of all rows first."""
    rows = [line.split() for line in share_table(COUNTS, "day", 200)]
    assert rows == [
        ["day", "events", *reversed(LABELS)],
        ["2026-11-27", "511", "50", "25", "13", "6", "3", "2", "1", "0", "0"],
        ["2026-11-28", "4", "-", "-", "-", "-", "-", "25", "75", "-", "-"],
    ]


@pytest.mark.parametrize("n_columns", range(40, 201, 8))
def test_it_fits(n_columns: int) -> None:
    """All rows have one width within the terminal; what does not fit is summed in the last column."""
    lines = list(share_table(COUNTS, "day", n_columns))
    assert {len(line) for line in lines} == {len(lines[0])}
    assert len(lines[0]) <= n_columns
    names = lines[0].split()[2:]
    assert len(names) >= 2
    assert (names[-1] == "other") == (set(names) != set(LABELS))
    shares = [int(each) for each in lines[1].split()[2:]]
    assert 98 <= sum(shares) <= 102


def test_a_source_in_forty_columns() -> None:
    """Events, first and last of them, and how long it was offline or muted within the selection."""
    totals = SourceTotals(
        source="mic", n_utterances=12345, n_windows=67890, first_s=NOON_S - DAY_S, last_s=NOON_S
    )
    changes = [
        StateChange(time_s=NOON_S - 2 * DAY_S, source="mic", state="offline", reason="unplugged"),
        StateChange(time_s=NOON_S - DAY_S + 3600, source="mic", state="online"),
        StateChange(time_s=NOON_S - 600, source="mic", state="muted"),
        StateChange(time_s=NOON_S - 500, source="door", state="offline"),
    ]
    lines = list(
        source_lines(totals, absences(changes), Selection(since_s=NOON_S - DAY_S), now_s=NOON_S)
    )
    assert lines == [
        "mic",
        "  12345 utterances, 67890 windows",
        "  2026-11-27 12:00 to 2026-11-28 12:00",
        "  offline once, 1 h 0 min in all",
        "  muted once, 10 min in all",
    ]
    assert max(map(len, lines)) <= 40


def test_by_hour_of_the_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same hour of all days is one row."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    times_s = (NOON_S, NOON_S - DAY_S, NOON_S + 3600)
    make_history(tmp_path / "history.db", [timed_event(n, time_s=t) for n, t in enumerate(times_s)])
    assert main(["history", "summary", "--by", "hour"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{tmp_path / 'history.db'}, 0.0 MB")
    assert [line.split() for line in lines[-3:]] == [
        ["hour", "events", "happy"],
        ["12:00", "2", "100"],
        ["13:00", "1", "100"],
    ]

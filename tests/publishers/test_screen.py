"""Events as lines for people on standard output."""

import io
import os
import re
import sys
from pathlib import Path

import pytest

from serd.daemon.supervisor import Supervisor
from serd.events.controls import Controls
from serd.events.reports import AvailabilityReport, ControlReport, LevelReport, Report, SpeechReport
from serd.publishers import Context
from serd.publishers.screen import Screen, Settings, create, event_line, legend
from serd.publishers.terminal import ERASE_LINE
from testkit.made_events import make_event

CONTEXT = Context(node="pi", sources=("mic",), threads=Supervisor())


class FakeTerminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """Claim to be a terminal."""
        return True


def test_it_is_on_by_default() -> None:
    """Events are printed without settings, whose defaults have no problem."""
    assert isinstance(create(Settings(), CONTEXT), Screen)
    assert create(Settings(enabled=False), CONTEXT) is None
    assert not [*Settings().problems()]


def test_events_are_not_printed_to_the_journal_by_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The screen is off if systemd connected standard output to its journal, unless enabled there."""
    with (tmp_path / "journal").open("w") as stdout:
        status = os.fstat(stdout.fileno())
        monkeypatch.setattr(sys, "stdout", stdout)
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        assert create(Settings(), CONTEXT) is None
        assert isinstance(create(Settings(in_journal=True), CONTEXT), Screen)
        monkeypatch.delenv("JOURNAL_STREAM")
        assert isinstance(create(Settings(), CONTEXT), Screen)


def test_the_line_for_people(utc: None) -> None:
    """It has local time, source, emotion, confidence with a bar, valence and length."""
    assert event_line(make_event()) == (
        "12:30:15  mic       ● happy       87 % ████████▊   positive   3.0 s"
    )


def test_a_mark_tells_utterances_from_windows() -> None:
    """The marks are the ones of the legend, and all columns stay where they are."""
    utterance, window = event_line(make_event()), event_line(make_event(kind="window"))
    assert utterance == window.replace("· happy", "● happy") != window
    assert "· happy?  " in event_line(make_event(kind="window", provisional=True))
    assert legend().startswith("● utterance   · window of it")


@pytest.mark.parametrize(
    ("n_columns", "expected"),
    [
        (200, "12:30:15  mic       ● happy       87 % ████████▊   positive   3.0 s"),
        (60, "12:30:15  mic       ● happy       87 % ████████▊    3.0 s"),
        (50, "12:30:15  mic       ● happy       87 % ████████▊ "),
        (40, "12:30:15  mic       ● happy       87 %"),
    ],
)
def test_a_line_fits_on_the_terminal(utc: None, n_columns: int, expected: str) -> None:
    """Valence, length and bar are left out, in this order, until the rest fits."""
    assert event_line(make_event(), n_columns) == expected
    assert len(legend(n_columns)) <= n_columns


def shown(stream: io.StringIO, environment: dict[str, str], *reports: Report) -> str:
    """What a screen writes to a stream for these reports."""
    screen = Screen(stream, environment)
    for report in reports:
        screen.publish(report)
    screen.close(1.0)
    return stream.getvalue()


def test_styles_on_a_terminal_only() -> None:
    """Utterances bold and windows dim on a terminal; plain in a file and under NO_COLOR."""
    events = (make_event(kind="utterance"), make_event(kind="window"))
    styled = shown(FakeTerminal(), {}, *events)
    no_color = shown(FakeTerminal(), {"NO_COLOR": "1"}, *events)
    plain = shown(io.StringIO(), {}, *events)
    assert re.findall(r"\x1b\[\d+m", styled) == ["\x1b[1m", "\x1b[0m", "\x1b[2m", "\x1b[0m"]
    assert not re.findall(r"\x1b\[\d+m", no_color)
    assert "\x1b" not in plain


HEARD = (
    AvailabilityReport(source="mic", is_alive=True),
    LevelReport(source="mic", level_dbfs=-35.0, guesses={}),
)


def test_a_terminal_shows_the_level_in_one_line_below_the_legend() -> None:
    """The legend comes at once, the level replaces itself, and the end erases it."""
    louder = LevelReport(source="mic", level_dbfs=-7.0, guesses={})
    written = shown(FakeTerminal(), {}, *HEARD, louder)
    assert written.count("\n") == 1
    assert written.startswith(f"{ERASE_LINE}● utterance")
    assert f"{ERASE_LINE}mic   -35 dBFS █████      listening\r" in written
    assert f"{ERASE_LINE}mic    -7 dBFS █████████  listening\r" in written
    assert written.endswith(f"\r{ERASE_LINE}")


def test_an_event_comes_above_the_level() -> None:
    """The level is erased, the event takes its line, and the level follows."""
    written = shown(FakeTerminal(), {}, *HEARD, make_event())
    *_, event, level = written.removesuffix(ERASE_LINE).split("\n")[-3:]
    assert "● happy" in event.rpartition(ERASE_LINE)[2]
    assert level.startswith(f"{ERASE_LINE}mic")


@pytest.mark.parametrize(
    ("report", "word"),
    [
        (SpeechReport(source="mic", is_speaking=True), "speech"),
        (ControlReport(source="mic", controls=Controls(mute=True)), "mic  muted"),
        (AvailabilityReport(source="mic", is_alive=False), "mic  no sound"),
    ],
)
def test_the_level_line_says_why_nothing_is_heard(report: Report, word: str) -> None:
    """Speech, mute and loss have a word; without sound there is no old level beside it."""
    assert shown(FakeTerminal(), {}, *HEARD, report).endswith(f"{word}\r{ERASE_LINE}")


def test_a_removed_source_leaves_the_level_line() -> None:
    """The line follows a reload at once, and the other sources stay."""
    stream = FakeTerminal()
    screen = Screen(stream, {})
    for source in ("mic", "door"):
        screen.publish(LevelReport(source=source, level_dbfs=-35.0, guesses={}))
    assert stream.getvalue().endswith("door   -35 dBFS █████      listening\r")
    assert screen.adapt(CONTEXT)
    assert stream.getvalue().rpartition(ERASE_LINE)[2] == "mic   -35 dBFS █████      listening\r"
    screen.close(1.0)


@pytest.mark.parametrize(
    ("stream", "environment"), [(FakeTerminal(), {"TERM": "dumb"}), (io.StringIO(), {})]
)
def test_without_a_cursor_there_are_only_lines(stream: io.StringIO, environment: dict[str, str]) -> None:
    """A dumb terminal and a pipe get the legend and the events, and no level."""
    lines = shown(stream, environment | {"NO_COLOR": "1"}, *HEARD, make_event()).splitlines()
    assert [len(lines), "utterance" in lines[0], "happy" in lines[1]] == [2, True, True]
    assert not any("dBFS" in line or "\x1b" in line for line in lines)


def test_a_pipe_without_events_stays_empty() -> None:
    """Only a terminal gets the legend before the first event."""
    assert not shown(io.StringIO(), {}, *HEARD)

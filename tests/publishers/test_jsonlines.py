"""Events on standard output, for programs and for people."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from serd.publishers import Context
from serd.publishers.jsonlines import JsonLines
from serd.publishers.jsonlines import Settings as JsonSettings
from serd.publishers.jsonlines import create as create_json
from serd.publishers.screen import Screen, confidence_bar, event_line
from serd.publishers.screen import Settings as ScreenSettings
from serd.publishers.screen import create as create_screen
from testkit.made_events import make_event

CONTEXT = Context(node="pi", sources=("mic",))


class FakeTerminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """Claim to be a terminal."""
        return True


class FakeFile(io.StringIO):
    """A stream with a given encoding that is no terminal."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The given encoding."""
        return self._encoding


def test_one_event_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Each line of standard output is an event, exactly as Event.to_json gives it."""
    publisher = create_json(JsonSettings(enabled=True), CONTEXT)
    assert publisher is not None
    for number in range(3):
        publisher.publish(make_event(number, source="küche\n"))
    publisher.close(1.0)
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["0", "1", "2"]
    assert lines[0] == make_event(0, source="küche\n").to_json()


def test_lines_are_flushed_at_once() -> None:
    """A reader at the other end of a pipe sees an event before the next one is made."""
    program = (
        "import sys; from serd.publishers.jsonlines import JsonLines;"
        "from testkit.made_events import make_event;"
        "lines = JsonLines(sys.stdout); lines.publish(make_event(5)); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert json.loads(writer.stdout.readline())["id"] == "5"


def test_a_closed_pipe_ends_it_with_broken_pipe_error() -> None:
    """When the reader has ended, publish raises BrokenPipeError, which the command line handles."""
    program = (
        "import os, sys; from serd.publishers.jsonlines import JsonLines;"
        "from testkit.made_events import make_event\n"
        "lines = JsonLines(sys.stdout); sys.stdin.read()\n"
        "try:\n  lines.publish(make_event())\n"
        "except BrokenPipeError:\n  os._exit(42)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdin is not None
        writer.stdout.close()
        writer.stdin.close()
        assert writer.wait(20) == 42


def test_json_is_off_and_screen_is_on_by_default() -> None:
    """Without settings people see lines, and no JSON."""
    assert create_json(JsonSettings(), CONTEXT) is None
    assert isinstance(create_screen(ScreenSettings(), CONTEXT), Screen)
    assert create_screen(ScreenSettings(enabled=False), CONTEXT) is None
    assert not [*JsonSettings().problems(), *ScreenSettings().problems()]
    assert isinstance(create_json(JsonSettings(enabled=True), CONTEXT), JsonLines)


def test_events_are_not_printed_to_the_journal_by_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The screen is off if systemd connected standard output to its journal, unless enabled there."""
    with (tmp_path / "journal").open("w") as stdout:
        status = os.fstat(stdout.fileno())
        monkeypatch.setattr(sys, "stdout", stdout)
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        assert create_screen(ScreenSettings(), CONTEXT) is None
        assert isinstance(create_screen(ScreenSettings(in_journal=True), CONTEXT), Screen)
        monkeypatch.delenv("JOURNAL_STREAM")
        assert isinstance(create_screen(ScreenSettings(), CONTEXT), Screen)


def test_the_line_for_people(utc: None) -> None:
    """It has local time, source, emotion, confidence with a bar, valence and length."""
    assert event_line(make_event()) == (
        "12:30:15  mic       happy         87 % ████████▊   positive   3.0 s"
    )


def test_a_window_is_indented_but_keeps_its_columns(utc: None) -> None:
    """Only the emotion is indented; the next columns stay where they are."""
    window, utterance = event_line(make_event(kind="window")), event_line(make_event())
    assert "  happy?  " in event_line(make_event(kind="window", provisional=True))
    assert window.index("  happy") == utterance.index("happy")
    assert window.index("87 %") == utterance.index("87 %")


def test_styles_on_a_terminal_only() -> None:
    """Utterances bold and windows dim on a terminal; plain in a file and under NO_COLOR."""
    events = (make_event(kind="utterance"), make_event(kind="window"))
    outputs = []
    for stream, environment in (
        (FakeTerminal(), {}),
        (FakeTerminal(), {"NO_COLOR": "1"}),
        (io.StringIO(), {}),
    ):
        screen = Screen(stream, environment)
        for event in events:
            screen.publish(event)
        screen.close(1.0)
        outputs.append(stream.getvalue())
    styled, no_color, plain = outputs
    assert re.findall(r"\x1b\[\d+m", styled) == ["\x1b[1m", "\x1b[0m", "\x1b[2m", "\x1b[0m"]
    assert "\x1b" not in no_color + plain


def test_an_encoding_without_blocks_gets_ascii() -> None:
    """If the encoding has no block characters, the bar consists of "#"."""
    stream = FakeFile("ascii")
    Screen(stream, {}).publish(make_event())
    assert "#########" in stream.getvalue()
    assert stream.getvalue().isascii()


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.0, "    "), (1.0, "████"), (0.5, "██  "), (0.53, "██▏ "), (-1.0, "    "), (2.0, "████")],
)
def test_bars_have_eighths_and_a_fixed_width(share: float, expected: str) -> None:
    """A bar has the given width for any share."""
    assert confidence_bar(share, 4) == expected

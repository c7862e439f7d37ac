"""Events as lines for people on standard output."""

import io
import os
import re
import sys
from pathlib import Path

import pytest

from serd.daemon.supervisor import Supervisor
from serd.publishers import Context
from serd.publishers.screen import Screen, Settings, confidence_bar, create, event_line
from testkit.made_events import make_event

CONTEXT = Context(node="pi", sources=("mic",), threads=Supervisor())


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

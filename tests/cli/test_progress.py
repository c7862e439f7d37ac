"""Progress over many files, at terminals of any width and where nothing can be drawn."""

import contextlib
import os
import re
import sys
import termios
from collections.abc import Callable, Iterator

import pytest

from serd.cli.progress import Pace, ProgressBar, duration

_N_FILES = 10_000_000
_N_SKIPPED = 2_000
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (7_500, "2 h 5 min"), (273_600, "3 d 4 h")],
)
def test_a_duration_has_its_largest_units(seconds: float, text: str) -> None:
    """Seconds alone, minutes alone, hours with minutes, days with hours."""
    assert duration(seconds) == text


def test_speed_and_time_left_are_those_of_the_latest_files() -> None:
    """Files of earlier runs have no part in them, and a slow start is forgotten after a minute."""
    now_s = 0.0
    pace = Pace(2_000, clock=lambda: now_s)
    for _ in range(1_000):
        pace.skip()
    assert pace.text(80) == "1,000 of 2,000 files, 0.0 a second, ? left"
    for step_s in (5.0, *[1.0] * 100):
        now_s += step_s
        pace.advance()
    assert pace.text(80) == "1,101 of 2,000 files, 1.0 a second, 14 min left"
    assert pace.text(40) == "1,101/2,000 1.0/s 14 min"


@pytest.mark.parametrize("n_columns", [40, 60, 80, 200])
def test_a_line_fits_the_narrowest_terminal(n_columns: int) -> None:
    """Also for ten million files over days."""
    now_s = 0.0
    pace = Pace(10_000_000, clock=lambda: now_s)
    pace.n_done = 9_000_000
    now_s = 3_000_000.0
    assert len(pace.text(n_columns)) <= n_columns


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What a terminal of some columns gets on standard error while files are done."""

    def show(n_columns: int, term: str) -> str:
        master, slave = os.openpty()
        termios.tcsetwinsize(slave, (24, n_columns))
        with (
            open(slave, "w") as stream,  # noqa: PTH123 - of a descriptor
            monkeypatch.context() as changed,
        ):
            changed.setattr(sys, "stderr", stream)
            changed.setenv("TERM", term)
            changed.setattr("serd.cli.progress._REDRAW_S", 0.0)
            with ProgressBar(_N_FILES, plain_every_s=0.0) as progress:
                for _ in range(_N_SKIPPED):
                    progress.pace.skip()
                for _ in range(3):
                    progress.advance()
                progress.print_line("error: " + "x" * 100)
        text = b"".join(_read_all(master)).decode()
        os.close(master)
        return text

    return show


def _read_all(master: int) -> Iterator[bytes]:
    """What a terminal got until its last writer closed it."""
    with contextlib.suppress(OSError):
        while data := os.read(master, 4096):
            yield data


@pytest.mark.parametrize("n_columns", [40, 80, 200])
def test_the_bar_fits_the_terminal(n_columns: int, shown: Callable[..., str]) -> None:
    """No drawn line is wider than the terminal, and an error line is not cut."""
    text = shown(n_columns, "xterm-256color")
    plain = re.split(r"[\r\n]+", _ESCAPES.sub("", text))
    drawn = [line.rstrip() for line in plain if "10,000,000" in line]
    assert drawn
    for line in drawn:
        assert len(line) <= n_columns
        assert re.search(r"2,00[123](/| of )10,000,000.* (s|min|h|d)( left)?$", line)
    assert "serd: error: " + "x" * 100 in text.replace("\r\n", "\n")


def test_a_dumb_terminal_gets_plain_lines(shown: Callable[..., str]) -> None:
    """No escape and no carriage return within a line."""
    text = shown(80, "dumb").replace("\r\n", "\n")
    assert "\x1b" not in text
    assert "\r" not in text
    assert text.splitlines()[0].startswith("serd: 2,001 of 10,000,000 files")


def test_a_pipe_gets_no_progress_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """What scripts read on standard error is errors alone."""
    with ProgressBar(10) as progress:
        for _ in range(10):
            progress.advance()
        progress.print_line("error: a.wav")
    assert capsys.readouterr().err == "serd: error: a.wav\n"

"""What a stream can show, and bars."""

import io

import pytest

from serd.publishers.terminal import bar, can_rewrite, can_write, has_blocks, level_bar, width


class Stream(io.StringIO):
    """A stream with an encoding that is a terminal or not."""

    def __init__(self, encoding: str, *, is_terminal: bool) -> None:
        super().__init__()
        self._encoding, self._is_terminal = encoding, is_terminal

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The given encoding."""
        return self._encoding

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._is_terminal


@pytest.mark.parametrize(
    ("encoding", "has_umlaut", "draws"),
    [("utf-8", True, True), ("iso8859-1", True, False), ("ascii", False, False), ("none", False, False)],
)
def test_the_encoding_decides_what_is_written(encoding: str, has_umlaut: bool, draws: bool) -> None:  # noqa: FBT001
    """Blocks need an encoding that has all of them; an unknown one has nothing."""
    stream = Stream(encoding, is_terminal=True)
    assert (can_write("ü", stream), has_blocks(stream)) == (has_umlaut, draws)


@pytest.mark.parametrize(
    ("is_terminal", "term", "expected"),
    [(True, "xterm", True), (True, "dumb", False), (False, "xterm", False)],
)
def test_only_a_terminal_with_a_cursor_rewrites_a_line(
    is_terminal: bool,  # noqa: FBT001
    term: str,
    expected: bool,  # noqa: FBT001
) -> None:
    """TERM=dumb and files have no cursor."""
    assert can_rewrite(Stream("utf-8", is_terminal=is_terminal), {"TERM": term}) is expected


def test_a_stream_without_a_width_has_80_columns() -> None:
    """A file has no width."""
    assert width(io.StringIO()) == 80


def test_the_level_bar_covers_70_db() -> None:
    """It is empty at -70 dBFS and below, and full at 0 dBFS."""
    assert [level_bar(level, 4, has_blocks=False) for level in (-100.0, -70.0, -35.0, 0.0)] == [
        "    ",
        "    ",
        "##  ",
        "####",
    ]


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.0, "    "), (1.0, "████"), (0.5, "██  "), (0.53, "██▏ "), (-1.0, "    "), (2.0, "████")],
)
def test_bars_have_eighths_and_a_fixed_width(share: float, expected: str) -> None:
    """A bar has the given width for any share."""
    assert bar(share, 4) == expected

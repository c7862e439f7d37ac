"""What a stream can show, and bars."""

import io
import json

import pytest

from serd.publishers.terminal import accept_all_characters, bar, can_rewrite, level_bar, width


def written(encoding: str, text: str) -> str:
    """What a stream of an encoding contains after a text was written."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    accept_all_characters(stream)
    stream.write(text)
    stream.flush()
    return stream.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("utf-8", "● Küche ██▌ · 3 ± 1"),
        ("iso8859-1", "* Küche ### · 3 ± 1"),
        ("ascii", "* K\\u00fcche ### . 3 +- 1"),
    ],
)
def test_characters_that_the_encoding_lacks_are_replaced(encoding: str, expected: str) -> None:
    """Drawings become ASCII, and other characters escapes."""
    assert written(encoding, "● Küche ██▌ · 3 ± 1") == expected


@pytest.mark.parametrize("text", ["Küche", "\U0001f600", "\udcff", "日本"])
@pytest.mark.parametrize("encoding", ["ascii", "iso8859-1", "utf-8"])
def test_json_stays_json(encoding: str, text: str) -> None:
    """A reader of JSON gets the same text in every encoding."""
    assert json.loads(written(encoding, json.dumps({"node": text}, ensure_ascii=False))) == {
        "node": text
    }


class Stream(io.StringIO):
    """A stream that is a terminal or not."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._is_terminal


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
    assert can_rewrite(Stream(is_terminal=is_terminal), {"TERM": term}) is expected


def test_a_stream_without_a_width_has_80_columns() -> None:
    """A file has no width."""
    assert width(io.StringIO()) == 80


def test_the_level_bar_covers_70_db() -> None:
    """It is empty at -70 dBFS and below, and full at 0 dBFS."""
    assert [level_bar(level, 4) for level in (-100.0, -70.0, -35.0, 0.0)] == [
        "    ",
        "    ",
        "██  ",
        "████",
    ]


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.0, "    "), (1.0, "████"), (0.5, "██  "), (0.53, "██▏ "), (-1.0, "    "), (2.0, "████")],
)
def test_bars_have_eighths_and_a_fixed_width(share: float, expected: str) -> None:
    """A bar has the given width for any share."""
    assert bar(share, 4) == expected

"""What an output stream can show, and the bars that serd draws on it.

A stream gets block characters only if its encoding has them, styles only if it is a terminal, and a line
that is written again and again only if the terminal can move its cursor.
"""

import os
from collections.abc import Mapping
from typing import Final, TextIO

ERASE_LINE: Final = "\r\x1b[K"
"""Moves the cursor to the start of the line and erases the line."""

_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_ALL_MARKS: Final = f"●·←╭─{_EIGHTHS}"
_USUAL_WIDTH: Final = 80


def can_write(text: str, stream: TextIO) -> bool:
    """Whether the encoding of a stream has all characters of a text."""
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def has_blocks(stream: TextIO) -> bool:
    """Whether the encoding of a stream has the marks, frames and block characters that serd draws."""
    return can_write(_ALL_MARKS, stream)


def can_rewrite(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether a stream is a terminal that can erase a line; ``TERM=dumb`` says that it cannot."""
    return stream.isatty() and environment.get("TERM") != "dumb"


def width(stream: TextIO) -> int:
    """Number of columns of a terminal; 80 if it does not tell."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL_WIDTH
    except (OSError, ValueError):
        return _USUAL_WIDTH


def bar(share: float, n_columns: int, *, has_blocks: bool = True) -> str:
    """A bar of ``n_columns`` characters with ``share`` (0 to 1) of it filled, in blocks or "#"."""
    share = min(1.0, max(0.0, share))
    if not has_blocks:
        return ("#" * round(share * n_columns)).ljust(n_columns)
    whole, eighths = divmod(round(share * n_columns * 8), 8)
    rest = _EIGHTHS[eighths] if eighths else ""
    return ("█" * whole + rest).ljust(n_columns)


LOWEST_LEVEL_DBFS: Final = -70.0
"""Level at which a level bar is empty: a quiet room at a usual microphone."""


def level_bar(level_dbfs: float, n_columns: int, *, has_blocks: bool = True) -> str:
    """A bar that is empty at ``LOWEST_LEVEL_DBFS`` and full at 0 dBFS."""
    return bar(1.0 - level_dbfs / LOWEST_LEVEL_DBFS, n_columns, has_blocks=has_blocks)

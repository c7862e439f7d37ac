"""What an output stream can show, and the bars that serd draws on it.

A line is written again and again only if the terminal can move its cursor. Characters that the encoding
of the stream lacks are replaced while they are written, so that no text of serd knows of encodings.
"""

import codecs
import io
import json
import os
from collections.abc import Mapping
from typing import Final, TextIO

ERASE_LINE: Final = "\r\x1b[K"
"""Moves the cursor to the start of the line and erases the line."""

LOWEST_LEVEL_DBFS: Final = -70.0
"""Level at which a level bar is empty: a quiet room at a usual microphone."""

_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_SUBSTITUTES: Final = (
    dict.fromkeys("▏▎▍", " ")
    | dict.fromkeys("▌▋▊▉█", "#")
    | dict.fromkeys("●○", "*")
    | {"·": ".", "←": "<", "→": ">", "±": "+-", "…": "..."}
)
"""ASCII for each character that serd draws with."""
_HANDLER: Final = "serd.substitute"
_USUAL_WIDTH: Final = 80


def accept_all_characters(stream: TextIO) -> None:
    """Make a stream replace what its encoding lacks, instead of raising an error.

    Drawings become ASCII. Other characters become the escapes of JSON, so JSON stays JSON.
    """
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors=_HANDLER)


def _substitute(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_SUBSTITUTES.get(char) or json.dumps(char)[1:-1] for char in text), error.end


codecs.register_error(_HANDLER, _substitute)


def can_rewrite(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether a stream is a terminal that can erase a line; ``TERM=dumb`` says that it cannot."""
    return stream.isatty() and environment.get("TERM") != "dumb"


def width(stream: TextIO) -> int:
    """Number of columns of a terminal; 80 if it does not tell."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL_WIDTH
    except (OSError, ValueError):
        return _USUAL_WIDTH


def bar(share: float, n_columns: int) -> str:
    """A bar of ``n_columns`` characters with ``share`` (0 to 1) of it filled."""
    share = min(1.0, max(0.0, share))
    whole, eighths = divmod(round(share * n_columns * 8), 8)
    rest = _EIGHTHS[eighths] if eighths else ""
    return ("█" * whole + rest).ljust(n_columns)


def level_bar(level_dbfs: float, n_columns: int) -> str:
    """A bar that is empty at ``LOWEST_LEVEL_DBFS`` and full at 0 dBFS."""
    return bar(1.0 - level_dbfs / LOWEST_LEVEL_DBFS, n_columns)

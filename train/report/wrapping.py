"""Lines of Markdown that fit on a screen."""

import re
import textwrap
from typing import Final

_MAX_CHARS: Final = 125
"""A longer line is wrapped."""
_WIDTH: Final = 115
"""Characters of its lines then."""
_AS_THEY_ARE: Final = re.compile(r"[|#<!\[]|```")
"""Start of a table, heading, comment, picture, link or code, whose lines are left alone."""


def wrapped(page: str) -> str:
    """A page in Markdown whose long lines of text are wrapped."""
    return "\n".join(_line(line) for line in page.split("\n"))


def _line(line: str) -> str:
    if len(line) <= _MAX_CHARS or _AS_THEY_ARE.match(line):
        return line
    indent = "  " if line.startswith("- ") else ""
    return textwrap.fill(
        line, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )

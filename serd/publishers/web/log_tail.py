"""The latest lines of the log, for the page."""

import logging
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

_MAX_LINES: Final = 200
_MAX_CHARS: Final = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class LogLine:
    """A line of the log."""

    time: str
    """When it was logged, RFC 3339 with zone."""
    level: str
    """debug, info, warning, error or critical."""
    text: str
    """The message, without a traceback, at most 500 characters."""


class LogTail(logging.Handler):
    """Keeps the latest 200 messages of serd; any thread may log and read."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._lines: deque[LogLine] = deque(maxlen=_MAX_LINES)

    @property
    def lines(self) -> tuple[LogLine, ...]:
        """The latest messages, the newest last."""
        self.acquire()
        try:
            return tuple(self._lines)
        finally:
            self.release()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message of serd; those of libraries are left out."""
        if not record.name.startswith("serd"):
            return
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            return  # the handler of standard error reports it
        if record.exc_info and record.exc_info[1] is not None:
            text += f": {type(record.exc_info[1]).__name__}: {record.exc_info[1]}"
        moment = datetime.fromtimestamp(record.created, UTC).astimezone()
        self._lines.append(
            LogLine(
                time=moment.isoformat(timespec="milliseconds"),
                level=record.levelname.lower(),
                text=text[:_MAX_CHARS],
            )
        )

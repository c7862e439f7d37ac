"""The log on standard error, formatted for people, for the journal or as JSON.

text     serd: connected to broker pi:1883
journal  <6>connected to broker pi:1883
json     {"time": "2026-11-22T21:04:11.532+01:00", "level": "info", "logger": "serd.mqtt", ...}
"""

import json
import logging
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, TextIO

from serd.errors import SerdError
from serd.publishers.screen import is_journal
from serd.publishers.terminal import ERASE_LINE, can_rewrite


def set_up_logging(
    level: str, log_format: str, stream: TextIO, *, environment: Mapping[str, str] | None = None
) -> None:
    """Send the log to a stream; a later call replaces the earlier one.

    Args:
        level: "debug", "info", "warning" or "error".
        log_format: "auto", "text", "journal" or "json".
        stream: the stream, usually standard error.
        environment: variables, of which ``$JOURNAL_STREAM`` and ``$TERM`` are read; by default those of
            the process.
    """
    variables = os.environ if environment is None else environment
    if log_format == "auto":
        log_format = "journal" if is_journal(stream, variables) else "text"
    handler = _Handler(stream, start=ERASE_LINE if can_rewrite(stream, variables) else "")
    handler.setFormatter(_FORMATTERS[log_format]())
    root = logging.getLogger()
    for previous in [each for each in root.handlers if isinstance(each, _Handler)]:
        root.removeHandler(previous)
    root.addHandler(handler)
    root.setLevel(level.upper())


class _Handler(logging.StreamHandler[TextIO]):
    """A handler that survives a closed stream, so that the daemon runs on without its log."""

    def __init__(self, stream: TextIO, *, start: str) -> None:
        """Write to a stream; ``start`` comes before each record, to erase the level on a terminal."""
        super().__init__(stream)
        self._start = start

    def format(self, record: logging.LogRecord) -> str:
        """The formatted record, with the start."""
        return self._start + super().format(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Drop a record that cannot be written; report one that cannot be formatted."""
        if not isinstance(sys.exception(), OSError | ValueError):
            super().handleError(record)


class _LineFormatter(logging.Formatter, ABC):
    """Puts a prefix before each line of a message.

    Errors of serd and of the operating system are one line, with a traceback at level debug only. Any
    other exception is a defect, which needs its traceback to be found.
    """

    def format(self, record: logging.LogRecord) -> str:
        lines = record.getMessage().splitlines() or [""]
        error = record.exc_info[1] if record.exc_info else None
        is_debug = logging.getLogger().level <= logging.DEBUG
        if isinstance(error, SerdError | OSError) and not is_debug:
            lines[-1] += f": {_reason(error)}"
        elif record.exc_info:
            lines += self.formatException(record.exc_info).splitlines()
        prefix = self.prefix(record.levelno)
        return "\n".join(prefix + line for line in lines)

    @abstractmethod
    def prefix(self, level: int) -> str:
        """The prefix of each line of a record of some level."""


def _reason(error: SerdError | OSError) -> str:
    """An error in words, on one line."""
    if isinstance(error, OSError) and error.strerror:
        names = [repr(each) for each in (error.filename, error.filename2) if each is not None]
        return " ".join((error.strerror, *names))
    return " ".join(str(error).split()) or type(error).__name__


class _TextFormatter(_LineFormatter):
    def prefix(self, level: int) -> str:
        return "serd: error: " if level >= logging.ERROR else "serd: "


class _JournalFormatter(_LineFormatter):
    """Prefixes each line with its level as sd-daemon(3) defines; the journal adds time and unit."""

    def prefix(self, level: int) -> str:
        priorities = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
        return f"<{next((priority for min_level, priority in priorities if level >= min_level), 7)}>"


class _JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object on a line, with the traceback in the field "exception"."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).astimezone()
        body = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            body["exception"] = self.formatException(record.exc_info)
        return json.dumps(body, ensure_ascii=False)


_FORMATTERS: Final[Mapping[str, type[logging.Formatter]]] = {
    "text": _TextFormatter,
    "journal": _JournalFormatter,
    "json": _JsonFormatter,
}

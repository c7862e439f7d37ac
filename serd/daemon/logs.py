"""What is said on standard error: for people, for the journal, or as JSON.

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

from serd.publishers.screen import is_journal


def set_up_logging(
    level: str, log_format: str, stream: TextIO, *, environment: Mapping[str, str] | None = None
) -> None:
    """Log to a stream from now on; may be called again, with other settings.

    Args:
        level: one of ``LEVELS``.
        log_format: one of ``FORMATS``.
        stream: where to, usually standard error.
        environment: where ``$JOURNAL_STREAM`` is looked up; by default that of the process.
    """
    if log_format == "auto":
        variables = os.environ if environment is None else environment
        log_format = "journal" if is_journal(stream, variables) else "text"
    handler = _Handler(stream)
    handler.setFormatter(_FORMATTERS[log_format]())
    root = logging.getLogger()
    for former in [each for each in root.handlers if isinstance(each, _Handler)]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(level.upper())


class _Handler(logging.StreamHandler[TextIO]):
    """A log that nobody reads any more, or a stream that was closed, must not disturb the daemon."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Leave out what cannot be written; what cannot be formatted is a mistake of ours."""
        if not isinstance(sys.exception(), OSError | ValueError):
            super().handleError(record)


class _LineFormatter(logging.Formatter, ABC):
    """The message, line by line, each behind a prefix; a traceback only for those who debug."""

    def format(self, record: logging.LogRecord) -> str:
        lines = record.getMessage().splitlines() or [""]
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and logging.getLogger().level > logging.DEBUG:
            lines[-1] += f": {type(error).__name__}: {' '.join(str(error).split())}"
        elif record.exc_info:
            lines += self.formatException(record.exc_info).splitlines()
        prefix = self.prefix(record.levelno)
        return "\n".join(prefix + line for line in lines)

    @abstractmethod
    def prefix(self, level: int) -> str:
        """What stands before each line."""


class _TextFormatter(_LineFormatter):
    def prefix(self, level: int) -> str:
        return "serd: error: " if level >= logging.ERROR else "serd: "


class _JournalFormatter(_LineFormatter):
    """The journal knows the time and who speaks; the level is in sd-daemon(3)'s prefix."""

    def prefix(self, level: int) -> str:
        priorities = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
        return f"<{next((priority for least, priority in priorities if level >= least), 7)}>"


class _JsonFormatter(logging.Formatter):
    """One object a line, with the traceback of an exception in a field of its own."""

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

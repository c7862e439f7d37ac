"""Prints each event as a line of JSON on standard output."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TextIO

from serd.events.event import Event
from serd.events.reports import Report
from serd.publishers import Context

SECTION: Final = "json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Events as lines of JSON on standard output."""

    enabled: bool = False
    """Whether each event is printed as a line of JSON; usually screen is turned off then."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what was expected) for each value that cannot work."""
        yield from ()


def create(settings: Settings, _context: Context) -> "JsonLines | None":
    """A publisher on standard output, or None if it is disabled."""
    return JsonLines(sys.stdout) if settings.enabled else None


class JsonLines:
    """Writes each event as one line and flushes it, so that a pipe sees it at once."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def publish(self, report: Report) -> None:
        """Write an event.

        Raises:
            BrokenPipeError: the reader of the pipe has ended; the command line then ends without a
                message, as for every command.
            OSError: standard output cannot be written, for example because the disk is full.
        """
        if isinstance(report, Event):
            self._stream.write(f"{report.to_json()}\n")
            self._stream.flush()

    def adapt(self, context: Context) -> bool:  # noqa: ARG002
        """Do nothing: an event is complete in itself."""
        return True

    def close(self, timeout_s: float) -> None:
        """Do nothing: each line is flushed at once."""

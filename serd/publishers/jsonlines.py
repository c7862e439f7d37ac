"""Prints each event as a line of JSON on standard output."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TextIO

from serd.events.event import Event
from serd.events.reports import Report
from serd.publishers import Context
from serd.publishers.output import Output

SECTION: Final = "json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Events as lines of JSON on standard output."""

    enabled: bool = False
    """Whether each event is printed as a line of JSON; usually screen is turned off then."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what was expected) for each value that cannot work."""
        yield from ()


def create(settings: Settings, context: Context) -> "JsonLines | None":
    """A publisher on standard output, or None if it is disabled."""
    return JsonLines(sys.stdout, is_live=context.is_live) if settings.enabled else None


class JsonLines:
    """Writes each event as one line, so that a pipe sees it at once."""

    def __init__(self, stream: TextIO, *, is_live: bool = False) -> None:
        """Write nothing yet; the arguments are those of ``Output``."""
        self._output = Output(stream, is_live=is_live)

    def publish(self, report: Report) -> None:
        """Write an event.

        Raises:
            BrokenPipeError: the reader of the pipe has ended; the command line then ends without a
                message, as for every command.
            OSError: standard output cannot be written, for example because the disk is full.
        """
        if isinstance(report, Event):
            self._output.write(f"{report.to_json()}\n")
        else:
            self._output.retry()

    def adapt(self, context: Context) -> bool:
        """Wait for the reader, or not, as the sources allow."""
        self._output.is_live = context.is_live
        return True

    def close(self, timeout_s: float) -> None:
        """Write the events that wait for the reader.

        Raises:
            PublishError: it does not take them in time.
        """
        self._output.close(timeout_s)

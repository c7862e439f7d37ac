"""Prints each event as a line for people on standard output.

21:04:11  mic       happy       87 % ████████▋   positive   3.0 s
"""

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TextIO

from serd.events.event import Event
from serd.events.reports import Report
from serd.publishers import Context

SECTION: Final = "screen"

_BAR_WIDTH: Final = 10
_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_BOLD: Final = "\x1b[1m"
_DIM: Final = "\x1b[2m"
_PLAIN: Final = "\x1b[0m"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Events for people on standard output."""

    enabled: bool = True
    """Whether each event is printed as a line for people."""
    in_journal: bool = False
    """Whether events are printed if standard output is systemd's journal, too. There, a line for each
    second of speech would remain as a diary of the household, and wear out an SD card."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what was expected) for each value that cannot work."""
        yield from ()


def create(settings: Settings, _context: Context) -> "Screen | None":
    """A publisher on standard output, or None if it is disabled or the output is the journal."""
    if not settings.enabled or (is_journal(sys.stdout, os.environ) and not settings.in_journal):
        return None
    return Screen(sys.stdout, os.environ)


def event_line(event: Event, *, has_blocks: bool = True) -> str:
    """One event as text: local time, source, emotion ("?" if provisional), confidence and so on."""
    percent = round(100 * event.confidence)
    bar = confidence_bar(event.confidence, _BAR_WIDTH, has_blocks=has_blocks)
    indent = "  " if event.kind == "window" else ""
    emotion = f"{indent}{event.emotion}{'?' if event.provisional else ''}"
    return (
        f"{_moment(event)}  {event.source:<8}  {emotion:<12}"
        f" {percent:>3} % {bar}  {event.valence:<8} {event.end_s - event.start_s:>5.1f} s"
    )


def _moment(event: Event) -> str:
    """The local time of an event, or its position in a recording that has no time."""
    return local_time(event.time) if event.time is not None else f"{event.end_s:6.1f} s"


def local_time(rfc3339: str) -> str:
    """Hour, minute and second in the local time zone."""
    return datetime.fromisoformat(rfc3339).astimezone().strftime("%H:%M:%S")


def confidence_bar(share: float, width: int, *, has_blocks: bool = True) -> str:
    """A bar of ``width`` characters with ``share`` (0 to 1) of it filled, in blocks or "#"."""
    share = min(1.0, max(0.0, share))
    if not has_blocks:
        return ("#" * round(share * width)).ljust(width)
    whole, eighths = divmod(round(share * width * 8), 8)
    rest = _EIGHTHS[eighths] if eighths else ""
    return ("█" * whole + rest).ljust(width)


class Screen:
    """Writes a line for each event; utterances are bold and windows dim."""

    def __init__(self, stream: TextIO, environment: Mapping[str, str]) -> None:
        """Write to ``stream``, with styles if it is a terminal and NO_COLOR is not set."""
        self._stream = stream
        is_styled = stream.isatty() and not environment.get("NO_COLOR")
        self._styles = {"window": _DIM, "utterance": _BOLD} if is_styled else {}
        self._has_blocks = _can_write("█", stream)

    def publish(self, report: Report) -> None:
        """Write an event.

        Raises:
            BrokenPipeError: the reader of the pipe has ended; the command line then ends without a
                message.
            OSError: standard output cannot be written, for example because the disk is full.
        """
        if not isinstance(report, Event):
            return
        line = event_line(report, has_blocks=self._has_blocks)
        if style := self._styles.get(report.kind):
            line = f"{style}{line}{_PLAIN}"
        self._stream.write(f"{line}\n")
        self._stream.flush()

    def adapt(self, context: Context) -> bool:  # noqa: ARG002
        """Do nothing: an event is complete in itself."""
        return True

    def close(self, timeout_s: float) -> None:
        """Do nothing: each line is flushed at once."""


def _can_write(text: str, stream: TextIO) -> bool:
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def is_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether a stream is connected to systemd's journal.

    ``$JOURNAL_STREAM`` holds device and inode of the stream that systemd connected; a stream that was
    redirected since has others (systemd.exec(5)).
    """
    try:
        device, inode = map(int, environment.get("JOURNAL_STREAM", "").split(":"))
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return (status.st_dev, status.st_ino) == (device, inode)

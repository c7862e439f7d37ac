"""Prints each event as a line for people on standard output, below a line that explains the marks.

● utterance   · window of it   ? early estimate   % confidence   Ctrl-C stops
21:04:09  mic       · happy       71 % ███████    positive   3.0 s
21:04:11  mic       ● happy       87 % ████████▋  positive   3.0 s
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
from serd.publishers.meter import Meter
from serd.publishers.output import Output
from serd.publishers.terminal import ERASE_LINE, bar, can_rewrite, width

SECTION: Final = "screen"

_BAR_WIDTH: Final = 10
_MARKS: Final = {"utterance": "●", "window": "·"}
_LEGEND: Final = ("? early estimate", "% confidence", "Ctrl-C stops")
_GAP: Final = "   "
_UNLIMITED: Final = 1000
"""Columns of an output that is no terminal."""
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


def create(settings: Settings, context: Context) -> "Screen | None":
    """A publisher on standard output, or None if it is disabled or the output is the journal."""
    if not settings.enabled or (is_journal(sys.stdout, os.environ) and not settings.in_journal):
        return None
    return Screen(sys.stdout, os.environ, is_live=context.is_live)


def event_line(event: Event, n_columns: int = _UNLIMITED) -> str:
    """One event as text: local time, source, emotion, confidence, valence and length of the sound.

    Args:
        event: the event. A mark tells utterances from windows, and "?" marks a provisional window.
        n_columns: width of the terminal; valence, length and bar are left out if they do not fit.
    """
    emotion = f"{_MARKS[event.kind]} {event.emotion}{'?' if event.provisional else ''}"
    columns = {
        "emotion": f"{_moment(event)}  {event.source:<8}  {emotion:<12}",
        "confidence": f" {round(100 * event.confidence):>3} %",
        "bar": f" {bar(event.confidence, _BAR_WIDTH)}",
        "valence": f"  {event.valence:<8}",
        "length": f" {event.end_s - event.start_s:>5.1f} s",
    }
    for name in ("valence", "length", "bar"):
        if sum(map(len, columns.values())) > n_columns:
            del columns[name]
    return "".join(columns.values())


def legend(n_columns: int = _UNLIMITED) -> str:
    """The meaning of the marks, as far as the columns suffice."""
    line = f"{_MARKS['utterance']} utterance{_GAP}{_MARKS['window']} window of it"
    for part in _LEGEND:
        if len(line) + len(_GAP) + len(part) > n_columns:
            break
        line += _GAP + part
    return line


def _moment(event: Event) -> str:
    """The local time of an event, or its position in a recording that has no time."""
    return local_time(event.time) if event.time is not None else f"{event.end_s:6.1f} s"


def local_time(rfc3339: str) -> str:
    """Hour, minute and second in the local time zone."""
    return datetime.fromisoformat(rfc3339).astimezone().strftime("%H:%M:%S")


def local_date(rfc3339: str) -> str:
    """Year, month and day in the local time zone."""
    return datetime.fromisoformat(rfc3339).astimezone().date().isoformat()


class Screen:
    """Writes a line for each event, and on a terminal the level of each source below them."""

    def __init__(self, stream: TextIO, environment: Mapping[str, str], *, is_live: bool = False) -> None:
        """Write to ``stream``: with styles and level if it is a terminal that has them.

        Args:
            stream: the output.
            environment: variables, of which ``TERM=dumb`` turns styles and level off, and ``NO_COLOR``
                styles alone.
            is_live: as the argument of ``Output``.
        """
        self._stream = stream
        self._output = Output(stream, is_live=is_live)
        self._is_terminal = stream.isatty()
        self._meter = Meter() if can_rewrite(stream, environment) else None
        is_styled = self._meter is not None and not environment.get("NO_COLOR")
        self._styles = {"window": _DIM, "utterance": _BOLD} if is_styled else {}
        self._has_legend = False

    def publish(self, report: Report) -> None:
        """Write an event, or the level of the sources.

        Raises:
            BrokenPipeError: the reader of the pipe has ended; the command line then ends without a
                message.
            OSError: standard output cannot be written, for example because the disk is full.
        """
        is_event = isinstance(report, Event)
        text = ""
        if not self._has_legend and (is_event or self._is_terminal):
            self._has_legend = True
            text = f"{self._erasure}{legend(self._n_columns)}\n"
        if isinstance(report, Event):
            text += f"{self._erasure}{self._event(report)}\n"
        if text:
            self._output.write(text)
        else:
            self._output.retry()
        if self._meter is not None and (self._meter.update(report) or text):
            # The cursor stays at the start of the line, so that a line of the log replaces it.
            self._output.show(f"{ERASE_LINE}{self._meter.line(self._n_columns - 1)}\r")

    def adapt(self, context: Context) -> bool:
        """Wait for the reader, or not, as the sources allow; forget the level of removed ones."""
        self._output.is_live = context.is_live
        if self._meter is not None:
            self._meter.forget_others(context.sources)
            self._output.show(f"{ERASE_LINE}{self._meter.line(self._n_columns - 1)}\r")
        return True

    def close(self, timeout_s: float) -> None:
        """Write the events that wait for the reader, and erase the level.

        Raises:
            PublishError: it does not take them in time.
        """
        if self._meter is not None:
            self._output.show(ERASE_LINE)
        self._output.close(timeout_s)

    @property
    def _n_columns(self) -> int:
        """Columns of a line; a terminal can change its width."""
        return width(self._stream) if self._is_terminal else _UNLIMITED

    @property
    def _erasure(self) -> str:
        return ERASE_LINE if self._meter is not None else ""

    def _event(self, event: Event) -> str:
        line = event_line(event, self._n_columns)
        style = self._styles.get(event.kind)
        return f"{style}{line}{_PLAIN}" if style else line


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

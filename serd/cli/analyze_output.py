"""The output of ``serd analyze``: a table, events as JSON or rows of CSV, and the progress bar."""

import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TextIO

from serd.audio.paths import printable
from serd.events.event import Event

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True, kw_only=True, slots=True)
class FileResult:
    """The result of one file."""

    path: Path
    """The file."""
    events: list[Event] = field(default_factory=list)
    """Its events, the last of kind "file"; empty if the file cannot be read."""
    n_utterances: int = 0
    """Number of its utterances."""
    warnings: list[str] = field(default_factory=list)
    """Warnings about the sound."""
    all_rejected: bool = False
    """Whether it has windows with speech and the model rejects all of them."""
    error: str = ""
    """Why it cannot be read; empty if it can."""


class ProgressBar:
    """A progress bar over the files, on standard error if that is a terminal."""

    def __init__(self, n_files: int) -> None:
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._console = Console(file=sys.stderr, soft_wrap=True, highlight=False, markup=False)
        self._bar = Progress(
            TextColumn("analyzing"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=n_files < 2 or not self._console.is_terminal,
        )
        self._task = self._bar.add_task("files", total=n_files)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def advance(self) -> None:
        """Count a finished file."""
        self._bar.advance(self._task)

    def print_line(self, line: str) -> None:
        """Print a line above the bar."""
        self._console.print(f"serd: {line}")


_OTHER_COLUMNS_WIDTH = 80
"""Width of all columns of the table except the file name, in characters."""


class ResultWriter(Protocol):
    """Prints results, in their order."""

    def add(self, result: FileResult) -> None:
        """Print or collect the result of a file that could be read."""
        ...

    def finish(self) -> None:
        """Print the collected results."""
        ...


class JsonWriter:
    """Prints one event a line; the last of each file is of kind "file"."""

    def __init__(self, labels: Sequence[str], stream: TextIO | None = None) -> None:
        del labels
        self._stream = stream or sys.stdout

    def add(self, result: FileResult) -> None:
        """Print the file's events."""
        for event in result.events:
            self._stream.write(event.to_json() + "\n")

    def finish(self) -> None:
        """Do nothing: every result is printed already."""


class CsvWriter:
    """Prints a header, and one row a file."""

    def __init__(
        self, labels: Sequence[str], stream: TextIO | None = None, *, has_header: bool = True
    ) -> None:
        self._labels = labels
        self._writer = csv.writer(stream or sys.stdout, lineterminator="\n")
        columns = (
            "file",
            "emotion",
            "confidence",
            "valence",
            "duration_s",
            "speech_s",
            "level_dbfs",
        )
        if has_header:
            self._writer.writerow([*columns, *labels])

    def add(self, result: FileResult) -> None:
        """Print the file's row."""
        event = result.events[-1]
        row = [event.file, event.emotion, event.confidence, event.valence, event.end_s]
        row += [round(event.speech_ratio * event.end_s, 2), event.level_dbfs]
        self._writer.writerow(row + [event.scores.get(label, "") for label in self._labels])

    def finish(self) -> None:
        """Do nothing: every result is printed already."""


class TableWriter:
    """Prints a table for people at the end."""

    def __init__(self, labels: Sequence[str]) -> None:
        del labels
        self._results: list[FileResult] = []

    def add(self, result: FileResult) -> None:
        """Collect the result."""
        self._results.append(result)

    def finish(self) -> None:
        """Print the table."""
        from rich.console import Console  # noqa: PLC0415

        if self._results:
            # The file name is last and never cut, however narrow the screen, so that it can be copied.
            n_name = max(len(printable(result.path)) for result in self._results)
            Console(width=_OTHER_COLUMNS_WIDTH + n_name, soft_wrap=True).print(self._table())

    def _table(self) -> "Table":
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        table = Table(box=None, header_style="bold", pad_edge=False)
        table.add_column("emotion")
        table.add_column("confidence", justify="right")
        table.add_column("valence")
        table.add_column("speech", justify="right")
        table.add_column("of", justify="right")
        table.add_column("utterances", justify="right")
        table.add_column("file", no_wrap=True)
        for result in self._results:
            event = result.events[-1]
            has_speech = bool(event.scores)
            table.add_row(
                Text(event.emotion, style="bold" if has_speech else "dim"),
                f"{event.confidence:.0%}" if has_speech else "",
                event.valence if has_speech else "",
                f"{event.speech_ratio * event.end_s:.1f} s",
                f"{event.end_s:.1f} s",
                str(result.n_utterances),
                Text(printable(result.path)),
            )
        return table

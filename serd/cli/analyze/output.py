"""The output of ``serd analyze``: a table, events as JSON or rows of CSV."""

import csv
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol, TextIO

from serd.audio.paths import printable
from serd.cli.analyze.work import FileResult
from serd.events.event import Event

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS: Final[Mapping[str, Callable[[Event], str | float | None]]] = {
    "file": lambda event: event.file,
    "emotion": lambda event: event.emotion,
    "confidence": lambda event: event.confidence,
    "valence": lambda event: event.valence,
    "duration_s": lambda event: event.end_s,
    "speech_s": lambda event: round(event.speech_ratio * event.end_s, 2),
    "level_dbfs": lambda event: event.level_dbfs,
}
"""Columns of a row about a file, each with its value; a column for the score of each label follows."""
_OTHER_COLUMNS_WIDTH: Final = 80
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
        if has_header:
            self._writer.writerow([*COLUMNS, *labels])

    def add(self, result: FileResult) -> None:
        """Print the file's row."""
        event = result.events[-1]
        row = [value(event) for value in COLUMNS.values()]
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

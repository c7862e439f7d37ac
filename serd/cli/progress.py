"""A progress bar over files, for people at a terminal."""

import sys
from types import TracebackType
from typing import Self


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

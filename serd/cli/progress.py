"""Progress over many files on standard error: a bar at a terminal, else a line from time to time."""

import os
import sys
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from serd.publishers.terminal import can_rewrite, width

_NARROW_COLUMNS: Final = 80
"""Columns below which the bar and most words are left out."""
_TEXT_COLUMNS: Final = 66
"""Columns of the text beside a bar; ten million files fit."""
_MAX_BAR_COLUMNS: Final = 40
_REDRAW_S: Final = 0.1
"""Time between two drawings of the bar, in seconds."""


class Pace:
    """The speed of the last minute, and the time that is left."""

    def __init__(self, n_files: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._n_files = n_files
        self._clock = clock
        self._samples = deque([(clock(), 0)], maxlen=60)
        self.n_done = 0
        """Number of files that are done."""
        self.n_skipped = 0
        """Number of those that were done before."""

    def advance(self) -> None:
        """Count a file that has been worked on."""
        self.n_done += 1
        now_s = self._clock()
        if now_s - self._samples[-1][0] >= 1.0:
            self._samples.append((now_s, self.n_done))

    def skip(self) -> None:
        """Count a file that was done before."""
        self.n_done += 1
        self.n_skipped += 1
        self._samples.clear()
        self._samples.append((self._clock(), self.n_done))

    @property
    def files_per_s(self) -> float:
        """Files a second; 0 before the first one."""
        start_s, n_before = self._samples[0]
        return (self.n_done - n_before) / max(self._clock() - start_s, 1e-3)

    def text(self, n_columns: int) -> str:
        """The number of files, the speed and the time left, in at most ``n_columns`` of 40 or more."""
        rate = self.files_per_s
        left = duration((self._n_files - self.n_done) / rate) if rate else "?"
        speed = f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
        if n_columns < _NARROW_COLUMNS:
            return f"{self.n_done:,}/{self._n_files:,} {speed}/s {left}"
        return f"{self.n_done:,} of {self._n_files:,} files, {speed} a second, {left} left"


def duration(seconds: float) -> str:
    """A time for people, in its two largest units: "50 s", "13 min", "2 h 5 min", "3 d 4 h"."""
    minutes, rest_s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{rest_s} s"


class ProgressBar:
    """Progress over files; standard error has no other writer within the ``with`` block."""

    def __init__(self, n_files: int, *, plain_every_s: float = float("inf")) -> None:
        """Prepare the bar without drawing it.

        Args:
            n_files: number of files; one alone has no progress.
            plain_every_s: time between two lines where no bar can be drawn, in seconds.
        """
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415
        from rich.table import Column  # noqa: PLC0415

        self.pace = Pace(n_files)
        self._plain_every_s = plain_every_s
        self._is_plain = not can_rewrite(sys.stderr, os.environ)
        self._n_columns = width(sys.stderr)
        self._console = Console(
            file=sys.stderr, width=self._n_columns, soft_wrap=True, highlight=False, markup=False
        )
        text = TextColumn("{task.description}", table_column=Column(no_wrap=True))
        n_bar = min(self._n_columns - _TEXT_COLUMNS, _MAX_BAR_COLUMNS)
        self._bar = Progress(
            *([BarColumn(n_bar)] if self._n_columns >= _NARROW_COLUMNS else []),
            text,
            console=self._console,
            auto_refresh=False,
            transient=True,
            disable=n_files < 2 or self._is_plain,
        )
        self._task = self._bar.add_task("", total=n_files)
        self._drawn_s = time.monotonic()

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
        """Count a file that has been worked on."""
        self.pace.advance()
        self._draw()

    def skip(self) -> None:
        """Count a file that was done before."""
        self.pace.skip()
        self._draw()

    def print_line(self, line: str) -> None:
        """Print a line above the bar."""
        self._console.print(f"serd: {line}")

    def _draw(self) -> None:
        now_s = time.monotonic()
        if now_s - self._drawn_s < (self._plain_every_s if self._is_plain else _REDRAW_S):
            return
        self._drawn_s = now_s
        if self._is_plain:
            self.print_line(self.pace.text(_NARROW_COLUMNS))
            return
        text = self.pace.text(self._n_columns)
        self._bar.update(self._task, completed=self.pace.n_done, description=text, refresh=True)

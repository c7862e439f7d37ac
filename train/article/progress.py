"""Progress of a run: a bar in a terminal, occasional lines in a pipe."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

_LINE_EVERY_S: Final = 20.0


class PlainReporter:
    """Lines for a pipe or a log: the first and the last epoch, and one every 20 seconds.

    Args:
        name: prefix of each line.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._watch = _Stopwatch()
        self._said_s = time.monotonic()

    def clips(self, done: int, total: int) -> None:
        """Print a line during a long computation of features."""
        if self._is_due() and done < total:
            self.line(f"features of {done}/{total} clips")

    def epoch(self, done: int, total: int, figures: Mapping[str, float]) -> None:
        """Show epoch, loss, UAR and remaining time."""
        left = self._watch.left(done, total)
        if self._is_due() or done in {1, total}:
            self.line(f"epoch {done}/{total}  {describe(figures)}{left}")

    def line(self, text: str) -> None:
        """Print a line."""
        self._said_s = time.monotonic()
        print(f"{self._name}: {text}", flush=True)

    def _is_due(self) -> bool:
        return time.monotonic() - self._said_s >= _LINE_EVERY_S


class BarReporter:
    """A bar in a terminal.

    Args:
        progress: display of the bar.
        name: label of the bar.
    """

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress = progress
        self._name = name
        self._watch = _Stopwatch()
        self._task = progress.add_task(name, total=1, figures="", left="")

    def clips(self, done: int, total: int) -> None:
        """Show the progress of features."""
        self._progress.update(self._task, total=total, completed=done, figures="features")

    def epoch(self, done: int, total: int, figures: Mapping[str, float]) -> None:
        """Show epoch, loss, UAR and remaining time."""
        left = self._watch.left(done, total)
        shown = f"epoch {done}/{total}  {describe(figures)}"
        self._progress.update(self._task, total=total, completed=done, figures=shown, left=left)

    def line(self, text: str) -> None:
        """Print a line above the bar."""
        self._progress.console.print(f"{self._name}: {text}", highlight=False)


@contextmanager
def reporter(name: str) -> Iterator[PlainReporter | BarReporter]:
    """A reporter for a run: a transient bar, or lines."""
    console = Console()
    if not console.is_terminal:
        yield PlainReporter(name)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[figures]}"),
        TextColumn("{task.fields[left]}", style="dim"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield BarReporter(progress, name)


class _Stopwatch:
    """Estimates the remaining time from the epochs of this process."""

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None

    def left(self, done: int, total: int) -> str:
        """Remaining time without early stopping, in words; empty at the first and last epoch."""
        now_s = time.monotonic()
        if self._first is None or done == total:
            self._first = self._first or (done, now_s)
            return ""
        first, at_s = self._first
        left_s = (now_s - at_s) / (done - first) * (total - done)
        return f"  {duration(left_s)} left at most"


def describe(figures: Mapping[str, float]) -> str:
    """Loss and UAR of training or, if there is any, of validation."""
    words = [f"loss {figures['loss']:.4f}"]
    if "val_uar" in figures:
        words.append(f"validation loss {figures['val_loss']:.4f}  UAR {figures['val_uar']:.3f}")
    else:
        words.append(f"UAR {figures['uar']:.3f}")
    return "  ".join(words)


def duration(seconds: float) -> str:
    """A duration in words: "45 s", "12 min", "3.5 h"."""
    if seconds < 100.0:
        return f"{seconds:.0f} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 6000.0 else f"{seconds / 3600.0:.1f} h"

"""What ``serd analyze`` says on standard error: problems while it runs, and a summary at the end."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from serd.audio.paths import printable
from serd.cli.analyze.failures import FailureList
from serd.cli.analyze.work import FileResult
from serd.cli.progress import ProgressBar, duration
from serd.errors import InputError
from serd.model.card import ModelCard
from serd.model.rejection import advice

_MAX_LINES: Final = 20
"""Errors and warnings that are printed if there is a list of failures beside the results."""
_MAX_REASONS: Final = 5
"""Reasons for failures in the summary."""


class Report:
    """Counts the results of a run, and prints its problems and its summary."""

    def __init__(self, progress: ProgressBar, failures: FailureList | None) -> None:
        """Prepare the report without printing.

        Args:
            progress: prints the lines.
            failures: keeps the files that could not be read; None if each is to be printed.
        """
        self._progress = progress
        self._failures = failures
        self._n_lines = 0
        self._n_problems = 0
        self._n_rejected = 0
        self._n_analyzed = 0
        self._emotions = Counter[str]()

    def problem(self, line: str) -> None:
        """Print a problem with a folder."""
        self._n_problems += 1
        self._print(f"error: {line}")

    def add(self, result: FileResult) -> None:
        """Count a result, and print its error or warnings."""
        for line in result.warnings:
            self._print(line)
        if result.error:
            self._print(f"error: {result.error}")
            if self._failures is None:
                self._n_problems += 1
            else:
                self._failures.add(result)
            return
        self._n_analyzed += 1
        self._n_rejected += result.all_rejected
        self._emotions[result.events[-1].emotion] += 1
        if self._failures is not None:
            self._failures.passed(result)

    @property
    def exit_code(self) -> int:
        """That of wrong input if a file or folder could not be read, in this run or an earlier one."""
        has_failures = self._failures is not None and bool(self._failures.reasons)
        return InputError.exit_code if self._n_problems or has_failures else 0

    def sum_up(self, card: ModelCard, out: Path | None, elapsed_s: float, n_skipped: int) -> None:
        """Print the summary: all of it with a result file, else only what needs attention.

        Args:
            card: of the model.
            out: the result file; None without one.
            elapsed_s: length of the run, in seconds.
            n_skipped: number of files that earlier runs have done.
        """
        if out is not None and self._failures is not None:
            for line in self._summary(out, self._failures, elapsed_s, n_skipped):
                self._progress.print_line(line)
        if self._n_rejected:
            self._progress.print_line(
                f"in {self._n_rejected} of {self._n_analyzed} files the model rejected everything as no"
                f" speech; {advice(card)}"
            )

    def _summary(
        self, out: Path, failures: FailureList, elapsed_s: float, n_skipped: int
    ) -> Iterator[str]:
        n_failed = failures.reasons.total()
        earlier = f", after {n_skipped:,} of earlier runs" if n_skipped else ""
        yield (
            f"{printable(out)}: {_files(self._n_analyzed)} analyzed in {duration(elapsed_s)}"
            f" ({self._n_analyzed / max(elapsed_s, 1e-3):,.1f} a second){earlier}"
        )
        if self._emotions:
            shares = [
                f"{emotion} {count / self._n_analyzed:.0%}"
                for emotion, count in self._emotions.most_common()
            ]
            yield f"emotions: {', '.join(shares)}"
        if n_failed:
            yield f"{_files(n_failed)} could not be read, all listed in {printable(failures.path)}:"
            for reason, count in failures.reasons.most_common(_MAX_REASONS):
                yield f"{count:9,} {reason}"
            if len(failures.reasons) > _MAX_REASONS:
                yield f"{len(failures.reasons) - _MAX_REASONS:9,} other reasons"

    def _print(self, line: str) -> None:
        self._n_lines += 1
        if self._failures is None or self._n_lines <= _MAX_LINES:
            self._progress.print_line(line)
        elif self._n_lines == _MAX_LINES + 1:
            self._progress.print_line(
                f"more errors and warnings are not shown; {printable(self._failures.path)} has each file"
                " that could not be read"
            )


def _files(count: int) -> str:
    return f"{count:,} file" if count == 1 else f"{count:,} files"

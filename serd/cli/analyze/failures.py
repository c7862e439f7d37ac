"""The files that could not be read in a run with ``--out``, in a CSV file beside the results.

Each row also names the file of the result before it. A run that continues cuts off the rows after the
last result, because it tries those files again; so each file is listed once.
"""

import csv
from collections import Counter
from pathlib import Path
from typing import Final

from serd.audio.paths import printable
from serd.cli.analyze.result_file import refusing_errors
from serd.cli.analyze.work import FileResult

_HEADER: Final = ("file", "reason", "previous_result")
_MAX_REASONS: Final = 1000
"""Reasons that are counted apart, as memory must not grow with the number of files."""
_OTHER: Final = "other reasons"


class FailureList:
    """Appends files that could not be read, each with the reason."""

    def __init__(self, path: Path, last_name: str) -> None:
        """Read the list of an earlier run; the file is made with its first row.

        Args:
            path: the CSV file.
            last_name: ``ResultFile.last_name``.

        Raises:
            InputError: the file cannot be read or written.
        """
        self.path = path
        self.reasons = Counter[str]()
        """Number of files for each reason."""
        self._previous = last_name
        with refusing_errors(path):
            if path.exists():
                self._cut_after(last_name)

    def passed(self, result: FileResult) -> None:
        """Note a file that has a result."""
        self._previous = printable(result.path)

    def add(self, result: FileResult) -> None:
        """Append a file that could not be read."""
        name = printable(result.path)
        reason = result.error.removeprefix(f"{name}: ")
        self._count(reason)
        is_new = not self.path.exists()
        with self.path.open("a", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            if is_new:
                rows.writerow(_HEADER)
            rows.writerow((name, reason, self._previous))

    def _count(self, reason: str) -> None:
        is_known = reason in self.reasons or len(self.reasons) < _MAX_REASONS
        self.reasons[reason if is_known else _OTHER] += 1

    def _cut_after(self, last_name: str) -> None:
        kept_bytes = 0
        with self.path.open("r+b") as file:
            for line in file:
                row = next(csv.reader([line.decode("utf-8", "replace")]), [])
                is_whole = line.endswith(b"\n") and len(row) == len(_HEADER)
                if not last_name or not is_whole or row[2] == last_name:
                    break
                kept_bytes += len(line)
                if tuple(row) != _HEADER:
                    self._count(row[1])
            file.truncate(kept_bytes)
        if not kept_bytes:
            self.path.unlink()

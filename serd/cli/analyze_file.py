"""The result file of ``serd analyze --out``: a line for each sound file, continued after a stop."""

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, TextIO

from serd.audio.paths import printable
from serd.cli.analyze_output import CsvWriter, FileResult, JsonWriter, ResultWriter
from serd.errors import InputError

FORMS: Final = {".jsonl": b'{"schema": ', ".csv": b"file,emotion,"}
"""Suffixes of result files, each with the start of such a file."""
_MAX_LINE_BYTES: Final = 1_000_000


class ResultFile:
    """Appends the result of each file, in their order; what is there tells where to continue.

    Only the last line is read, so that neither memory nor time grows with the number of results.
    """

    def __init__(self, path: Path, labels: Sequence[str]) -> None:
        """Open or create the file; an incomplete last line is cut off.

        Args:
            path: the file, with a suffix of ``FORMS``.
            labels: of the model.

        Raises:
            InputError: another suffix, a file that cannot be opened, or one that holds something else.
        """
        if path.suffix.lower() not in FORMS:
            raise InputError(
                f"--out {printable(path)}: expected a name that ends in {' or '.join(FORMS)}"
            )
        self._path = path
        self._is_csv = path.suffix.lower() == ".csv"
        try:
            _refuse_other_content(path)
            self._last = _cut_incomplete_line(path)
            self._file: TextIO = path.open("a", encoding="utf-8", newline="")
        except OSError as exc:
            raise InputError(f"--out {printable(path)}: cannot be written: {exc.strerror}") from exc
        is_new = not self._last
        self._writer: ResultWriter = (
            CsvWriter(labels, self._file, has_header=is_new)
            if self._is_csv
            else JsonWriter(labels, self._file)
        )

    def remaining(self, files: Iterable[Path]) -> Iterator[Path]:
        """Yield the files after the one whose result is the last.

        Raises:
            InputError: the last result is of none of the files.
        """
        last = self._last_name()
        iterator = iter(files)
        if last and not any(printable(path) == last for path in iterator):
            raise InputError(
                f"--out {printable(self._path)}: its last result is of {last}, which is not among these"
                " files; give the same folders, or another result file"
            )
        yield from iterator

    def add(self, result: FileResult) -> None:
        """Append the result of a file, which is in the file on return."""
        self._writer.add(FileResult(path=result.path, events=result.events[-1:]))
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _last_name(self) -> str:
        """The name in the last line; empty in a new file and in one with a header alone."""
        if not self._last:
            return ""
        try:
            if self._is_csv:
                name = next(csv.reader(io.StringIO(self._last)))[0]
                return "" if name == "file" else name
            return str(json.loads(self._last)["file"])
        except (ValueError, KeyError, TypeError, IndexError, StopIteration, csv.Error) as exc:
            raise InputError(
                f"--out {printable(self._path)}: its last line is no result of serd; give another file"
            ) from exc


def _refuse_other_content(path: Path) -> None:
    """Refuse to change a file that was not written here; a cut first line is no reason."""
    expected = FORMS[path.suffix.lower()]
    if path.exists():
        with path.open("rb") as file:
            start = file.read(len(expected))
        if not expected.startswith(start):
            raise InputError(f"--out {printable(path)}: holds no results of serd; give another file")


def _cut_incomplete_line(path: Path) -> str:
    """Cut a file after its last line feed, and return the line before it; empty without one."""
    if not path.exists():
        return ""
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        start = file.seek(max(0, size - _MAX_LINE_BYTES))
        data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        file.truncate(start + len(whole))
    return whole.rstrip(b"\n").rpartition(b"\n")[2].decode("utf-8", "replace")

"""The result file of ``serd analyze --out``: a line for each sound file, continued after a stop."""

import csv
import fcntl
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from serd.audio.paths import printable
from serd.cli.analyze.output import COLUMNS, CsvWriter, JsonWriter, ResultWriter
from serd.cli.analyze.work import FileResult
from serd.errors import InputError
from serd.model.card import ModelCard

LINE_FORMS: Final = {".jsonl": b'{"schema": ', ".csv": b"file,emotion,"}
"""Suffixes of files of lines, each with the start of such a file."""
_MAX_LINE_BYTES: Final = 1_000_000


class ResultFile(Protocol):
    """Keeps the result of each file, in their order; its last one tells where to continue."""

    @property
    def last_name(self) -> str:
        """Printable path of the last file that has a result when this is opened; empty without one."""
        ...

    def add(self, result: FileResult) -> None:
        """Keep the result of a file that could be read; it survives the end of this process."""
        ...

    def finish(self) -> None:
        """Complete the file after the last result.

        Raises:
            OperationError: the file cannot be written; the results are kept for the next run.
        """
        ...

    def close(self) -> None:
        """Close the file, whether it is finished or not."""
        ...


class LineFile:
    """Results as lines of JSON or rows of CSV; only the last line is read, however many there are."""

    def __init__(self, path: Path, card: ModelCard) -> None:
        """Open or create the file; an incomplete last line is cut off.

        Args:
            path: the file, with a suffix of ``LINE_FORMS``.
            card: of the model.

        Raises:
            InputError: the file cannot be opened, is in use, or holds something else or the results of
                another model.
        """
        self._path = path
        is_csv = path.suffix.lower() == ".csv"
        with refusing_errors(path):
            _refuse_other_content(path)
            self._file = path.open("a+", encoding="utf-8", newline="")
        try:
            with refusing_errors(path):
                _lock(self._file.fileno(), path)
                last = _cut_incomplete_line(path)
            if is_csv:
                self._refuse_other_columns([*COLUMNS, *card.labels])
            else:
                refuse_other_model(path, _event_of(last), card)
            self.last_name = _name_in(last, path, is_csv=is_csv)
        except BaseException:
            self._file.close()
            raise
        self._writer: ResultWriter = (
            CsvWriter(card.labels, self._file, has_header=not last)
            if is_csv
            else JsonWriter(card.labels, self._file)
        )

    def add(self, result: FileResult) -> None:
        """Append the result of a file, which is in the file on return."""
        self._writer.add(FileResult(path=result.path, events=result.events[-1:]))
        self._file.flush()

    def finish(self) -> None:
        """Do nothing: every result is in the file already."""

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def clear(self) -> None:
        """Remove all results."""
        self._file.truncate(0)
        self.last_name = ""

    def _refuse_other_columns(self, expected: list[str]) -> None:
        self._file.seek(0)
        header = self._file.readline(_MAX_LINE_BYTES)
        if header and (got := next(csv.reader([header]))) != expected:
            raise other_columns(self._path, got, expected)


class Printed:
    """Results on standard output, which no later run continues."""

    last_name = ""

    def __init__(self, writer: ResultWriter) -> None:
        self._writer = writer

    def add(self, result: FileResult) -> None:
        """Print or collect the result of a file."""
        self._writer.add(result)

    def finish(self) -> None:
        """Print the collected results."""
        self._writer.finish()

    def close(self) -> None:
        """Do nothing: standard output stays open."""


def files_after(
    last_name: str, files: Iterable[Path], out: Path, on_passed: Callable[[], None] = lambda: None
) -> Iterator[Path]:
    """Yield the files after the one whose result is the last.

    Args:
        last_name: ``ResultFile.last_name``.
        files: all files, in their order.
        out: the result file, for the message.
        on_passed: is called for each file that has a result, or had none that could be read.

    Raises:
        InputError: the last result is of none of the files.
    """
    iterator = iter(files)
    while last_name:
        path = next(iterator, None)
        if path is None:
            raise InputError(
                f"--out {printable(out)}: its last result is of {last_name}, which is not among these"
                " files; give the same folders, or another result file"
            )
        on_passed()
        if printable(path) == last_name:
            break
    yield from iterator


def refuse_other_model(path: Path, event: object, card: ModelCard) -> None:
    """Refuse to mix the results of two models, which cannot be compared.

    Args:
        path: the result file.
        event: the JSON of its last result.
        card: of the model that is to continue.

    Raises:
        InputError: the last result is of another model.
    """
    model = event.get("model") if isinstance(event, dict) else None
    if isinstance(model, dict) and model.get("sha256") != card.network_sha256:
        raise InputError(
            f"--out {printable(path)}: its last result is from the model {model.get('name')}"
            f" {model.get('version')} ({str(model.get('sha256'))[:8]}), and this run has {card.name}"
            f" {card.version} ({card.network_sha256[:8]}); give that one with --model, or another"
            " result file"
        )


def other_columns(path: Path, got: Sequence[str], expected: Sequence[str]) -> InputError:
    """The error of a result file with the columns of another model, or of another program."""
    return InputError(
        f"--out {printable(path)}: its columns are {','.join(got)}, and those of this model are"
        f" {','.join(expected)}; give the same model with --model, or another result file"
    )


@contextmanager
def refusing_errors(path: Path) -> Iterator[None]:
    """Turn an error of the operating system about the result file into an ``InputError``."""
    try:
        yield
    except OSError as exc:
        raise InputError(f"--out {printable(path)}: cannot be written: {exc.strerror}") from exc


def _lock(descriptor: int, path: Path) -> None:
    """Hold the file for this process; the kernel releases it at the end of the process.

    Raises:
        InputError: another process holds it.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_there = path.exists() and os.path.samestat(os.fstat(descriptor), path.stat())
    except BlockingIOError:
        is_there = False
    if not is_there:
        raise InputError(
            f"--out {printable(path)}: another serd analyze writes to it; wait for its end, or give"
            " another result file"
        )


def _refuse_other_content(path: Path) -> None:
    """Refuse to change a file that was not written here; a cut first line is no reason."""
    expected = LINE_FORMS[path.suffix.lower()]
    if path.exists():
        with path.open("rb") as file:
            start = file.read(len(expected))
        if not expected.startswith(start):
            raise InputError(f"--out {printable(path)}: holds no results of serd; give another file")


def _cut_incomplete_line(path: Path) -> str:
    """Cut a file after its last line feed, and return the line before it; empty without one."""
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        start = file.seek(max(0, size - _MAX_LINE_BYTES))
        data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        file.truncate(start + len(whole))
    return whole.rstrip(b"\n").rpartition(b"\n")[2].decode("utf-8", "replace")


def _event_of(line: str) -> object:
    """The JSON of a line; None if it is none."""
    try:
        return json.loads(line)
    except ValueError:
        return None


def _name_in(line: str, path: Path, *, is_csv: bool) -> str:
    """The name in a line; empty without a line and in one that is a header."""
    if not line:
        return ""
    try:
        if is_csv:
            name = next(csv.reader(io.StringIO(line)))[0]
            return "" if name == "file" else name
        return str(json.loads(line)["file"])
    except (ValueError, KeyError, TypeError, IndexError, StopIteration, csv.Error) as exc:
        raise InputError(
            f"--out {printable(path)}: its last line is no result of serd; give another file"
        ) from exc

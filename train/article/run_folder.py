"""The folder of a run. It is finished when ``metrics.json`` is there, which is written last."""

import csv
import io
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from serd.errors import InputError, OperationError
from train.data.files import read_json, write_json, write_whole

SETTINGS: Final = "settings.json"
METRICS: Final = "metrics.json"
HISTORY: Final = "history.csv"
CURVES: Final = "curves.png"
CONFUSION: Final = "confusion.png"
MODEL: Final = "final.keras"
STATE: Final = "state"

Row = Mapping[str, object]


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write rows of the same keys as ``write_whole`` does; a float has six digits."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows[0].keys() if rows else [])
    writer.writerows([_cell(value) for value in row.values()] for row in rows)
    write_whole(path, text.getvalue().encode())


def _cell(value: object) -> object:
    return f"{value:.6g}" if isinstance(value, float) else value


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFolder:
    """Folder of a run's results."""

    path: Path
    """The folder."""

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.path.name

    @property
    def is_finished(self) -> bool:
        """Whether the run is finished."""
        return (self.path / METRICS).is_file()

    @property
    def state(self) -> Path:
        """Folder of the state of an interrupted run; removed when it is finished."""
        return self.path / STATE

    def make_room(self, digest: str, *, replaces_others: bool = False) -> None:
        """Check that the folder holds no other run; one without a finished epoch is removed.

        Args:
            digest: digest of the next run.
            replaces_others: whether a run with other settings is removed.

        Raises:
            InputError: there is another run.
            OperationError: it cannot be removed.
        """
        there = self._digest()
        if there == digest or (there is None and not self.is_finished):
            return
        if not replaces_others and (self.is_finished or any(self.state.glob("*"))):
            raise InputError(
                f"{self.path}: holds a run with other settings or data; take another --out, or start"
                " over with --again"
            )
        self._remove()

    def begin(self, settings: Mapping[str, Any]) -> None:
        """Write the settings of a run that begins or resumes.

        Raises:
            InputError: the folder holds a run with other settings.
            OperationError: it cannot be written.
        """
        self.make_room(settings["digest"])
        if self._digest() is None:
            write_json(self.path / SETTINGS, settings)

    def _digest(self) -> object:
        """Digest of the run in the folder; None without a run."""
        if not (self.path / SETTINGS).is_file():
            return None
        return read_json(self.path / SETTINGS).get("digest", "")

    def _remove(self) -> None:
        """Remove the run, its ``metrics.json`` first.

        Raises:
            OperationError: something cannot be removed.
        """
        try:
            (self.path / METRICS).unlink(missing_ok=True)
            if self.path.exists():
                shutil.rmtree(self.path)
        except OSError as exc:
            raise OperationError(f"{self.path}: cannot be removed: {exc.strerror}") from exc

    def finish(self, metrics: Mapping[str, Any]) -> None:
        """Mark the run as finished, and remove its state."""
        write_json(self.path / METRICS, metrics)
        shutil.rmtree(self.state, ignore_errors=True)

    def history(self) -> list[dict[str, float]]:
        """Metrics of each epoch of a finished run.

        Raises:
            InputError: they cannot be read.
        """
        path = self.path / HISTORY
        try:
            with path.open(encoding="utf-8", newline="") as file:
                return [
                    {name: float(text) for name, text in row.items()} for row in csv.DictReader(file)
                ]
        except OSError as exc:
            raise InputError(f"{path}: cannot be read: {exc.strerror or exc}") from exc
        except (ValueError, TypeError, csv.Error) as exc:
            raise InputError(f"{path}: no history of a run: {exc}") from exc

    def content(self) -> dict[str, Any]:
        """Content of ``metrics.json``, which may be that of an evaluation."""
        return read_json(self.path / METRICS)

    def metrics(self) -> dict[str, Any]:
        """The metrics of a finished run.

        Raises:
            InputError: it is not finished, or its file is broken.
        """
        if not self.is_finished:
            what = "is not finished" if self.path.is_dir() else "no such run"
            raise InputError(f"{self.path}: {what}, no {METRICS} in it")
        body = self.content()
        if "test" not in body or "name" not in body:
            raise InputError(f"{self.path / METRICS}: no figures of a run")
        return body


def finished_runs(folder: Path) -> Iterable[RunFolder]:
    """Yield the finished runs of a folder, by name."""
    for path in sorted(folder.iterdir() if folder.is_dir() else ()):
        run = RunFolder(path=path)
        if run.is_finished:
            yield run

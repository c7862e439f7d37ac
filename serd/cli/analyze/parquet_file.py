"""The Parquet file of ``serd analyze --out``, for results that other programs load as a table.

The footer of a Parquet file is written last, so a file that is being written cannot be read, nor
continued after a stop. Results therefore go to ``FILE.partial.jsonl`` first, a line for each file. After
the last one they are written to ``FILE.partial``, which then replaces ``FILE``: there is never half a
file. See docs/decisions/0023-parquet.md.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, Final

from serd.audio.paths import printable
from serd.cli.analyze.output import COLUMNS
from serd.cli.analyze.result_file import LineFile, other_columns, refuse_other_model, refusing_errors
from serd.cli.analyze.work import FileResult
from serd.errors import EventError, InputError, LibraryError, OperationError
from serd.events.event import Event
from serd.model.card import ModelCard

MORE_COLUMNS: Final[Mapping[str, Callable[[Event], str | float | datetime | None]]] = {
    "dimensions_valence": lambda event: event.dimensions.valence if event.dimensions else None,
    "dimensions_arousal": lambda event: event.dimensions.arousal if event.dimensions else None,
    "time": lambda event: datetime.fromisoformat(event.time) if event.time else None,
    "id": lambda event: event.id,
    "node": lambda event: event.node,
    "model_name": lambda event: event.model.name,
    "model_version": lambda event: event.model.version,
    "model_sha256": lambda event: event.model.sha256,
}
"""Columns after the scores of the labels, each with its value."""
_TEXTS: Final = frozenset(
    {"file", "emotion", "valence", "id", "node", "model_name", "model_version", "model_sha256"}
)
_ROWS: Final = 10_000
"""Rows that are in memory at once; also the rows of a group in the file."""


class ParquetFile:
    """Results as rows of a Parquet file, which is there once all of them are."""

    def __init__(self, path: Path, card: ModelCard) -> None:
        """Open the journal, and the Parquet file if an earlier run has completed it.

        Args:
            path: the file; the journal is beside it.
            card: of the model.

        Raises:
            LibraryError: pyarrow is not installed.
            InputError: the file or the journal cannot be opened, is in use, or holds something else or
                the results of another model.
        """
        self._pyarrow, self._parquet = _import_pyarrow()
        self._path = path
        self._labels = card.labels
        self._schema = self._schema_of(card.labels)
        self._journal_path = path.with_name(f"{path.name}.partial.jsonl")
        finished_name = self._last_finished(card) if path.exists() else ""
        self._journal = LineFile(self._journal_path, card)
        if self._journal.last_name == finished_name:
            self._journal.clear()  # stopped after the file was complete, and before this was removed
        self.last_name = self._journal.last_name or finished_name

    def add(self, result: FileResult) -> None:
        """Append the result of a file to the journal, where it is on return."""
        self._journal.add(result)

    def finish(self) -> None:
        """Write the rows of the earlier file, then those of the journal, and remove the journal.

        Raises:
            OperationError: the file cannot be written, or a line of the journal is damaged.
        """
        if not self._path.exists() or self._journal_path.stat().st_size:
            partial = self._path.with_name(f"{self._path.name}.partial")
            try:
                with partial.open("wb") as file:
                    self._write(file)
                    file.flush()
                    os.fsync(file.fileno())
                partial.replace(self._path)
            except (OSError, EventError, self._pyarrow.ArrowException) as exc:
                reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else exc
                raise OperationError(
                    f"--out {printable(self._path)}: cannot be written: {reason}; the results are kept"
                    f" in {printable(self._journal_path)}, and the same command tries again"
                ) from exc
        self._journal_path.unlink()

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()

    def _write(self, file: BinaryIO) -> None:
        with self._parquet.ParquetWriter(file, self._schema, compression="zstd") as writer:
            if self._path.exists():
                with self._path.open("rb") as source, self._open(source) as finished:
                    for batch in finished.iter_batches(_ROWS, use_threads=False):
                        writer.write_batch(batch)
            for events in self._journaled():
                writer.write_batch(self._batch(events))

    def _journaled(self) -> Iterator[list[Event]]:
        """The events of the journal, at most ``_ROWS`` at once."""
        with self._journal_path.open("rb") as lines:
            events = map(Event.from_json, lines)
            while part := list(islice(events, _ROWS)):
                yield part

    def _batch(self, events: list[Event]) -> Any:  # noqa: ANN401 - pyarrow has no types
        columns = [
            *([value(event) for event in events] for value in COLUMNS.values()),
            *([event.scores.get(label) for event in events] for label in self._labels),
            *([value(event) for event in events] for value in MORE_COLUMNS.values()),
        ]
        arrays = [
            self._pyarrow.array(column, field.type)
            for column, field in zip(columns, self._schema, strict=True)
        ]
        return self._pyarrow.record_batch(arrays, schema=self._schema)

    def _schema_of(self, labels: tuple[str, ...]) -> Any:  # noqa: ANN401
        """The schema: text, float64 and a time; null are an unknown time, and scores without speech."""
        arrow = self._pyarrow
        types = {"time": arrow.timestamp("ms", tz="UTC")} | dict.fromkeys(_TEXTS, arrow.string())
        nullable = {*labels, "dimensions_valence", "dimensions_arousal", "time"}
        return arrow.schema(
            arrow.field(name, types.get(name, arrow.float64()), nullable=name in nullable)
            for name in (*COLUMNS, *labels, *MORE_COLUMNS)
        )

    def _last_finished(self, card: ModelCard) -> str:
        """The file of the last row; empty if there is no row."""
        with refusing_errors(self._path):
            source = self._path.open("rb")
        with source:
            try:
                finished = self._open(source)
            except (self._pyarrow.ArrowException, OSError) as exc:
                raise InputError(
                    f"--out {printable(self._path)}: holds no results of serd; give another file"
                ) from exc
            with finished:
                if not finished.schema_arrow.equals(self._schema):
                    raise other_columns(self._path, finished.schema_arrow.names, self._schema.names)
                groups = finished.num_row_groups
                rows = finished.read_row_group(groups - 1).to_pylist() if groups else []
        if not rows:
            return ""
        row = rows[-1]
        model = {key: row[f"model_{key}"] for key in ("name", "version", "sha256")}
        refuse_other_model(self._path, {"model": model}, card)
        return str(row["file"])

    def _open(self, source: BinaryIO) -> Any:  # noqa: ANN401
        return self._parquet.ParquetFile(source, pre_buffer=False)


def _import_pyarrow() -> tuple[ModuleType, ModuleType]:
    try:
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as exc:
        raise LibraryError(
            f"--out FILE.parquet needs pyarrow ({exc}): pip install 'serd[parquet]'"
        ) from exc
    return pa, parquet

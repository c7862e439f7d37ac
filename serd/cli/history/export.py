"""``serd history export``: writes events to a table (CSV, Parquet) or to lines of JSON."""

import argparse
import contextlib
import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from serd.audio.paths import expanded, printable
from serd.audio.private_files import write_private
from serd.cli.history.files import find_history
from serd.cli.history.selecting import add_selection_options, selection_from
from serd.errors import InputError, LibraryError
from serd.events.event import Event
from serd.publishers.history.reader import HistoryReader

_CHUNK: Final = 10_000
"""Rows that are in memory at a time while Parquet is written."""

_COLUMNS: Final[Mapping[str, Callable[[Event], Any]]] = {
    "time": lambda event: event.time,
    "node": lambda event: event.node,
    "source": lambda event: event.source,
    "kind": lambda event: event.kind,
    "provisional": lambda event: event.provisional,
    "emotion": lambda event: event.emotion,
    "confidence": lambda event: event.confidence,
    "valence": lambda event: event.valence,
    "valence_dimension": lambda event: event.dimensions and event.dimensions.valence,
    "arousal_dimension": lambda event: event.dimensions and event.dimensions.arousal,
    "start_s": lambda event: event.start_s,
    "end_s": lambda event: event.end_s,
    "speech_ratio": lambda event: event.speech_ratio,
    "level_dbfs": lambda event: event.level_dbfs,
    "latency_ms": lambda event: event.latency_ms,
    "id": lambda event: event.id,
    "model": lambda event: event.model.name,
    "model_version": lambda event: event.model.version,
}
"""The columns of a table before those of the scores, which are named by their labels."""
_TEXTS: Final = {
    "node",
    "source",
    "kind",
    "emotion",
    "valence",
    "id",
    "model",
    "model_version",
}


def add_parser(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the action to the command line."""
    parser = actions.add_parser("export", help="write events to a file")
    add_selection_options(parser)
    parser.add_argument(
        "--out", required=True, metavar="FILE", help="new file: .csv, .jsonl or .parquet"
    )
    parser.add_argument("--force", action="store_true", help="overwrite an existing file")
    parser.set_defaults(command=export_command)


def export_command(args: argparse.Namespace) -> int:
    """Write the selected events to a new file that only its owner can read.

    Raises:
        InputError: another suffix, or the file exists or cannot be written.
        LibraryError: Parquet needs a library that is not installed.
    """
    path, selection = expanded(args.out), selection_from(args)
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise InputError(f"--out {printable(path)}: expected a name that ends in {', '.join(_WRITERS)}")
    if path.exists() and not args.force:
        raise InputError(f"--out {printable(path)}: the file exists; --force overwrites it")
    unfinished = path.with_name(f"{path.name}.part")
    with HistoryReader(find_history()) as reader:
        try:
            write_private(unfinished, b"")
            n_events = write(unfinished, reader.events(selection), reader.labels())
            unfinished.replace(path)
        except OSError as exc:
            raise InputError(f"--out {printable(path)}: cannot be written: {exc.strerror}") from exc
        finally:
            with contextlib.suppress(OSError):
                unfinished.unlink(missing_ok=True)
    print(f"Wrote {n_events} events to {printable(path)}.")
    return 0


def _write_jsonl(path: Path, events: Iterable[Event], labels: Sequence[str]) -> int:
    del labels
    n_events = 0
    with path.open("w", encoding="utf-8") as file:
        for event in events:
            file.write(f"{event.to_json()}\n")
            n_events += 1
    return n_events


def _write_csv(path: Path, events: Iterable[Event], labels: Sequence[str]) -> int:
    n_events = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*_COLUMNS, *labels])
        for row in _rows(events, labels):
            writer.writerow(row)
            n_events += 1
    return n_events


def _write_parquet(path: Path, events: Iterable[Event], labels: Sequence[str]) -> int:
    try:
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as exc:
        raise LibraryError(
            f"a Parquet file needs a library that does not load ({exc}): pip install 'serd[parquet]'"
        ) from exc
    types = {name: pa.string() if name in _TEXTS else pa.float64() for name in _COLUMNS}
    types |= {"time": pa.timestamp("ms", tz="UTC"), "provisional": pa.bool_()}
    types |= dict.fromkeys(labels, pa.float64())
    schema = pa.schema(list(types.items()))
    rows = _rows(events, labels)
    n_events = 0
    with parquet.ParquetWriter(path, schema) as writer:
        while chunk := list(islice(rows, _CHUNK)):
            columns = dict(zip(types, zip(*chunk, strict=True), strict=True))
            columns["time"] = tuple(map(datetime.fromisoformat, columns["time"]))
            writer.write_table(pa.table(columns, schema=schema))
            n_events += len(chunk)
    return n_events


_WRITERS: Final = {".csv": _write_csv, ".jsonl": _write_jsonl, ".parquet": _write_parquet}
"""Writes events to a file and returns their number, by the suffix of the file."""


def _rows(events: Iterable[Event], labels: Sequence[str]) -> Iterator[list[Any]]:
    """Yield the values of each event in the order of the columns; None where there is none."""
    for event in events:
        yield [of(event) for of in _COLUMNS.values()] + [event.scores.get(label) for label in labels]

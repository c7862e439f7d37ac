"""The Parquet file of serd analyze --out."""

import csv
import json
import os
import re
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from serd.cli import main
from serd.cli.analyze.output import COLUMNS
from serd.cli.analyze.parquet_file import MORE_COLUMNS, ParquetFile
from serd.cli.analyze.work import FileResult
from serd.errors import InputError, LibraryError, OperationError
from serd.events.event import Dimensions
from serd.model.card import ModelCard
from serd.model.labels import EMOTIONS
from testkit.made_events import make_event
from testkit.models import made_card

_DOC = Path(__file__).parents[3] / "docs" / "archives.md"
_CARD = made_card(network_sha256="0" * 64, labels=("happy", "sad"))


def _analyze(archive: Path, out: Path) -> int:
    return main(["analyze", "--jobs", "1", "--out", str(out), str(archive)])


def _rows(out: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parquet.read_table(out).to_pylist()
    return rows


def _result(name: str, **changes: object) -> FileResult:
    event = replace(make_event(kind="file", end_s=3.0), file=name, **changes)  # type: ignore[arg-type]
    return FileResult(path=Path(name), events=[event])


def _write(out: Path, *names: str, is_finished: bool = True) -> None:
    with closing(ParquetFile(out, _CARD)) as results:
        for name in names:
            results.add(_result(name))
        if is_finished:
            results.finish()


def test_the_rows_are_those_of_csv_and_json(archive: Path, tmp_path: Path) -> None:
    """Values and order are the same; only the file itself is left, and its types are documented."""
    (archive / "1.wav").with_name(os.fsdecode(b"caf\xe9.wav")).write_bytes(
        (archive / "1.wav").read_bytes()
    )
    out = tmp_path / "results.parquet"
    for suffix in (".csv", ".jsonl", ".parquet"):
        assert _analyze(archive, out.with_suffix(suffix)) == 0
    rows = _rows(out)
    with out.with_suffix(".csv").open(newline="") as file:
        for row, plain in zip(rows, csv.DictReader(file), strict=True):
            assert {name: str(row[name]) for name in plain} == plain
    lines = out.with_suffix(".jsonl").read_text("utf-8").splitlines()
    for row, event in zip(rows, map(json.loads, lines), strict=True):
        assert {label: row[label] for label in EMOTIONS} == event["scores"]
        assert row["dimensions_arousal"] == event["dimensions"]["arousal"]
        assert row["model_sha256"] == event["model"]["sha256"]
    assert str(rows[-1]["file"]).endswith("caf\\xe9.wav")
    assert sorted(path.name for path in tmp_path.glob("results.parquet*")) == ["results.parquet"]


@pytest.mark.parametrize("n_kept", [0, 1, 3, 4])
def test_an_interrupted_run_is_continued(archive: Path, tmp_path: Path, n_kept: int) -> None:
    """A kill at any moment leaves a journal; the file then has each recording once, in order."""
    whole, out = tmp_path / "whole.jsonl", tmp_path / "results.parquet"
    assert _analyze(archive, whole) == 0
    lines = whole.read_text().splitlines(keepends=True)
    journal = tmp_path / "results.parquet.partial.jsonl"
    journal.write_text("".join(lines[:n_kept]) + "".join(lines[n_kept:])[:40])
    (tmp_path / "results.parquet.partial").write_bytes(b"PAR1 and no footer")
    assert _analyze(archive, out) == 0
    assert [Path(row["file"]).name for row in _rows(out)] == [f"{number}.wav" for number in range(4)]
    assert [row["id"] for row in _rows(out)][:n_kept] == [json.loads(line)["id"] for line in lines][
        :n_kept
    ]
    assert not list(tmp_path.glob("results.parquet.partial*"))


def test_new_recordings_are_added_to_a_finished_file(archive: Path, tmp_path: Path) -> None:
    """The rows that were there stay; without new recordings the file is not written again."""
    out = tmp_path / "results.parquet"
    assert _analyze(archive, out) == 0
    before, first = _rows(out), out.stat().st_ino
    assert _analyze(archive, out) == 0
    assert out.stat().st_ino == first
    (archive / "9.wav").write_bytes((archive / "0.wav").read_bytes())
    assert _analyze(archive, out) == 0
    rows = _rows(out)
    assert rows[:-1] == before
    assert Path(rows[-1]["file"]).name == "9.wav"


def test_a_kill_after_the_file_is_complete_doubles_nothing(tmp_path: Path) -> None:
    """The journal of the rows that are in the file already is dropped."""
    out = tmp_path / "results.parquet"
    _write(out, "a.wav", "b.wav", is_finished=False)
    journal = out.with_name("results.parquet.partial.jsonl")
    lines = journal.read_bytes()
    _write(out)
    journal.write_bytes(lines)
    _write(out, "c.wav")
    assert [row["file"] for row in _rows(out)] == ["a.wav", "b.wav", "c.wav"]


def test_a_row_without_speech_has_no_scores(tmp_path: Path) -> None:
    """They are null, as are valence and arousal; a known time is a timestamp in UTC."""
    out = tmp_path / "results.parquet"
    dimensions = Dimensions(valence=0.5, arousal=-0.25)
    with closing(ParquetFile(out, _CARD)) as results:
        results.add(_result("a.wav", time="2025-03-01T13:30:15.250+01:00", dimensions=dimensions))
        results.add(_result("b.wav", time=None, scores={}, emotion="none"))
        results.finish()
    spoken, quiet = _rows(out)
    assert spoken["time"] == datetime(2025, 3, 1, 12, 30, 15, 250_000, UTC)
    assert (spoken["dimensions_valence"], spoken["dimensions_arousal"]) == (0.5, -0.25)
    assert (spoken["happy"], spoken["sad"]) == (0.87, 0.13)
    assert [quiet[name] for name in ("time", "happy", "sad", "dimensions_valence")] == [None] * 4


def test_the_columns_are_documented(tmp_path: Path) -> None:
    """docs/archives.md names each column with its type."""
    out = tmp_path / "results.parquet"
    _write(out)
    schema = parquet.read_schema(out)
    assert schema.names == [*COLUMNS, "happy", "sad", *MORE_COLUMNS]
    documented = dict(re.findall(r"(?m)^\| `(\w+)` \| (.+?) \|", _DOC.read_text("utf-8")))
    del documented["happy"]
    names = {"string": "text", "double": "float64", "timestamp[ms, tz=UTC]": "timestamp (ms, UTC)"}
    fields = [field for field in schema if field.name not in _CARD.labels]
    assert documented == {field.name: names[str(field.type)] for field in fields}
    assert {str(schema.field(label).type) for label in _CARD.labels} == {"double"}


@pytest.mark.parametrize(
    ("card", "message"),
    [
        (made_card(), "its last result is from the model serd-ravdess8"),
        (made_card(labels=("bored", "calm")), "its columns are file,.*,happy,sad,"),
    ],
)
def test_results_of_another_model_are_not_added(card: ModelCard, message: str, tmp_path: Path) -> None:
    """A table never mixes two models, whose scores cannot be compared."""
    out = tmp_path / "results.parquet"
    labels = _CARD.labels if card.labels == EMOTIONS else card.labels
    _write(out, "a.wav")
    with pytest.raises(InputError, match=message):
        ParquetFile(out, replace(card, labels=labels))


def test_a_table_of_other_columns_is_refused(tmp_path: Path) -> None:
    """A Parquet file that serd did not write stays as it is."""
    out = tmp_path / "results.parquet"
    parquet.write_table(pa.table({"x": [1, 2]}), out)
    with pytest.raises(InputError, match="its columns are x, and those of this model"):
        ParquetFile(out, _CARD)
    assert parquet.read_table(out).to_pylist() == [{"x": 1}, {"x": 2}]


def test_a_disk_that_fills_up_costs_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the journal, and the next run makes the file from it."""
    out = tmp_path / "results.parquet"
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", _no_space)
        with pytest.raises(OperationError, match=r"No space left on device; .*partial\.jsonl"):
            _write(out, "a.wav")
    assert not out.exists()
    _write(out, "b.wav")
    assert [row["file"] for row in _rows(out)] == ["a.wav", "b.wav"]


def _no_space(_descriptor: int) -> None:
    raise OSError(28, "No space left on device")


def test_a_missing_library_is_named_before_the_work(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    """The line says what to install, and nothing is written."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert _analyze(archive, tmp_path / "results.parquet") == LibraryError.exit_code
    assert "pip install 'serd[parquet]'" in lines[-1]
    assert list(tmp_path.iterdir()) == [archive]


def test_memory_does_not_grow_with_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are written in groups, from the journal and from a finished file alike."""
    monkeypatch.setattr("serd.cli.analyze.parquet_file._ROWS", 10)
    out = tmp_path / "results.parquet"
    allocated = pa.total_allocated_bytes()
    for first in (0, 25):
        _write(out, *(f"{number:03d}.wav" for number in range(first, first + 25)))
    assert pa.total_allocated_bytes() == allocated
    groups = parquet.read_metadata(out)
    assert [groups.row_group(n).num_rows for n in range(groups.num_row_groups)] == [10, 10, 5] * 2
    assert [row["file"] for row in _rows(out)] == [f"{number:03d}.wav" for number in range(50)]

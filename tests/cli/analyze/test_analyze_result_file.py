"""The result file of serd analyze --out: lines of JSON and rows of CSV."""

import csv
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from serd.cli import main
from serd.cli.analyze import open_results
from serd.cli.analyze.result_file import files_after
from serd.errors import InputError
from testkit.models import made_card

_N_FILES = 4


def _analyze(archive: Path, out: Path) -> int:
    return main(["analyze", "--jobs", "1", "--out", str(out), str(archive)])


def _names(out: Path) -> list[str]:
    with out.open(newline="") as file:
        if out.suffix == ".csv":
            return [Path(row["file"]).name for row in csv.DictReader(file)]
        return [Path(json.loads(line)["file"]).name for line in file]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
@pytest.mark.parametrize("n_kept", [0, 1, 3, 4])
def test_an_interrupted_run_is_continued(
    archive: Path, tmp_path: Path, suffix: str, n_kept: int
) -> None:
    """A line that was cut is made again; no file is missing, and none is there twice."""
    out = tmp_path / f"results{suffix}"
    assert _analyze(archive, out) == 0
    lines = out.read_text().splitlines(keepends=True)
    n_head = 1 if suffix == ".csv" else 0
    cut = "".join(lines[n_head + n_kept :])[:40]
    out.write_text("".join(lines[: n_head + n_kept]) + cut)
    assert _analyze(archive, out) == 0
    assert _names(out) == [f"{number}.wav" for number in range(_N_FILES)]
    assert [line.split(",")[:4] for line in out.read_text().splitlines()][n_head:][:n_kept] == [
        line.strip().split(",")[:4] for line in lines[n_head:][:n_kept]
    ]


def test_a_file_that_cannot_be_read_does_not_stop_the_others(archive: Path, tmp_path: Path) -> None:
    """It is reported, and the exit code is 2."""
    (archive / "2.wav").write_text("no sound")
    out = tmp_path / "results.jsonl"
    assert _analyze(archive, out) == 2
    assert _names(out) == ["0.wav", "1.wav", "3.wav"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("results.xlsx", None, r"expected a name that ends in \.jsonl, \.csv or \.parquet"),
        ("results.parquet", "something else", "holds no results of serd"),
        ("results.parquet.partial.jsonl", "something else", "holds no results of serd"),
        ("results.jsonl", "something else", "holds no results of serd"),
        ("results.csv", "name,emotion\na.wav,happy", "holds no results of serd"),
        ("results.jsonl", '{"schema": 1}\n', "its last line is no result of serd"),
        (
            "results.jsonl",
            '{"schema": 1, "file": "/elsewhere/x.wav"}\n',
            "its last result is of /elsewhere/x.wav",
        ),
        ("results.csv", "file,emotion,bored\na.wav,bored\n", "its columns are file,emotion,bored"),
        (
            "results.jsonl",
            '{"schema": 1, "file": "a.wav", "model": {"name": "old", "version": "2", "sha256": "0"}}\n',
            "from the model old 2",
        ),
        ("no/such/folder.csv", None, "cannot be written"),
        ("no/such/folder.parquet", None, "cannot be written"),
    ],
)
def test_a_result_file_that_cannot_be_continued_is_refused(
    tmp_path: Path, name: str, text: str | None, message: str
) -> None:
    """Nothing is overwritten."""
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=message):
        _open_and_continue(path)
    assert text is None or path.read_text() == text


def _open_and_continue(path: Path) -> None:
    with closing(open_results(path, made_card())) as results:
        list(files_after(results.last_name, [Path("a.wav")], path))


def test_a_result_file_has_one_writer(tmp_path: Path) -> None:
    """A second run at the same time is refused, and does not cut off what the first one writes."""
    for name in ("results.jsonl", "results.csv", "results.parquet"):
        path = tmp_path / name
        with (
            closing(open_results(path, made_card())),
            pytest.raises(InputError, match="another serd analyze writes to it"),
        ):
            open_results(path, made_card())


def test_files_are_taken_as_they_are_found(tmp_path: Path) -> None:
    """Only those up to the last result are passed over at once; a million need no list."""
    path = tmp_path / "results.jsonl"
    path.write_text('{"schema": 1, "file": "2.wav"}\n')
    taken = 0

    def found() -> Iterator[Path]:
        nonlocal taken
        for taken in range(1_000_000):
            yield Path(f"{taken}.wav")

    with closing(open_results(path, made_card())) as results:
        assert next(files_after(results.last_name, found(), path)) == Path("3.wav")
    assert taken == 3

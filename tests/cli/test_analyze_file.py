"""The result file of serd analyze --out."""

import csv
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import soundfile

from serd.cli import main
from serd.cli.analyze_file import ResultFile
from serd.errors import InputError
from testkit.voices import silence, synthetic_voice

_N_FILES = 4


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A folder with four recordings."""
    folder = tmp_path / "archive"
    folder.mkdir()
    for number in range(_N_FILES):
        sound = np.concatenate((silence(0.3), synthetic_voice(1.0, seed=number), silence(0.5)))
        soundfile.write(folder / f"{number}.wav", sound, 16_000)
    return folder


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
        ("results.parquet", None, r"expected a name that ends in \.jsonl or \.csv"),
        ("results.jsonl", "something else", "holds no results of serd"),
        ("results.csv", "name,emotion\na.wav,happy", "holds no results of serd"),
        ("results.jsonl", '{"schema": 1}\n', "its last line is no result of serd"),
        (
            "results.jsonl",
            '{"schema": 1, "file": "/elsewhere/x.wav"}\n',
            "its last result is of /elsewhere/x.wav",
        ),
        ("no/such/folder.csv", None, "cannot be written"),
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
    with closing(ResultFile(path, ["happy"])) as results:
        list(results.remaining([Path("a.wav")]))


def test_files_are_taken_as_they_are_found(tmp_path: Path) -> None:
    """Only those up to the last result are passed over at once; a million need no list."""
    path = tmp_path / "results.jsonl"
    path.write_text('{"schema": 1, "file": "2.wav"}\n')
    taken = 0

    def found() -> Iterator[Path]:
        nonlocal taken
        for taken in range(1_000_000):
            yield Path(f"{taken}.wav")

    with closing(ResultFile(path, ["happy"])) as results:
        assert next(results.remaining(found())) == Path("3.wav")
    assert taken == 3

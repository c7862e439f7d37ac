"""What serd analyze --out says: errors, the list of failures, the summary and the exit code."""

import csv
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from serd.cli import main
from serd.cli.analyze import failure_path
from serd.cli.analyze.failures import FailureList
from serd.cli.analyze.report import Report
from serd.cli.analyze.work import FileResult
from serd.cli.progress import ProgressBar


@pytest.fixture
def broken(archive: Path) -> Path:
    """The archive, with one file that is empty and two that hold text."""
    (archive / "1.wav").write_bytes(b"")
    (archive / "4.wav").write_text("no sound")
    (archive / "5.wav").write_text("no sound")
    return archive


def _analyze(archive: Path, out: Path) -> int:
    return main(["analyze", "--jobs", "1", "--out", str(out), str(archive)])


def _interrupted_after(n_done: int) -> Callable[..., Iterator[FileResult]]:
    def work_on(
        work: Callable[[Path], FileResult], files: Iterable[Path], *, n_workers: int
    ) -> Iterator[FileResult]:
        for number, path in enumerate(files):
            if number == n_done:
                raise KeyboardInterrupt
            yield work(path)

    return work_on


def _failed(out: Path) -> list[str]:
    with failure_path(out).open(newline="") as file:
        return [Path(row["file"]).name for row in csv.DictReader(file)]


@pytest.mark.parametrize("name", ["results.jsonl", "results.csv", "results.parquet"])
def test_the_summary_says_what_failed_and_why(
    broken: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Results, speed, emotions, the reasons with their numbers, and the list of all failures."""
    out = tmp_path / name
    assert _analyze(broken, out) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"serd: error: {broken / '1.wav'}")
    start = next(number for number, line in enumerate(lines) if line.startswith(f"serd: {out}:"))
    first, emotions, failed, *reasons = lines[start:]
    assert ": 3 files analyzed in " in first
    assert emotions.startswith("serd: emotions: ")
    assert failed == f"serd: 3 files could not be read, all listed in {failure_path(out)}:"
    assert [line.split()[1] for line in reasons] == ["2", "1"]
    assert "is empty" in reasons[1]
    assert _failed(out) == ["1.wav", "4.wav", "5.wav"]


@pytest.mark.parametrize("n_done", [1, 2, 4, 5])
def test_a_failure_is_listed_once_however_often_a_run_stops(
    broken: Path, tmp_path: Path, n_done: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files after the last result are tried again; the exit code is that of a run without a stop."""
    out = tmp_path / "results.jsonl"
    with monkeypatch.context() as changed:
        changed.setattr("serd.cli.analyze.map_in_order", _interrupted_after(n_done))
        assert _analyze(broken, out) == 130
    assert _analyze(broken, out) == 2
    assert _failed(out) == ["1.wav", "4.wav", "5.wav"]
    (broken / "4.wav").write_bytes((broken / "0.wav").read_bytes())
    assert _analyze(broken, out) == 2
    assert _failed(out) == ["1.wav", "5.wav"]


def test_a_run_without_failures_leaves_no_list(archive: Path, tmp_path: Path) -> None:
    """The exit code is 0, and only the results are there."""
    out = tmp_path / "results.jsonl"
    failure_path(out).write_text("file,reason,previous_result\nold.wav,gone,\n")
    assert _analyze(archive, out) == 0
    assert sorted(tmp_path.iterdir()) == [archive, out]


def test_an_empty_folder_is_wrong_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As without --out."""
    (tmp_path / "empty").mkdir()
    assert _analyze(tmp_path / "empty", tmp_path / "results.csv") == 2
    assert "no sound file in this folder" in capsys.readouterr().err


def test_lines_and_reasons_are_bounded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A million broken files fill neither the screen nor the memory."""
    failures = FailureList(tmp_path / "failed.csv", "")
    with ProgressBar(0) as progress:
        report = Report(progress, failures)
        for number in range(1_200):
            report.add(FileResult(path=Path(f"{number}.wav"), error=f"{number}.wav: reason {number}"))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 21
    assert lines[-1].startswith("serd: more errors and warnings are not shown")
    assert len(failures.reasons) == 1_001
    assert failures.reasons.total() == 1_200


def test_ctrl_c_says_how_to_go_on(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code is that of an interruption, and the results are kept."""
    out = tmp_path / "results.jsonl"

    with monkeypatch.context() as changed:
        changed.setattr("serd.cli.analyze.map_in_order", _interrupted_after(2))
        assert _analyze(archive, out) == 130
    assert "serd: stopped after 2 of 4 files; the same command continues" in capsys.readouterr().err
    assert _analyze(archive, out) == 0
    assert "after 2 of earlier runs" in capsys.readouterr().err


@pytest.mark.parametrize("name", [b"b\xff.wav", b"b\n.wav", b'b",.wav'])
def test_any_name_can_be_the_last_one(archive: Path, tmp_path: Path, name: bytes) -> None:
    """A run continues after names that are not UTF-8, or hold a line feed or a quotation mark."""
    out = tmp_path / "results.csv"
    last = archive / os.fsdecode(name)
    last.write_bytes((archive / "0.wav").read_bytes())
    assert _analyze(archive, out) == 0
    assert _analyze(archive, out) == 0
    assert len(list(csv.reader(out.read_text().splitlines()))) == 6

"""Commands of training change no file of the project unless they are told to."""

import os
import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest
from trainings import train

from testkit.imports import ROOT
from train.__main__ import main
from train.cli.options import unused_path


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder under git with the documents and models of the project."""
    folder = tmp_path / "project"
    for name in ("docs", "models"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / ".gitignore", folder)
    _git(folder, "init", "--quiet")
    _git(folder, "add", "--all")
    return folder


def _changes(project: Path) -> tuple[str, str]:
    """What git says of the folder and of the project itself, where the shipped model lies."""
    return _git(ROOT, "status", "--porcelain"), _git(project, "status", "--porcelain")


def test_commands_that_only_read_write_below_runs(
    project: Path, corpus_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each corpus and each evaluation has a folder of its own, and git knows no changed file."""
    before = _changes(project)
    monkeypatch.chdir(project)
    model = "models/serd-ravdess8-tiny.tflite"
    for words in (
        ("data", str(corpus_root)),
        ("explore", str(corpus_root)),
        ("evaluate", model, str(corpus_root), "--allow-seen"),
        ("evaluate", model, str(corpus_root), "--allow-seen", "--scheme", "5"),
        ("evaluate", model, str(corpus_root / "Song"), "--protocol", "orders"),
        ("compare", *(f"runs/evaluate/serd-ravdess8-tiny-{corpus_root.name}" for _ in range(2))),
    ):
        assert main(words) == 0, words
    assert _changes(project) == before
    names = {path.relative_to(project / "runs").as_posix() for path in (project / "runs").glob("*/*")}
    assert names == {
        f"data/{corpus_root.name}",
        f"explore/{corpus_root.name}",
        f"evaluate/serd-ravdess8-tiny-{corpus_root.name}",
        f"evaluate/serd-ravdess8-tiny-{corpus_root.name}-2",
        "evaluate/serd-ravdess8-tiny-Song-orders",
    }


def test_commands_that_train_write_below_runs(project: Path, corpus_root: Path) -> None:
    """A smoke run of fit leaves the shipped model as it is."""
    before = _changes(project)
    words = ("fit", corpus_root, "--quick", "--members", 1)
    done = train(*words, before=partial(os.chdir, project))
    assert (done.returncode, done.stderr) == (0, "")
    assert _changes(project) == before
    models = [path.name for path in (project / "runs" / "fit").glob("*.tflite")]
    assert models == [f"{corpus_root.name}-quick.tflite"]


def test_a_path_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    """The first one that is free, for files and folders."""
    assert unused_path(tmp_path / "a.tflite") == tmp_path / "a.tflite"
    (tmp_path / "a.tflite").touch()
    (tmp_path / "a-2.tflite").touch()
    assert unused_path(tmp_path / "a.tflite") == tmp_path / "a-3.tflite"

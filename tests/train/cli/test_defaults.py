"""Commands of training change no file of the project unless they are told to."""

import os
import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest
from trainings import have_two_folds, train

from testkit.imports import ROOT
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


def begin_with_two_folds(folder: Path) -> None:
    """Work in a folder, with a protocol that three actors can run."""
    have_two_folds()
    os.chdir(folder)


def test_no_command_with_its_defaults_changes_a_file_that_git_knows(
    project: Path, corpus_root: Path, article_root: Path, noise_root: Path
) -> None:
    """Each writes below runs/ alone, and data into a folder of the corpus."""
    before = _git(ROOT, "status", "--porcelain"), _git(project, "status", "--porcelain")
    smoke = ("--quick", "--members", 1)
    commands: list[tuple[object, ...]] = [
        ("data", corpus_root),
        ("explore", corpus_root),
        ("fit", corpus_root, *smoke),
        ("evaluate", f"runs/fit/{corpus_root.name}-quick.tflite", corpus_root, "--allow-seen"),
        (
            "ablate",
            corpus_root,
            "--noise",
            noise_root,
            "--quick",
            "--protocol",
            "two",
            "--without",
            "thin",
        ),
        ("experiments", "--run", "baseline-men", article_root, "--holdout", "17,19", "--quick"),
        ("compare", "runs/quick"),
        ("report", "runs/quick"),
    ]
    for words in commands:
        begin = begin_with_two_folds if "two" in words else os.chdir
        done = train(*words, before=partial(begin, project))
        assert (done.returncode, done.stderr) == (0, ""), words
    assert (_git(ROOT, "status", "--porcelain"), _git(project, "status", "--porcelain")) == before
    made = {path.relative_to(project / "runs").parts[0] for path in (project / "runs").rglob("*.*")}
    assert {"data", "explore", "fit", "evaluate", "quick", "ablations.json", "experiments.md"} <= made
    assert (project / "runs" / "data" / corpus_root.name).is_dir()


def test_a_path_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    """The first one that is free, for files and folders."""
    assert unused_path(tmp_path / "a.tflite") == tmp_path / "a.tflite"
    (tmp_path / "a.tflite").touch()
    (tmp_path / "a-2.tflite").touch()
    assert unused_path(tmp_path / "a.tflite") == tmp_path / "a-3.tflite"

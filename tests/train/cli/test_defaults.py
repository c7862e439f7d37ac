"""Commands of training change no file of the project unless they are told to."""

import os
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from trainings import have_two_folds, train

from testkit.imports import ROOT
from train import cli
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


def _with_two_folds(project: Path) -> None:
    os.chdir(project)
    have_two_folds()


def test_commands_that_train_write_below_runs(
    project: Path, corpus_root: Path, article_root: Path, noise_root: Path
) -> None:
    """Smoke runs of fit, export, experiments, report and ablate change no tracked file."""
    before = _changes(project)

    def done(*words: object, before: Callable[[Path], None] = os.chdir) -> None:
        result = train(*words, before=partial(before, project))
        assert result.returncode == 0, (words, result.stderr)

    done("fit", corpus_root, "--quick", "--members", 1)
    models = [path.name for path in (project / "runs" / "fit").glob("*.tflite")]
    assert models == [f"{corpus_root.name}-quick.tflite"]
    (final,) = (project / "runs").glob("*/final.keras")
    done("export", final.parent.relative_to(project))
    done("experiments", article_root, "--run", "reworked-men2", "--holdout", "17-20", "--quick")
    done("report", "runs/quick")
    words = ("ablate", corpus_root, "--noise", noise_root, "--protocol", "two", "--quick")
    done(*words, "--without", "smoothing", before=_with_two_folds)
    assert _changes(project) == before
    assert {path.name for path in (project / "runs").iterdir()} >= {
        "ablations.json",
        "experiments.md",
        "fit",
        "quick",
        "sounds.sqlite",
        "windows",
    }


def test_every_command_is_run_with_its_defaults() -> None:
    """A new command has to be added to the tests above."""
    source = Path(__file__).read_text("utf-8")
    for module in cli._COMMANDS:  # noqa: SLF001
        name = module.__name__.rpartition(".")[2]
        assert f'("{name}", ' in source, name


def test_a_path_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    """The first one that is free, for files and folders."""
    assert unused_path(tmp_path / "a.tflite") == tmp_path / "a.tflite"
    (tmp_path / "a.tflite").touch()
    (tmp_path / "a-2.tflite").touch()
    assert unused_path(tmp_path / "a.tflite") == tmp_path / "a-3.tflite"

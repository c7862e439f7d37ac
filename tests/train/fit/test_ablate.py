"""``python -m train ablate``: recipes without a component, as fit trains and evaluate scores them."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from trainings import have_two_folds, train

from train.evaluation.results import read_results
from train.evaluation.summary import read_variants

if TYPE_CHECKING:
    from subprocess import CompletedProcess


_SILENCE = r"train: .*silence.wav: holds silence alone\n"


class Ablation:
    """A smoke run of two folds, which may be resumed."""

    def __init__(self, corpus_root: Path, noise_root: Path, folder: Path) -> None:
        self.work, self.out = folder / "work", folder / "new" / "ablations.json"
        self._words = ["ablate", corpus_root, "--noise", noise_root, "--protocol", "two", "--quick"]
        self._words += ["--epochs", 1, "--work", self.work, "--out", self.out]

    def __call__(self, *more: object) -> "CompletedProcess[str]":
        """Run the command."""
        return train(*self._words, *more, before=have_two_folds)


@pytest.fixture(scope="module")
def ablation(corpus_root: Path, noise_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Ablation:
    """The recipe with all components and without smoothed labels."""
    ablation = Ablation(corpus_root, noise_root, tmp_path_factory.mktemp("ablate"))
    result = ablation("--without", "smoothing")
    assert result.returncode == 0
    assert re.fullmatch(_SILENCE, result.stderr)
    assert "without smoothing: two 2/2: trained" in result.stdout
    return ablation


def test_variants_are_measured_as_evaluate_measures_them(
    ablation: Ablation, corpus_root: Path, noise_root: Path, tmp_path: Path
) -> None:
    """Each is a run of fit, and evaluate finds in it what the command found."""
    variants = {each["name"]: each["runs"] for each in read_variants(ablation.out)}
    assert list(variants) == ["nothing", "smoothing"]
    found = {runs[0]["recipe"]: runs for runs in variants.values()}
    folders = [path.parent for path in ablation.work.glob("*/model-1.tflite")]
    assert len(folders) == len(found) == 2
    for folder in folders:
        out = tmp_path / folder.name
        result = train("evaluate", folder, corpus_root, "--noise", noise_root, "--out", out)
        assert result.returncode == 0
        (measured,) = read_results(out / "folds.json")["runs"]
        (run,) = found[measured["recipe"]]
        assert run.items() <= (measured | {"noise": run["noise"]}).items()
        assert run["noise"].items() <= measured["noise"].items()


def test_fit_would_train_the_same(
    ablation: Ablation, corpus_root: Path, noise_root: Path, tmp_path: Path
) -> None:
    """Told to leave component and teacher out, it finds all networks trained, noise and all."""
    words = ["fit", corpus_root, "--noise", noise_root, "--protocol", "two", "--folds-only", "--quick"]
    words += ["--epochs", 1, "--size", "tiny", "--without", "teacher", "--without", "smoothing"]
    words += ["--work", ablation.work]
    result = train(*words, "--out", tmp_path / "none.tflite", before=have_two_folds)
    assert (result.returncode, result.stderr) == (0, "")
    assert "2 of 2 networks were trained by an earlier run" in result.stdout
    assert ": trained" not in result.stdout


def test_what_is_known_is_not_trained_again(ablation: Ablation) -> None:
    """The same command changes nothing; another component is added, the recipe not trained twice."""
    before = ablation.out.read_bytes()
    again = ablation("--without", "smoothing")
    assert again.returncode == 0
    assert "trained" not in again.stdout
    assert again.stdout.count("already") == 2
    assert ablation.out.read_bytes() == before
    more = ablation("--without", "average")
    assert more.returncode == 0
    assert more.stdout.count(": trained") == 2
    names = [each["name"] for each in read_variants(ablation.out)]
    assert names == ["nothing", "smoothing", "average"]


def test_figures_of_another_recipe_are_refused_before_anything_is_trained(ablation: Ablation) -> None:
    """The file stays as it was, and the error says what to do."""
    before = ablation.out.read_bytes()
    result = ablation("--epochs", 2)
    assert result.returncode == 2
    assert "without nothing, and this one is" in result.stderr
    assert "name another file with --out" in result.stderr
    assert "trained" not in result.stdout
    assert ablation.out.read_bytes() == before


def test_a_file_of_something_else_is_refused(ablation: Ablation, tmp_path: Path) -> None:
    """What an earlier command wrote there is not written over."""
    path = tmp_path / "figures.json"
    path.write_text(json.dumps({"schema": 4, "runs": [1]}), "utf-8")
    result = ablation("--out", path)
    assert result.returncode == 2
    assert f"{path}: no variants of schema 4; expected what `ablate --out` wrote" in result.stderr
    assert json.loads(path.read_text("utf-8"))["runs"] == [1]


def test_measured_rooms_are_removed_only_where_there_are_some(ablation: Ablation) -> None:
    """Without --rooms a network without them is the recipe's own, and would be worth nothing."""
    result = ablation("--without", "measured-rooms")
    assert result.returncode == 2
    assert "--without measured-rooms needs --rooms FOLDER with measured rooms" in result.stderr

"""One command runs the article's row of experiments; a killed run ends as if it had not been killed."""

import csv
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from article_tree import write_tree, write_voice
from trainings import train

from train.article.learning import stop_reason
from train.article.loading import experiment_names
from train.article.run_folder import RunFolder
from train.cli import main
from train.data.clips import parse_actors
from train.model.checkpoint import CheckpointError, find_checkpoint, load_keras

REPOSITORY = Path(__file__).parents[3]
KEPT = {
    "settings.json",
    "history.csv",
    "curves.png",
    "confusion.png",
    "predictions.csv",
    "final.keras",
    "metrics.json",
}


def _figures(folder: Path) -> tuple[dict[str, Any], list[dict[str, str]], str]:
    """What two equal runs share: all but the time they took."""
    metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
    history = list(csv.DictReader((folder / "history.csv").read_text("utf-8").splitlines()))
    for row in (metrics, *history):
        for key in [key for key in row if key.startswith("seconds")]:
            del row[key]
    return metrics, history, (folder / "predictions.csv").read_text("utf-8")


@pytest.fixture(scope="module")
def quick_runs(article_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every experiment, in a smoke run."""
    out = tmp_path_factory.mktemp("quick") / "runs"
    arguments = ["--run", "all", "--quick", article_root, "--holdout", "17-20", "--out", out]
    done = train("experiments", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{len(experiment_names())} runs in {out}" in done.stdout
    return out


def test_the_own_network_can_be_exported_and_the_articles_cannot(quick_runs: Path) -> None:
    """What it takes for that lies in its file; those who were trained on count as no test actor."""
    kept = find_checkpoint(quick_runs / "own")
    assert kept.card.name == "serd-own"
    assert load_keras(kept).output_shape == (None, len(kept.card.outputs))
    assert kept.card.training["test_actors"] == "17-20"
    assert parse_actors(kept.card.training["actors"]).isdisjoint(parse_actors("17-20"))
    assert find_checkpoint(quick_runs / "own-leaky").card.training["test_actors"] == ""
    with pytest.raises(CheckpointError, match=r"without run\.json"):
        find_checkpoint(quick_runs / "baseline-men")


def test_each_experiment_leaves_a_whole_folder(quick_runs: Path) -> None:
    """The same files for all; what was shortened, leaky or tested in place of others is on record."""
    assert sorted(path.name for path in quick_runs.iterdir()) == sorted(experiment_names())
    for name in experiment_names():
        assert {path.name for path in (quick_runs / name).iterdir()} == KEPT
        metrics = RunFolder(path=quick_runs / name).metrics()
        assert metrics["shortened"] == ["smoke run"]
        assert metrics["epochs"] == 1
        is_leaky = metrics["split"]["is_leaky"]
        assert is_leaky == (name in {"baseline-leaky", "own-leaky"}), (
            "aug-noise-leaky is so in validation"
        )
        assert is_leaky or "in place of 21-24" in metrics["notes"][0]


def test_predictions_are_the_test_clips_with_a_probability_for_each_class(quick_runs: Path) -> None:
    """The likeliest class is the decision, and the accuracy follows from the rows."""
    path = quick_runs / "baseline-men" / "predictions.csv"
    rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
    labels = ["angry", "calm", "fearful", "happy", "sad"]
    assert list(rows[0]) == ["file", "actor", "truth", "prediction", *labels]
    assert {row["actor"] for row in rows} == {"17", "19"}
    for row in rows:
        scores = [float(row[label]) for label in labels]
        assert sum(scores) == pytest.approx(1.0, abs=1e-4)
        assert row["prediction"] == labels[scores.index(max(scores))]
    metrics = RunFolder(path=path.parent).metrics()
    right = sum(row["truth"] == row["prediction"] for row in rows)
    assert metrics["test"]["accuracy"] == pytest.approx(right / len(rows), abs=1e-4)
    assert metrics["test"]["n_clips"] == metrics["split"]["n_test"] == len(rows)


def test_augmentation_adds_copies_of_training_clips_alone(quick_runs: Path) -> None:
    """Twice the inputs from the same split; where few are copied, less than half as many again."""
    plain, doubled = (
        RunFolder(path=quick_runs / name).metrics() for name in ("reworked-men5", "aug-noise")
    )
    assert plain["n_inputs_learnt"] == plain["split"]["n_train"]
    assert doubled["n_inputs_learnt"] == 2 * plain["n_inputs_learnt"]
    assert doubled["split"] == plain["split"]
    smaller = RunFolder(path=quick_runs / "aug2-noise-shift-small").metrics()
    n_train = smaller["split"]["n_train"]
    assert n_train < smaller["n_inputs_learnt"] < 1.5 * n_train


def test_finished_runs_are_not_run_again(quick_runs: Path, article_root: Path) -> None:
    """They are counted as finished before, and their JSON files are not touched."""
    before = {path: path.stat().st_mtime_ns for path in quick_runs.rglob("*.json")}
    arguments = ["--run", "baseline-men", "own", "--quick", article_root, "--holdout", "17-20"]
    done = train("experiments", *arguments, "--out", quick_runs)
    assert "2 of 2 runs were finished before" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in quick_runs.rglob("*.json")} == before


def test_compare_shows_runs_in_one_table(quick_runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each run and a column for each figure; a folder of runs gives them all."""
    assert main(["compare", str(quick_runs / "own"), str(quick_runs / "recurrent")]) == 0
    lines = capsys.readouterr().out.splitlines()
    for column in ("UAR", "accuracy", "macro F1", "parameters", "size", "seconds", "epochs"):
        assert column in lines[0]
    assert [line.split()[0] for line in lines[1:3]] == ["own", "recurrent"]
    assert main(["compare", str(quick_runs)]) == 0
    assert len(capsys.readouterr().out.splitlines()) > len(experiment_names())


def test_the_report_holds_the_figures_of_the_runs_and_the_articles_claims(
    quick_runs: Path, tmp_path: Path
) -> None:
    """A row for each experiment, what the leak is worth to the own network, and what was shortened."""
    out = tmp_path / "docs" / "experiments.md"
    assert main(["report", str(quick_runs), "--out", str(out)]) == 0
    text = out.read_text("utf-8")
    assert "72 % (test)" in text
    assert "87.19 % (validation)" in text
    assert "holdout 17-20 in place of 21-24" in text
    own = RunFolder(path=quick_runs / "own").metrics()["test"]["uar"]
    leaky = RunFolder(path=quick_runs / "own-leaky").metrics()["test"]["uar"]
    (row,) = [line for line in text.splitlines() if line.startswith("| own | 8 |")]
    for cell in (f"| {leaky:.3f} [", f"| {own:.3f} [", f"] | {leaky - own:+.3f} |"):
        assert cell in row
    assert "smoke run" in text
    for name in experiment_names():
        assert f"| {name} |" in text


def test_a_page_of_smoke_runs_says_so_on_top_and_never_goes_into_docs(
    quick_runs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By default it goes below runs/; docs/ is refused, and nothing is written there."""
    monkeypatch.chdir(tmp_path)
    assert main(["report", str(quick_runs)]) == 0
    text = Path("runs/experiments.md").read_text("utf-8")
    assert "**Smoke runs" in text.partition("## ")[0]
    assert main(["report", str(quick_runs), "--out", "docs/experiments.md"]) == 2
    assert "is a smoke run" in capsys.readouterr().err
    assert not Path("docs").exists()


def test_an_experiment_that_cannot_run_does_not_stop_the_others(
    article_root: Path, tmp_path: Path
) -> None:
    """The others are finished, the end lists it with the reason, and the exit code is 1."""
    root = tmp_path / "root"
    shutil.copytree(article_root, root)
    for number in range(2, 21, 2):
        shutil.rmtree(root / f"Actor_{number:02d}")
    for path in (root / "Song").glob("*"):
        path.unlink()
    names = ["baseline-women", "baseline-men"]
    arguments = ["--run", *names, "--quick", root, "--holdout", "17,19", "--out", tmp_path / "runs"]
    done = train("experiments", *arguments)
    assert done.returncode == 1
    assert "train: baseline-women could not run: women: no clip of" in done.stderr
    assert RunFolder(path=tmp_path / "runs" / "baseline-men").is_finished
    assert not RunFolder(path=tmp_path / "runs" / "baseline-women").is_finished


def test_the_report_says_what_was_not_run(quick_runs: Path, tmp_path: Path) -> None:
    """The missing experiments are listed; a folder that is not there is an error."""
    shutil.copytree(quick_runs / "own", tmp_path / "runs" / "own")
    out = tmp_path / "experiments.md"
    assert main(["report", str(tmp_path / "runs"), "--out", str(out)]) == 0
    assert "Not run: baseline-holdout, " in out.read_text("utf-8")
    assert not out.with_suffix(".json").exists()  # smoke runs are not kept among those of other days
    assert main(["report", str(tmp_path / "nothing"), "--out", str(out)]) == 2


def kill_in_the_third_epoch() -> None:
    """Have this process killed when the first batch behind two whole epochs is done."""
    from train.article.learning import EpochBackup  # noqa: PLC0415

    def kill(self: EpochBackup, batch: int, logs: object = None) -> None:
        if self.n_done == 2 and batch == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    EpochBackup.on_train_batch_end = kill


def allow_a_megabyte() -> None:
    """Let this process write no file that is larger."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))


@pytest.mark.parametrize("base", ["reworked-men3", "baseline-leaky", "own"])
def test_a_killed_run_ends_with_the_figures_of_one_that_was_not(
    base: str, article_root: Path, tmp_path: Path
) -> None:
    """Killed in its third epoch, it does not start over; metrics, history and rows are equal."""
    settings = tmp_path / "mine.toml"
    settings.write_text(f'base = "{base}"\n')
    arguments = ["experiments", "--run", settings, article_root, "--holdout", "17-20", "--quick"]
    arguments += ["--epochs", "3", "--out"]
    killed = train(*arguments, tmp_path / "killed", before=kill_in_the_third_epoch)
    assert killed.returncode == -9
    folder = RunFolder(path=tmp_path / "killed" / "mine")
    assert not folder.is_finished
    assert (folder.state / "epoch.npz").is_file()
    resumed = train(*arguments, tmp_path / "killed")
    assert (resumed.returncode, resumed.stderr) == (0, "")
    assert "epoch 1/3" not in resumed.stdout
    whole = train(*arguments, tmp_path / "whole")
    assert (whole.returncode, whole.stderr) == (0, "")
    assert "epoch 1/3" in whole.stdout
    assert _figures(folder.path) == _figures(tmp_path / "whole" / "mine")
    assert not folder.state.exists()


@pytest.mark.parametrize("base", ["baseline-men", "reworked-men5"])
def test_a_full_disk_is_said_in_one_line_and_leaves_no_run(
    base: str, article_root: Path, tmp_path: Path
) -> None:
    """No half-written file; once there is room, the same command finishes."""
    arguments = ["experiments", "--run", base, article_root, "--holdout", "17-20", "--quick"]
    arguments += ["--out", tmp_path / "runs"]
    done = train(*arguments, before=allow_a_megabyte)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"train: {tmp_path / 'runs' / base}")
    assert line.endswith("cannot be written: File too large")
    folder = RunFolder(path=tmp_path / "runs" / base)
    assert not folder.is_finished
    assert list(tmp_path.rglob("*.part")) == []
    assert main(["compare", str(folder.path)]) == 2
    assert train(*arguments).returncode == 0
    assert folder.is_finished


def _without(root: Path, pattern: str) -> Path:
    for path in root.rglob(pattern):
        path.unlink()
    return root


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("nowhere", "no such folder"),
        ("empty", "no clip of RAVDESS in it"),
        ("other files", "no clip of RAVDESS in it"),
        ("no happy clip", "no clip of happy"),
        ("happy in the test alone", "no clip of happy to learn from"),
        ("no test actor", "no clip of actor 21-24"),
    ],
)
def test_what_cannot_be_trained_is_said_before_anything_slow(
    what: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, exit code 2, and nothing lies in the folder for runs."""
    root = tmp_path / "root"
    if what != "nowhere":
        root.mkdir()
    if what == "other files":
        (root / "notes.txt").write_text("no sound")
        (root / "song.wav").write_bytes(b"no sound")
    arguments = ["--holdout", "3,4"]
    if "happy" in what or "actor" in what:
        write_tree(root, n_actors=4)
    if what == "no happy clip":
        _without(root, "03-??-03-*.wav")
    if what == "happy in the test alone":
        _without(root, "03-??-03-*-01.wav")
    if what == "no test actor":
        arguments = []
    out = tmp_path / "runs"
    assert main(["experiments", "--run", "men", "--out", str(out), str(root)]) == 2, "no such name"
    capsys.readouterr()
    words = ["experiments", "--run", "baseline-men", str(root), "--out", str(out), *arguments]
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not list(out.rglob("*"))


def test_an_actor_with_one_clip_is_learnt_from_or_tested(tmp_path: Path) -> None:
    """One test clip is enough; the classes without one are noted."""
    root = write_tree(tmp_path / "root", n_actors=4)
    write_voice(root, "03-01-03-01-01-01-05")
    write_voice(root, "03-01-03-01-01-01-07")
    arguments = ["experiments", "--run", "baseline-men", root, "--quick", "--holdout", "4,5"]
    done = train(*arguments, "--out", tmp_path / "runs")
    assert (done.returncode, done.stderr) == (0, "")
    metrics = RunFolder(path=tmp_path / "runs" / "baseline-men").metrics()
    assert metrics["test"]["n_clips"] == 1
    assert "no test clip of angry, calm, fearful, sad" in metrics["notes"]


def test_a_folder_with_another_run_is_not_overwritten(
    quick_runs: Path, article_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message names the option that does so, and the run stays finished."""
    shutil.copytree(quick_runs / "baseline-men", tmp_path / "baseline-men")
    words = ["experiments", "--run", "baseline-men", str(article_root), "--out", str(tmp_path)]
    assert main([*words, "--holdout", "17-20"]) == 2
    assert "--again" in capsys.readouterr().err
    assert RunFolder(path=tmp_path / "baseline-men").is_finished


def test_learning_ends_when_the_validation_loss_no_longer_improves() -> None:
    """For as many epochs as the patience; with a patience of 0, learning goes on to the last epoch."""
    history = [{"val_loss": loss, "val_accuracy": loss} for loss in (1.1, 1.0, 1.2, 1.3)]
    assert stop_reason(history[:3], epochs=9, patience=2) == ""
    assert "for 2 epochs" in stop_reason(history, epochs=9, patience=2)
    assert stop_reason(history, epochs=9, patience=0) == ""
    assert "last epoch" in stop_reason(history, epochs=4, patience=0)


def test_listing_needs_no_tensorflow_and_no_folder() -> None:
    """Every experiment is shown with what the article claims, and nothing slow is imported."""
    code = (
        "import sys; from train.cli import main; main(['experiments']);"
        "sys.exit(bool({'tensorflow', 'matplotlib', 'distributed'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert all(name in done.stdout for name in experiment_names())
    assert "87.19 %" in done.stdout

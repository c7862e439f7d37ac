"""The page of the experiments tells what the records hold, and its file keeps what was run."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from run_records import LABELS, record

from serd.errors import InputError
from train.article.records import store_records, stored_records
from train.article.run_folder import HISTORY, SETTINGS, RunFolder, write_csv
from train.cli import main
from train.data.files import write_json
from train.evaluation.bootstrap import chance_interval, clip_interval
from train.evaluation.metrics import score
from train.report.experiments_page import experiments_page
from train.report.experiments_pictures import learning_curves, shown_experiments
from train.report.run_record import N_POINTS, sampled


def test_the_leak_is_the_difference_of_two_runs_that_differ_in_the_split_alone() -> None:
    """Both have an interval over the clips."""
    runs = {
        "a-leaky": record("a-leaky", n_right=18, split={"is_leaky": True}),
        "a": record("a", n_right=12),
    }
    page = experiments_page(runs, list(runs))
    (row,) = [line for line in page.splitlines() if line.startswith("| reworked | 2 |")]
    assert "| 0.900 [" in row
    assert "| 0.600 [" in row
    assert "+0.300" in row


def test_augmentation_is_judged_on_validation_clips_and_on_unseen_actors() -> None:
    """Each against its base, and the sentence counts what they gain."""
    runs = {
        "plain": record("plain", n_right=12),
        "louder": record(
            "louder",
            n_right=10,
            base="plain",
            validation=0.8,
            augment={"variations": ["dynamic"], "clips": "all"},
        ),
        "noisy": record(
            "noisy",
            n_right=13,
            base="plain",
            validation=0.7,
            augment={"variations": ["noise"], "clips": "all"},
        ),
    }
    page = experiments_page(runs, list(runs))
    assert "Of 2 ways to augment the training clips, 2 raise the highest accuracy on validation" in page
    assert "and 1 raise the accuracy on actors that were held out" in page.replace("\n", " ")
    assert "| louder | plain | 80.0 % | +30.0 | 50.0 % | -10.0 | about louder |" in page


def test_the_end_of_each_run_and_what_was_not_run_are_told() -> None:
    """With the reason that training stopped."""
    runs = {"a": record("a", n_right=12)}
    page = experiments_page(runs, ["a", "b", "c"])
    assert "- a: 300 epochs of 0.2 s: no better validation loss for 100 epochs." in page
    assert "- Not run: b, c." in page
    hour = record("b", n_right=12, seconds=3540.0)
    assert "All runs together took 1.0 hours" in experiments_page(
        {"a": runs["a"], "b": hour}, ["a", "b"]
    )


def test_records_survive_their_file(tmp_path: Path) -> None:
    """A line for each run; what is no such file is refused."""
    path = tmp_path / "experiments.json"
    runs = {"b": record("b", n_right=3), "a": record("a", n_right=9)}
    store_records(path, runs)
    assert stored_records(path) == runs
    assert len(path.read_text("utf-8").splitlines()) == 4
    for text in ("{}", '{"experiments": {"a": {}}}', '{"experiments": {"a": 3}}', "[]"):
        path.write_text(text, "utf-8")
        with pytest.raises(InputError):
            stored_records(path)


def test_runs_of_another_day_stay_on_the_page(tmp_path: Path) -> None:
    """A folder adds its runs to those in the file beside the page."""
    out = tmp_path / "docs" / "experiments.md"
    before, now = record("baseline-men", n_right=3), record("recurrent", n_right=9)
    store_records(out.with_suffix(".json"), {"baseline-men": before})
    folder = RunFolder(path=tmp_path / "runs" / "recurrent")
    write_json(folder.path / SETTINGS, now.settings)
    write_csv(folder.path / HISTORY, [{"epoch": 1.0, "loss": 1.5}])
    folder.finish(now.metrics)
    assert main(["report", str(folder.path.parent), "--out", str(out)]) == 0
    assert "| baseline-men | 17,19 |" in out.read_text("utf-8")
    assert "| recurrent | 17,19 |" in out.read_text("utf-8")
    records = out.with_suffix(".json")
    assert stored_records(records)["recurrent"].curves == {"epoch": [1], "loss": [1.5]}
    again = tmp_path / "again.md"
    assert main(["report", str(records), "--out", str(again)]) == 0
    assert again.read_text("utf-8") == out.read_text("utf-8")


def test_a_long_history_is_sampled_and_ends_with_its_last_epoch() -> None:
    """An infinite loss is None, since JSON has none."""
    history = [{"epoch": float(e), "loss": np.inf if e < 9 else 1.23456} for e in range(1, 701)]
    curves = sampled(history)
    assert len(curves["epoch"]) == N_POINTS
    assert (curves["epoch"][0], curves["epoch"][-1]) == (7, 700)
    assert curves["loss"][:2] == [None, 1.2346]
    assert sampled(history[:1])["epoch"] == [1]


def test_the_interval_is_that_of_resampled_clips() -> None:
    """It agrees with one that draws the clips themselves."""
    rng = np.random.default_rng(3)
    truth, decisions = rng.integers(0, 2, 150), rng.integers(0, 2, 150)
    interval = clip_interval(score(truth.tolist(), decisions.tolist(), LABELS).confusion, seed=1)
    drawn = []
    for _ in range(2000):
        chosen = rng.integers(0, 150, 150)
        drawn.append(score(truth[chosen].tolist(), decisions[chosen].tolist(), LABELS).uar)
    low, high = np.quantile(drawn, (0.025, 0.975))
    assert interval.low == pytest.approx(low, abs=0.01)
    assert interval.high == pytest.approx(high, abs=0.01)


def test_chance_is_what_the_same_decisions_give_with_other_names() -> None:
    """Decided alike, two classes are both right or both wrong; without any pattern it is narrow."""
    alike = chance_interval(np.array([[20, 0, 0], [0, 20, 0]]), seed=0)
    assert (alike.low, alike.high) == (0.0, 1.0)
    even = chance_interval(np.array([[10, 10, 0], [11, 9, 0]]), seed=0)
    assert even.low == pytest.approx(0.475)
    assert even.high == pytest.approx(0.525)


def test_a_run_on_shuffled_labels_is_compared_with_chance() -> None:
    """The page says whether its UAR is one that knows nothing."""
    run = record("own-shuffle", n_right=6, data={"shuffle_labels": True})
    run = replace(run, metrics={**run.metrics, "network": "own"})
    page = experiments_page({"own-shuffle": run}, ["own-shuffle"])
    assert "95 % of the UARs are from 0.300 to 0.700; its 0.300 is within them." in " ".join(
        page.split()
    )


def test_the_picture_has_the_runs_that_are_there(tmp_path: Path) -> None:
    """Nothing is drawn of others."""
    runs = {"aug-noise": record("aug-noise", n_right=9), "other": record("other", n_right=9)}
    assert shown_experiments(runs) == ["aug-noise"]
    path = learning_curves(runs, tmp_path / "curves.png")
    assert path.read_bytes().startswith(b"\x89PNG")

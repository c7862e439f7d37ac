"""Metrics of a recipe over its seeds: means with deviations, and counts of all runs together."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, recall_score

from serd.model.labels import EMOTIONS
from train.data.clips import CorpusError
from train.evaluation.calibration import calibrate
from train.evaluation.results import SCHEMA, UNTAUGHT_RECIPE, Facts, recipe_digest, recipe_facts
from train.evaluation.summary import merge_variant_files, seed_differences, summarize, variant_summary
from train.report.research_log import CONDITION_TITLES, ablation_tables

_N_CLIPS = 400
_MISSED = len(EMOTIONS)


class _Run:
    """Made decisions of one seed, and the metrics of them."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.truth = np.arange(_N_CLIPS) % len(EMOTIONS)
        guess = rng.integers(0, _MISSED + 1, _N_CLIPS)
        self.decision = np.where(rng.random(_N_CLIPS) < 0.6, self.truth, guess)
        heard = self.decision != _MISSED
        self.confidence = np.where(heard, rng.uniform(0.05, 0.9, _N_CLIPS), 0.0)
        self.heard, self.right = heard, self.decision == self.truth
        self.uar = recall_score(self.truth, self.decision, labels=range(_MISSED), average="macro")
        self.seed = seed

    def figures(self) -> Facts:
        """As ``run_metrics`` gives them."""
        bins = calibrated(self.confidence[self.heard], self.right[self.heard])
        counts = confusion_matrix(self.truth, self.decision, labels=range(_MISSED + 1))[:-1]
        return {
            "seed": self.seed,
            "recipe": "0123456789abcdef",
            "precision": "int8",
            "parameters": 1000,
            "epochs": 60,
            "n_bytes": 1000 + self.seed,
            "folds": {"1-4": self.uar + 0.1, "5-8": self.uar - 0.1},
            "uar": {"clean": self.uar},
            "confusion": counts.tolist(),
            "ece": 0.01 * self.seed,
            "bins": bins,
            "temperatures": [1.0, 1.0 + self.seed / 10],
            "risk_coverage": [
                {
                    "threshold": threshold,
                    "n_named": int((self.confidence >= threshold).sum()),
                    "n_right": int(self.right[self.confidence >= threshold].sum()),
                }
                for threshold in (0.0, 0.5, 0.95)
            ],
            "noise": {"n": 40, "n_accepted": self.seed, "accepted": []},
        }


def calibrated(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> list[Facts]:
    """Bins of confidence."""
    calibration = calibrate(confidence, right)
    assert calibration is not None
    return [
        {"low": each.low, "confidence": each.confidence, "accuracy": each.accuracy, "n": each.n}
        for each in calibration.bins
    ]


def test_means_are_over_seeds_and_counts_over_all_clips() -> None:
    """UAR is one value a seed; recalls, missed clips and thresholds count each clip of each run."""
    runs = [_Run(1), _Run(2), _Run(4)]
    summary = summarize([run.figures() for run in runs])
    uars = [run.uar for run in runs]
    assert summary["uar"]["clean"] == pytest.approx({"mean": np.mean(uars), "std": np.std(uars, ddof=1)})
    assert summary["folds"]["1-4"]["mean"] == pytest.approx(np.mean(uars) + 0.1)
    truth, decision, confidence = (
        np.concatenate([getattr(run, name) for run in runs])
        for name in ("truth", "decision", "confidence")
    )
    recalls = recall_score(truth, decision, labels=range(_MISSED), average=None)
    assert list(summary["recalls"].values()) == pytest.approx(recalls.tolist())
    assert summary["missed"]["n"] == (decision == _MISSED).sum()
    assert summary["missed"]["share"] == pytest.approx(np.mean(decision == _MISSED))
    assert summary["missed"]["by_emotion"]["calm"] == pytest.approx(
        np.mean(decision[truth == EMOTIONS.index("calm")] == _MISSED)
    )
    assert summary["noise"] == {"n": 120, "n_accepted": 7}
    assert (summary["n_bytes"], summary["seeds"]) == (1004, [1, 2, 4])
    every, half = summary["risk_coverage"]
    assert every["coverage"] == 1.0, "what no clip reaches is no row"
    assert half["coverage"] == pytest.approx(np.mean(confidence >= 0.5))
    assert half["accuracy"] == pytest.approx(np.mean((decision == truth)[confidence >= 0.5]))


def test_bins_of_several_seeds_are_those_of_all_their_clips() -> None:
    """Sizes, confidences and accuracies are what one calibration of all clips gives."""
    runs = [_Run(1), _Run(2)]
    heard = np.concatenate([run.heard for run in runs])
    together = calibrated(
        np.concatenate([run.confidence for run in runs])[heard],
        np.concatenate([run.right for run in runs])[heard],
    )
    found = summarize([run.figures() for run in runs])["bins"]
    for name in ("n", "confidence", "accuracy"):
        assert [each[name] for each in found] == pytest.approx([each[name] for each in together])


def test_a_single_seed_has_no_deviation() -> None:
    """It is None, not 0, which would say that seeds agree."""
    assert summarize([_Run(3).figures()])["uar"]["clean"]["std"] is None


def test_a_recipe_that_learns_from_fewer_actors_is_the_same_recipe() -> None:
    """Its digest leaves the number of actors out; another number of copies is another recipe."""
    recipe = {"precision": "int8", "n_actors": 0, "sound": {"copies": 16}}
    assert recipe_digest(recipe) == recipe_digest({**recipe, "n_actors": 12})
    assert recipe_digest(recipe) != recipe_digest({**recipe, "sound": {"copies": 6}})


def test_what_comes_after_training_and_the_teacher_have_no_part_in_the_untaught_recipe() -> None:
    """Everything else has."""
    recipe = {"precision": "int8", "teacher": None, "naming": {"max_share": 0.04}}
    taught = recipe | {"teacher": recipe, "naming": {"max_share": 0.03}}
    own, other = recipe_facts(recipe), recipe_facts(taught)
    assert own["recipe"] != other["recipe"]
    assert own[UNTAUGHT_RECIPE] == other[UNTAUGHT_RECIPE]
    assert recipe_facts(recipe | {"precision": "float32"})[UNTAUGHT_RECIPE] != own[UNTAUGHT_RECIPE]


def _run(path: Path, *, seed: int = 0, uar: float = 0.5, n_accepted: int = 1, **changes: Any) -> Path:  # noqa: ANN401
    """Metrics of one run, as ``evaluate`` writes them, under two conditions."""
    body = {
        "seed": seed,
        "recipe": "0123456789abcdef",
        "parameters": 1000,
        "epochs": 60,
        "folds": {"1-4": uar, "5-8": uar},
        "uar": {"clean": uar, "telephone": uar / 2},
        "noise": {"n": 40, "n_accepted": n_accepted},
    }
    path.write_text(json.dumps({"schema": SCHEMA, "runs": [body | changes]}), "utf-8")
    return path


def test_seeds_of_a_variant_make_a_mean_and_a_deviation(tmp_path: Path) -> None:
    """UAR is averaged for each condition; recordings without speech are added up."""
    first = _run(tmp_path / "0.json", seed=0, uar=0.4, n_accepted=1)
    second = _run(tmp_path / "1.json", seed=1, uar=0.6, n_accepted=2)
    (variant,) = merge_variant_files([("rooms", second), ("rooms", first)])
    figures = variant_summary(variant)
    assert figures["uar"]["clean"] == pytest.approx({"mean": 0.5, "std": 0.1414}, abs=1e-4)
    assert figures["uar"]["telephone"]["mean"] == 0.25
    assert (figures["name"], figures["seeds"], figures["parameters"]) == ("rooms", [0, 1], 1000)
    assert (figures["n"], figures["n_accepted"]) == (80, 3)


def test_seeds_measured_later_join_those_that_are_known(tmp_path: Path) -> None:
    """The same seed measured again takes the place of what it gave before."""
    runs = [_run(tmp_path / f"{seed}.json", seed=seed, uar=0.1 * seed) for seed in (1, 2, 3)]
    known = json.loads(json.dumps(merge_variant_files([("nothing", runs[0]), ("rooms", runs[0])])))
    anew = _run(tmp_path / "anew.json", seed=1, uar=0.9)
    variants = merge_variant_files([("rooms", runs[2]), ("rooms", anew), ("lines", runs[1])], known)
    assert [each["name"] for each in variants] == ["nothing", "rooms", "lines"]
    found = [[(run["seed"], run["uar"]["clean"]) for run in each["runs"]] for each in variants]
    assert found == [[(1, 0.1)], [(1, 0.9), (3, pytest.approx(0.3))], [(2, 0.2)]]
    assert known[1]["runs"][0]["uar"]["clean"] == 0.1, "what was known stays as it was"


def test_variants_that_cannot_be_compared_are_refused(tmp_path: Path) -> None:
    """Other folds or another size are no ablation, and a name has one recipe."""
    one = _run(tmp_path / "one.json")
    folds = _run(tmp_path / "folds.json", folds={"1-4": 0.5})
    with pytest.raises(CorpusError, match="its folds are 1-4; those of the first are 1-4, 5-8"):
        merge_variant_files([("nothing", one), ("rooms", folds)])
    large = _run(tmp_path / "large.json", parameters=200_000)
    with pytest.raises(CorpusError, match="its networks have 200,000 parameters"):
        merge_variant_files([("rooms", large)], merge_variant_files([("nothing", one)]))
    short = _run(tmp_path / "short.json", epochs=30)
    with pytest.raises(CorpusError, match="learnt for 30 epochs, those of the first 1,000 and 60"):
        merge_variant_files([("nothing", one), ("rooms", short)])
    other = _run(tmp_path / "other.json", seed=1, recipe="fedcba9876543210")
    with pytest.raises(CorpusError, match="of recipe fedcba9876543210; the metrics that it is added to"):
        merge_variant_files([("rooms", one), ("rooms", other)])
    assert len(merge_variant_files([("rooms", one), ("lines", other)])) == 2, (
        "each name has a recipe of its own"
    )


def test_an_ablation_is_measured_by_the_difference_of_each_seed(tmp_path: Path) -> None:
    """A seed of only one of both is left out."""
    base = [_run(tmp_path / f"b{seed}.json", seed=seed, uar=0.5 + seed / 10) for seed in (0, 1, 2)]
    less = [_run(tmp_path / f"l{seed}.json", seed=seed, uar=0.45 + seed / 5) for seed in (1, 2, 3)]
    named = [("nothing", path) for path in base] + [("rooms", path) for path in less]
    nothing, rooms = merge_variant_files(named)
    difference = seed_differences(rooms, nothing)
    assert difference["seeds"] == [1, 2]
    assert difference["uar"]["clean"] == pytest.approx(
        {"mean": 0.1, "std": np.std([0.05, 0.15], ddof=1)}
    )
    alone = {"name": "rooms", "runs": rooms["runs"][2:]}
    with pytest.raises(CorpusError, match="'rooms' was measured with seeds 3, 'nothing' with 0, 1, 2"):
        seed_differences(alone, nothing)


def test_ablations_are_listed_by_the_uar_that_they_cost(tmp_path: Path) -> None:
    """What costs most UAR to lose comes first; without the whole recipe's metrics there is no table."""
    uars = {"nothing": 0.6, "warp": 0.61, "muon": 0.5, "rooms": 0.55}
    named = [(name, _run(tmp_path / f"{name}.json", uar=uar)) for name, uar in uars.items()]
    passes = dict.fromkeys(CONDITION_TITLES, 0.5)
    variants = [
        {**each, "runs": [run | {"uar": passes | run["uar"]} for run in each["runs"]]}
        for each in merge_variant_files(named)
    ]
    text = "\n".join(ablation_tables(variants))
    order = [text.index(f"| {row} |") for row in ("nothing | 0.600", "muon | -10.0", "rooms | -5.0")]
    assert order == sorted(order)
    assert text.index("| rooms |") < text.index("| warp | +1.0 |")
    with pytest.raises(CorpusError, match="the same ablate command without --without"):
        ablation_tables(variants[1:])

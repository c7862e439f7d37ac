"""Figures of a recipe over its seeds: means with deviations, and counts of all runs together."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, recall_score

from serd.model.labels import EMOTIONS
from train.assess.figures import Facts, recipe_digest
from train.assess.summary import summarise
from train.evaluation.calibration import calibrate

_N_CLIPS = 400
_UNHEARD = len(EMOTIONS)


class _Run:
    """Made decisions of one seed, and the figures of them."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.truth = np.arange(_N_CLIPS) % len(EMOTIONS)
        guess = rng.integers(0, _UNHEARD + 1, _N_CLIPS)
        self.decision = np.where(rng.random(_N_CLIPS) < 0.6, self.truth, guess)
        heard = self.decision != _UNHEARD
        self.confidence = np.where(heard, rng.uniform(0.05, 0.9, _N_CLIPS), 0.0)
        self.heard, self.right = heard, self.decision == self.truth
        self.uar = recall_score(self.truth, self.decision, labels=range(_UNHEARD), average="macro")
        self.seed = seed

    def figures(self) -> Facts:
        """As ``run_figures`` gives them."""
        bins = calibrated(self.confidence[self.heard], self.right[self.heard])
        counts = confusion_matrix(self.truth, self.decision, labels=range(_UNHEARD + 1))[:-1]
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
            "noise": {"n": 40, "n_named": self.seed, "named": []},
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
    """UAR is one value a seed; recalls, unheard clips and thresholds count each clip of each run."""
    runs = [_Run(1), _Run(2), _Run(4)]
    summary = summarise([run.figures() for run in runs])
    uars = [run.uar for run in runs]
    assert summary["uar"]["clean"] == pytest.approx({"mean": np.mean(uars), "std": np.std(uars, ddof=1)})
    assert summary["folds"]["1-4"]["mean"] == pytest.approx(np.mean(uars) + 0.1)
    truth, decision, confidence = (
        np.concatenate([getattr(run, name) for run in runs])
        for name in ("truth", "decision", "confidence")
    )
    recalls = recall_score(truth, decision, labels=range(_UNHEARD), average=None)
    assert list(summary["recalls"].values()) == pytest.approx(recalls.tolist())
    assert summary["unheard"]["n"] == (decision == _UNHEARD).sum()
    assert summary["unheard"]["share"] == pytest.approx(np.mean(decision == _UNHEARD))
    assert summary["unheard"]["by_emotion"]["calm"] == pytest.approx(
        np.mean(decision[truth == EMOTIONS.index("calm")] == _UNHEARD)
    )
    assert summary["noise"] == {"n": 120, "n_named": 7}
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
    found = summarise([run.figures() for run in runs])["bins"]
    for name in ("n", "confidence", "accuracy"):
        assert [each[name] for each in found] == pytest.approx([each[name] for each in together])


def test_a_single_seed_has_no_deviation() -> None:
    """It is None, not 0, which would say that seeds agree."""
    assert summarise([_Run(3).figures()])["uar"]["clean"]["std"] is None


def test_a_recipe_that_learns_from_fewer_actors_is_the_same_recipe() -> None:
    """Its digest leaves the number of actors out; another number of copies is another recipe."""
    recipe = {"precision": "int8", "n_actors": 0, "sound": {"copies": 16}}
    assert recipe_digest(recipe) == recipe_digest({**recipe, "n_actors": 12})
    assert recipe_digest(recipe) != recipe_digest({**recipe, "sound": {"copies": 6}})

"""Metrics of one run over its folds."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from train.data.clips import CorpusError, format_actors
from train.evaluation.calibration import calibrate
from train.evaluation.folds import FoldResult
from train.evaluation.metrics import Scores
from train.evaluation.predictions import Prediction
from train.evaluation.results import Facts, recipe_facts

_THRESHOLDS: Final = np.linspace(0.0, 0.95, 20)


def run_metrics(folds: Sequence[FoldResult]) -> Facts:
    """Metrics of one run, of which ``summarize`` makes those of a recipe.

    Args:
        folds: all folds, trained with one seed.

    Returns:
        A JSON object: "seed", the digests of ``recipe_facts``, "precision", "parameters", "epochs",
        "n_bytes" (of the largest file); "folds", the UAR of each, and "uar", their mean in each pass;
        "confusion", clips by emotion and decision, the last column for missed clips; "ece" and "bins"
        of confidence; "risk_coverage", clips that reach each threshold; "temperatures"; "noise",
        recordings without speech and those "accepted": the false accepts.

    Raises:
        CorpusError: no speech clip leads to an event.
    """
    card = folds[0].card
    passes = _passes(folds[0])
    everything = [each for fold in folds for each in fold.predictions.clean]
    accepted = [name for fold in folds for name in fold.false_accepts]
    return {
        "seed": card.training["seed"],
        **recipe_facts(card.training["recipe"]),
        "precision": card.training["recipe"]["precision"],
        "parameters": card.training["parameters"],
        "epochs": card.training["recipe"]["learn"]["epochs"],
        "n_bytes": max(fold.n_bytes for fold in folds),
        "folds": {format_actors(fold.test): round(passes["clean"](fold).uar, 6) for fold in folds},
        "uar": {
            name: round(float(np.mean([scores(fold).uar for fold in folds])), 6)
            for name, scores in passes.items()
        },
        "confusion": np.sum([passes["clean"](fold).confusion for fold in folds], axis=0).tolist(),
        **_calibration(everything),
        "temperatures": [fold.card.training.get("temperature") for fold in folds],
        "risk_coverage": _risk_coverage(everything),
        "noise": {
            "n": sum(fold.n_noises for fold in folds),
            "n_accepted": len(accepted),
            "accepted": sorted(set(accepted)),
        },
    }


def _passes(fold: FoldResult) -> Mapping[str, Callable[[FoldResult], Scores]]:
    """Functions from a fold to the scores of each condition."""

    def noisy(snr_db: float) -> Callable[[FoldResult], Scores]:
        return lambda fold: fold.scores(fold.predictions.noisy[snr_db])

    def changed(name: str) -> Callable[[FoldResult], Scores]:
        return lambda fold: fold.scores(fold.predictions.changed[name])

    return {
        "clean": lambda fold: fold.scores(fold.predictions.clean),
        "float32": lambda fold: fold.in_float,
        "joined clips": lambda fold: fold.joined,
        "speaker adaptation": lambda fold: fold.adapted,
        **{f"{snr_db:g} dB noise": noisy(snr_db) for snr_db in fold.predictions.noisy},
        **{name: changed(name) for name in fold.predictions.changed},
    }


def _calibration(everything: Sequence[Prediction]) -> Facts:
    """Calibration over all folds together."""
    heard = [each for each in everything if each.probabilities is not None]
    calibration = calibrate(
        [each.confidence for each in heard], [each.decision == each.truth for each in heard]
    )
    if calibration is None:
        raise CorpusError(
            f"none of {len(everything)} clips of speech leads to an event, so there is nothing to"
            " measure; train for longer, or raise the recipe's threshold for no speech"
        )
    return {
        "ece": round(calibration.ece, 6),
        "bins": [
            {
                "low": round(each.low, 4),
                "confidence": round(each.confidence, 4),
                "accuracy": round(each.accuracy, 4),
                "n": each.n,
            }
            for each in calibration.bins
        ],
    }


def _risk_coverage(everything: Sequence[Prediction]) -> list[Facts]:
    """Number of decisions that reach each threshold, and of correct ones among them."""
    confidence = np.array([each.confidence for each in everything])
    right = np.array([each.decision == each.truth for each in everything])
    return [
        {
            "threshold": round(float(threshold), 2),
            "n_named": int((confidence >= threshold).sum()),
            "n_right": int(right[confidence >= threshold].sum()),
        }
        for threshold in _THRESHOLDS
    ]

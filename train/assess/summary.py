"""Figures over folds and seeds."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from serd.labels import EMOTIONS
from train.actors import format_actors
from train.assess.figures import SCHEMA, Facts, spread
from train.assess.folds import FoldResult
from train.evaluation.calibration import calibrate
from train.evaluation.predictions import Prediction
from train.scores import Scores

_THRESHOLDS: Final = np.linspace(0.0, 0.95, 20)


def summarise(runs: Sequence[Sequence[FoldResult]]) -> Facts:
    """Figures of a recipe.

    Args:
        runs: the folds of one or more runs, which differ in their seed.

    Returns:
        What ``json.dumps`` takes. A mean is over folds, then over runs; its "std" is over runs, with
        n - 1, and None for a single one.
    """
    card = runs[0][0].card
    passes = _passes(runs[0][0])
    everything = [each for run in runs for fold in run for each in fold.predictions.clean]
    return {
        "schema": SCHEMA,
        "n_runs": len(runs),
        "seeds": [run[0].card.training.get("seed") for run in runs],
        "precision": card.training["recipe"]["precision"],
        "parameters": card.training.get("parameters"),
        "n_bytes": max(fold.n_bytes for run in runs for fold in run),
        "uar": {name: _uar(runs, scores) for name, scores in passes.items()},
        "folds": {
            format_actors(fold.test): spread([passes["clean"](run[number]).uar for run in runs])
            for number, fold in enumerate(runs[0])
        },
        "recalls": _recalls(runs),
        "confusion": _confusion(runs),
        "calibration": _calibration(runs, everything),
        "risk_coverage": _risk_coverage(everything),
        "unheard": _unheard(everything),
        "noise": {
            "n": sum(fold.n_noises for run in runs for fold in run),
            "n_named": sum(len(fold.noises_named) for run in runs for fold in run),
            "named": sorted({each for run in runs for fold in run for each in fold.noises_named}),
        },
    }


def _passes(fold: FoldResult) -> Mapping[str, Callable[[FoldResult], Scores]]:
    """What is counted of each fold, by name."""

    def noisy(snr_db: float) -> Callable[[FoldResult], Scores]:
        return lambda fold: fold.scores(fold.predictions.noisy[snr_db])

    def changed(name: str) -> Callable[[FoldResult], Scores]:
        return lambda fold: fold.scores(fold.predictions.changed[name])

    return {
        "clean": lambda fold: fold.scores(fold.predictions.clean),
        "float32": lambda fold: fold.in_float,
        "joined clips": lambda fold: fold.joined,
        "used to the voice": lambda fold: fold.adapted,
        **{f"{snr_db:g} dB noise": noisy(snr_db) for snr_db in fold.predictions.noisy},
        **{name: changed(name) for name in fold.predictions.changed},
    }


def _uar(runs: Sequence[Sequence[FoldResult]], scores: Callable[[FoldResult], Scores]) -> Facts:
    return spread([float(np.mean([scores(fold).uar for fold in run])) for run in runs])


def _confusion(runs: Sequence[Sequence[FoldResult]]) -> Facts:
    counts = np.sum(
        [fold.scores(fold.predictions.clean).confusion for run in runs for fold in run], axis=0
    )
    return {"rows": list(EMOTIONS), "columns": [*EMOTIONS, "unheard"], "counts": counts.tolist()}


def _recalls(runs: Sequence[Sequence[FoldResult]]) -> Mapping[str, float]:
    counts = np.array(_confusion(runs)["counts"])
    return {
        emotion: round(float(counts[index, index] / counts[index].sum()), 4)
        for index, emotion in enumerate(EMOTIONS)
    }


def _calibration(runs: Sequence[Sequence[FoldResult]], everything: Sequence[Prediction]) -> Facts:
    """Over all folds of a run together; the bins over all runs."""

    def calibrated(predictions: Sequence[Prediction]) -> Any:  # noqa: ANN401
        heard = [each for each in predictions if each.probabilities is not None]
        return calibrate(
            [each.confidence for each in heard], [each.decision == each.truth for each in heard]
        )

    eces = [calibrated([each for fold in run for each in fold.predictions.clean]).ece for run in runs]
    return {
        "ece": spread(eces),
        "temperatures": [fold.card.training.get("temperature") for run in runs for fold in run],
        "bins": [
            {"confidence": round(each.confidence, 4), "accuracy": round(each.accuracy, 4), "n": each.n}
            for each in calibrated(everything).bins
        ],
    }


def _risk_coverage(everything: Sequence[Prediction]) -> list[Facts]:
    """What is left, and how much of it is right, if decisions below a confidence are "uncertain"."""
    confidence = np.array([each.confidence for each in everything])
    right = np.array([each.decision == each.truth for each in everything])
    rows = []
    for threshold in _THRESHOLDS:
        kept = confidence >= threshold
        if kept.any():
            rows.append(
                {
                    "threshold": round(float(threshold), 2),
                    "coverage": round(float(kept.mean()), 4),
                    "accuracy": round(float(right[kept].mean()), 4),
                }
            )
    return rows


def _unheard(everything: Sequence[Prediction]) -> Facts:
    """Speech that leads to no event, of all and of each emotion."""
    unheard = np.array([each.probabilities is None for each in everything])
    truth = np.array([each.truth for each in everything])
    return {
        "share": round(float(unheard.mean()), 4),
        "n": int(unheard.sum()),
        "by_emotion": {
            emotion: round(float(unheard[truth == index].mean()), 4)
            for index, emotion in enumerate(EMOTIONS)
        },
    }

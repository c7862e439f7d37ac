"""Figures of a recipe over its seeds."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from serd.model.labels import EMOTIONS
from train.assess.figures import Facts

Run = Mapping[str, Any]
"""As ``run_figures`` gives it."""


def summarise(runs: Sequence[Run]) -> Facts:
    """Figures of a recipe.

    Args:
        runs: one or more, which differ in their seed.

    Returns:
        What a page shows. A mean is over folds, then over runs; its "std" is over runs, with n - 1, and
        None for a single one. Counts are over all runs.
    """
    counts = np.sum([run["confusion"] for run in runs], axis=0)
    noises = [run["noise"] for run in runs]
    return {
        **spreads(runs),
        "precision": runs[0]["precision"],
        "n_bytes": max(run["n_bytes"] for run in runs),
        "folds": {name: spread([run["folds"][name] for run in runs]) for name in runs[0]["folds"]},
        "recalls": dict(zip(EMOTIONS, np.diag(counts) / counts.sum(axis=1), strict=True)),
        "confusion": counts.tolist(),
        "ece": spread([run["ece"] for run in runs]),
        "temperatures": [each for run in runs for each in run["temperatures"]],
        "bins": _bins(runs),
        "risk_coverage": _risk_coverage(runs, int(counts.sum())),
        "unheard": {
            "share": counts[:, -1].sum() / counts.sum(),
            "n": int(counts[:, -1].sum()),
            "by_emotion": dict(zip(EMOTIONS, counts[:, -1] / counts.sum(axis=1), strict=True)),
        },
        "noise": {name: sum(each[name] for each in noises) for name in ("n", "n_named")},
    }


def spreads(runs: Sequence[Run]) -> Facts:
    """What variants of a recipe are compared by.

    Returns:
        "parameters", "epochs", "seeds"; "uar", the "mean" and "std" of each pass.
    """
    return {
        **{name: runs[0][name] for name in ("parameters", "epochs")},
        "seeds": [run["seed"] for run in runs],
        "uar": {name: spread([run["uar"][name] for run in runs]) for name in runs[0]["uar"]},
    }


def spread(values: Sequence[float]) -> Facts:
    """Over runs: "mean", and "std" with n - 1, None for a single value."""
    std = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "std": std}


def _bins(runs: Sequence[Run]) -> list[Facts]:
    """Bins of confidence, of all runs together."""
    gathered: dict[float, list[Run]] = defaultdict(list)
    for run in runs:
        for each in run["bins"]:
            gathered[each["low"]].append(each)
    joined = []
    for _, same in sorted(gathered.items()):
        n = [each["n"] for each in same]
        means = {
            name: np.average([each[name] for each in same], weights=n)
            for name in ("confidence", "accuracy")
        }
        joined.append({"n": sum(n), **means})
    return joined


def _risk_coverage(runs: Sequence[Run], n_clips: int) -> list[Facts]:
    """Thresholds that any clip reaches."""
    rows = []
    for same in zip(*(run["risk_coverage"] for run in runs), strict=True):
        n_named = sum(each["n_named"] for each in same)
        if n_named:
            rows.append(
                {
                    "threshold": same[0]["threshold"],
                    "coverage": n_named / n_clips,
                    "accuracy": sum(each["n_right"] for each in same) / n_named,
                }
            )
    return rows

"""Runs that differ from the recipe in one thing: without a trick, or with fewer actors."""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from train.clips import CorpusError

Facts = dict[str, Any]


def variants(named: Sequence[tuple[str, Path]]) -> list[Facts]:
    """UAR of each variant over its runs, which differ in their seed.

    Args:
        named: what a run is called, and its folder, where ``fit --protocol`` left each fold's score;
            several runs of one name are seeds of it.

    Returns:
        "name", "mean", "std" (over runs, with n - 1; None for a single one), "n_runs" and "parameters"
        (of its networks), in the order of the names' first runs.

    Raises:
        CorpusError: a folder holds no fold's score, runs of other folds than the first, or networks of
            another size.
    """
    uars: dict[str, list[float]] = defaultdict(list)
    folds: frozenset[str] = frozenset()
    parameters: set[int] = set()
    for name, run in named:
        scores = {path.stem: path for path in sorted(run.glob("test-*.json"))}
        if not scores:
            raise CorpusError(f"{run}: no fold's score (test-*.json) in it; fit with --protocol first")
        folds = folds or frozenset(scores)
        if folds != frozenset(scores):
            raise CorpusError(
                f"{run}: its folds are {', '.join(scores)}; those of the first run are"
                f" {', '.join(sorted(folds))}: they cannot be compared"
            )
        parameters |= {_parameters(path) for path in sorted(run.glob("model-*.json"))}
        if len(parameters) > 1:
            sizes = ", ".join(f"{n:,}" for n in sorted(parameters))
            raise CorpusError(
                f"{run}: its networks have another size than those before it ({sizes} parameters): they"
                f" cannot be compared"
            )
        each = [json.loads(path.read_text("utf-8"))["uar"] for path in scores.values()]
        uars[name].append(float(np.mean(each)))
    return [
        {
            "name": name,
            "mean": round(float(np.mean(own)), 4),
            "std": round(float(np.std(own, ddof=1)), 4) if len(own) > 1 else None,
            "n_runs": len(own),
            "parameters": next(iter(parameters), None),
        }
        for name, own in uars.items()
    ]


def _parameters(card: Path) -> int:
    return int(json.loads(card.read_text("utf-8"))["training"]["parameters"])

"""Metrics of a recipe over its seeds, and of variants that differ from it in one thing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from serd.errors import InputError
from serd.model.labels import EMOTIONS
from train.data.clips import CorpusError
from train.data.files import read_json
from train.evaluation.results import (
    SCHEMA,
    Facts,
    check_comparable,
    check_recipe,
    merge_seeds,
    read_results,
)

Run = Mapping[str, Any]
"""Metrics of a run, as ``run_metrics`` gives them."""


def summarize(runs: Sequence[Run]) -> Facts:
    """Metrics of a recipe.

    Args:
        runs: one or more runs, which differ in their seed.

    Returns:
        Metrics of the model card. A mean is over folds, then over runs; "std" is over runs, with n - 1,
        and None for a single run. Counts are over all runs.
    """
    counts = np.sum([run["confusion"] for run in runs], axis=0)
    noises = [run["noise"] for run in runs]
    return {
        **seed_statistics(runs),
        "precision": runs[0]["precision"],
        "n_bytes": max(run["n_bytes"] for run in runs),
        "folds": {name: mean_and_std([run["folds"][name] for run in runs]) for name in runs[0]["folds"]},
        "recalls": dict(zip(EMOTIONS, np.diag(counts) / counts.sum(axis=1), strict=True)),
        "confusion": counts.tolist(),
        "ece": mean_and_std([run["ece"] for run in runs]),
        "temperatures": [each for run in runs for each in run["temperatures"]],
        "bins": _bins(runs),
        "risk_coverage": _risk_coverage(runs, int(counts.sum())),
        "missed": {
            "share": counts[:, -1].sum() / counts.sum(),
            "n": int(counts[:, -1].sum()),
            "by_emotion": dict(zip(EMOTIONS, counts[:, -1] / counts.sum(axis=1), strict=True)),
        },
        "noise": {name: sum(each[name] for each in noises) for name in ("n", "n_accepted")},
    }


def seed_statistics(runs: Sequence[Run]) -> Facts:
    """Size, seeds and UAR of some runs.

    Returns:
        "parameters", "epochs", "seeds"; "uar", the "mean" and "std" of each pass.
    """
    return {
        **{name: runs[0][name] for name in ("parameters", "epochs")},
        "seeds": [run["seed"] for run in runs],
        "uar": {name: mean_and_std([run["uar"][name] for run in runs]) for name in runs[0]["uar"]},
    }


def mean_and_std(values: Sequence[float]) -> Facts:
    """Mean, and standard deviation with n - 1; None for a single value."""
    std = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "std": std}


def _bins(runs: Sequence[Run]) -> list[Facts]:
    """Bins of confidence over all runs."""
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
    """Coverage and accuracy for each threshold that a clip reaches."""
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


def merge_variant_files(
    named: Sequence[tuple[str, Path]], known: Sequence[Facts] = (), *, recipe_of: Facts | None = None
) -> list[Facts]:
    """Metrics of variants from files, merged with earlier ones.

    Args:
        named: name of a variant, and a file of ``evaluate`` with its metrics; several for its seeds.
        known: earlier variants.
        recipe_of: a run of the common recipe; None if each variant has its own.

    Returns:
        Each variant with "name" and "runs", the compared metrics by seed.

    Raises:
        InputError: a file cannot be read or has no metrics.
        CorpusError: folds, parameters or epochs differ from the first, or a recipe from that of its name
            or of ``recipe_of``.
    """
    new = [(name, path, read_results(path)["runs"]) for name, path in named]
    return merge_variants(known, new, recipe_of=recipe_of)


def merge_variants(
    known: Sequence[Facts],
    new: Sequence[tuple[str, Path, Sequence[Facts]]],
    *,
    recipe_of: Facts | None = None,
) -> list[Facts]:
    """Variants merged with later runs.

    Args:
        known: earlier variants.
        new: name of a variant, file of its runs (for messages), and the runs.
        recipe_of: as for ``merge_variant_files``.

    Returns and errors as of ``merge_variant_files``.
    """
    variants = {each["name"]: list(each["runs"]) for each in known}
    for name, path, found in new:
        runs = [_compared(run) for run in found]
        check_recipe(runs[0], recipe_of or runs[0], path)
        check_comparable(runs[0], next(iter(variants.values()), runs)[0], path)
        variants[name] = merge_seeds(variants.get(name, ()), path, runs)
    return [{"name": name, "runs": runs} for name, runs in variants.items()]


def read_variants(path: Path) -> list[Facts]:
    """Variants from a file of ``ablate``.

    Raises:
        InputError: the file cannot be read or has other content.
    """
    body = read_json(path)
    if body.get("schema") != SCHEMA or not body.get("variants"):
        raise InputError(f"{path}: no variants of schema {SCHEMA}; expected what `ablate --out` wrote")
    variants: list[Facts] = body["variants"]
    return variants


def variant_summary(variant: Mapping[str, Any]) -> Facts:
    """Metrics of a variant over its seeds.

    Returns:
        "name"; the result of ``seed_statistics``; sums of "n" and "n_accepted" of noise.
    """
    noises = [run["noise"] for run in variant["runs"]]
    return {
        "name": variant["name"],
        **seed_statistics(variant["runs"]),
        **{count: sum(each[count] for each in noises) for count in ("n", "n_accepted")},
    }


def seed_differences(variant: Mapping[str, Any], base: Mapping[str, Any]) -> Facts:
    """Difference of a variant to another one by seed, over their common seeds.

    Returns:
        As ``variant_summary``, with the differences in "uar".

    Raises:
        CorpusError: they have no seed in common.
    """
    own, theirs = ({run["seed"]: run for run in each["runs"]} for each in (variant, base))
    shared = sorted(own.keys() & theirs.keys())
    if not shared:
        raise CorpusError(
            f"{variant['name']!r} was measured with seeds {', '.join(map(str, own))}, {base['name']!r}"
            f" with {', '.join(map(str, theirs))}: measure both with one seed at least"
        )
    differences = [
        {name: uar - theirs[seed]["uar"][name] for name, uar in own[seed]["uar"].items()}
        for seed in shared
    ]
    return {
        **variant_summary({"name": variant["name"], "runs": [own[seed] for seed in shared]}),
        "uar": {name: mean_and_std([each[name] for each in differences]) for name in differences[0]},
    }


def _compared(run: Mapping[str, Any]) -> Facts:
    """The compared metrics of a run."""
    kept = {name: run[name] for name in ("seed", "recipe", "parameters", "epochs", "folds", "uar")}
    return {**kept, "noise": {name: run["noise"][name] for name in ("n", "n_accepted")}}

"""Result files: metrics of a recipe, seed by seed.

TensorFlow is not imported here, nor by the pages written from such files.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from serd.errors import InputError
from train.data.clips import CorpusError
from train.data.files import read_json

SCHEMA: Final = 4
"""Version of the layout of result files."""

Facts = dict[str, Any]


def read_results(path: Path) -> Facts:
    """Metrics that ``assess`` or ``describe`` wrote.

    Returns:
        "runs": metrics by seed, as ``run_metrics`` gives them; in the file of a model card also all
        else on it.

    Raises:
        InputError: the file cannot be read or has other content.
    """
    body = read_json(path)
    if body.get("schema") != SCHEMA or not body.get("runs"):
        raise InputError(f"{path}: no metrics of schema {SCHEMA}; expected metrics of folds")
    return body


def merge_seeds(known: Sequence[Facts], path: Path, new: Sequence[Facts]) -> list[Facts]:
    """Runs of a recipe merged with later ones.

    Args:
        known: earlier runs.
        path: file of the later ones, for messages.
        new: later runs; each replaces an earlier one of its seed.

    Returns:
        All runs, by seed.

    Raises:
        CorpusError: they differ in recipe, folds or size.
    """
    runs = {run["seed"]: run for run in known}
    for run in new:
        first = next(iter(runs.values()), run)
        check_comparable(run, first, path)
        check_recipe(run, first, path)
        runs[run["seed"]] = run
    return [runs[seed] for seed in sorted(runs)]


def check_comparable(run: Facts, first: Facts, path: Path) -> None:
    """Refuse a run that cannot be compared with another.

    Raises:
        CorpusError: its folds, or the parameters or epochs of its networks differ.
    """
    if set(run["folds"]) != set(first["folds"]):
        raise CorpusError(
            f"{path}: its folds are {', '.join(run['folds'])}; those of the first are"
            f" {', '.join(first['folds'])}: they cannot be compared"
        )
    own, others = ((each["parameters"], each["epochs"]) for each in (run, first))
    if own != others:
        raise CorpusError(
            f"{path}: its networks have {own[0]:,} parameters and learnt for {own[1]} epochs, those of"
            f" the first {others[0]:,} and {others[1]}: they cannot be compared"
        )


def check_recipe(found: Facts, first: Facts, path: Path) -> None:
    """Refuse metrics of another recipe.

    Raises:
        CorpusError: the recipe differs.
    """
    if found["recipe"] != first["recipe"]:
        raise CorpusError(
            f"{path}: of recipe {found['recipe']}; the metrics that it is added to are of recipe"
            f" {first['recipe']}: measure it again, or start with metrics of the other recipe"
        )


def recipe_digest(recipe: Mapping[str, Any]) -> str:
    """Digest of a recipe without its number of actors, as 16 hex digits.

    Args:
        recipe: recipe in a model's card.
    """
    body = json.dumps({**recipe, "n_actors": 0}, sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()[:16]

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
UNTAUGHT_RECIPE: Final = "untaught_recipe"
"""Name of a digest in the metrics of a run, which ``recipe_facts`` describes."""

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


def check_untaught_recipe(found: Facts, first: Facts, path: Path) -> None:
    """Refuse metrics whose networks differ in more than whether they had a teacher.

    Raises:
        CorpusError: anything else of the recipe differs, or was not recorded.
    """
    own, others = (each.get(UNTAUGHT_RECIPE) for each in (found, first))
    if own is None or own != others:
        raise CorpusError(
            f"{path}: of recipe {own} without its teacher; that of the metrics that it is added to is"
            f" {others}: measure both again with evaluate"
        )


def recipe_facts(recipe: Mapping[str, Any]) -> Facts:
    """Digests of a recipe in the metrics of its networks.

    Args:
        recipe: recipe in a model's card.

    Returns:
        "recipe", as ``recipe_digest`` gives it; ``UNTAUGHT_RECIPE``, the same without the teacher and
        without the limits of naming, which come after training.
    """
    untaught = {name: value for name, value in recipe.items() if name not in {"teacher", "naming"}}
    return {"recipe": recipe_digest(recipe), UNTAUGHT_RECIPE: recipe_digest(untaught)}


def recipe_digest(recipe: Mapping[str, Any]) -> str:
    """Digest of a recipe without its number of actors, as 16 hex digits.

    Args:
        recipe: recipe in a model's card.
    """
    body = json.dumps({**recipe, "n_actors": 0}, sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()[:16]

"""Result files: metrics of a recipe seed by seed, and of a model on speakers of another corpus.

TensorFlow is not imported here, nor by the pages written from such files.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from serd.errors import InputError
from serd.model.file import read_model
from train.data.clips import CorpusError
from train.data.files import read_json

SCHEMA: Final = 4
"""Version of the layout of the file."""

Facts = dict[str, Any]


def read_results(path: Path) -> Facts:
    """Metrics that ``assess`` or ``describe`` wrote.

    Returns:
        "runs": those of each seed, as ``run_metrics`` gives them; of a page's also what it shows beside
        them.

    Raises:
        InputError: the file cannot be read or holds something else.
    """
    body = read_json(path)
    if body.get("schema") != SCHEMA or not body.get("runs"):
        raise InputError(f"{path}: no metrics of schema {SCHEMA}; expected metrics of folds")
    return body


def merge_seeds(known: Sequence[Facts], path: Path, new: Sequence[Facts]) -> list[Facts]:
    """Runs of a recipe, and others of it that were measured later.

    Args:
        known: the runs before.
        path: where the others lie, for messages.
        new: the others; one whose seed is known takes the place of that.

    Returns:
        All of them, by their seeds.

    Raises:
        CorpusError: they are not of the same recipe, folds and size.
    """
    runs = {run["seed"]: run for run in known}
    for run in new:
        first = next(iter(runs.values()), run)
        check_comparable(run, first, path)
        check_recipe(run, first, path)
        runs[run["seed"]] = run
    return [runs[seed] for seed in sorted(runs)]


def check_comparable(run: Facts, first: Facts, path: Path) -> None:
    """Refuse a run that cannot be laid beside another.

    Raises:
        CorpusError: its folds, the size of its networks or the epochs that they learnt for differ.
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
    """Refuse figures of another recipe.

    Raises:
        CorpusError: it is another.
    """
    if found["recipe"] != first["recipe"]:
        raise CorpusError(
            f"{path}: of recipe {found['recipe']}; the metrics that it is added to are of recipe"
            f" {first['recipe']}: measure it again, or start with metrics of the other recipe"
        )


def recipe_digest(recipe: Mapping[str, Any]) -> str:
    """What tells recipes apart, as 16 hex digits; how many actors are learnt from is no part of it.

    Args:
        recipe: as a model's card has it.
    """
    body = json.dumps({**recipe, "n_actors": 0}, sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()[:16]


def cross_corpus(path: Path, *, recipe_of: Facts) -> Facts:
    """What a model's card says of speakers of another corpus whom ``fit`` held out from it.

    Args:
        path: the .tflite file.
        recipe_of: a run of the recipe that it was trained by.

    Returns:
        "test_actors", "heard_corpus" (whether it learnt from others of theirs), "uar", "n_clips",
        "n_unheard" (clips of which it says nothing), "n_classes" (the emotions that the corpus has) and
        "recipe", what tells the recipe from others.

    Raises:
        InputError: no model, or one without a card.
        CorpusError: nobody of another corpus was held out, or it is of another recipe.
    """
    _, card = read_model(path)
    held_out = card.training.get("held_out", {})
    named = str(held_out.get("test_actors", ""))
    corpora = {actor.split(":")[0] for actor in named.split(",") if ":" in actor}
    if not corpora:
        raise CorpusError(f"{path}: holds nobody of another corpus out, as --test-actors nemo:EB0 would")
    learnt = {actor.split(":")[0] for actor in str(card.training["actors"]).split(",")}
    facts: Facts = {
        "test_actors": named,
        "heard_corpus": bool(corpora & learnt),
        "uar": held_out["uar"],
        "n_clips": held_out["n_clips"],
        "n_unheard": held_out["n_unheard"],
        "n_classes": len(held_out["recalls"]),
        "recipe": recipe_digest(card.training["recipe"]),
    }
    check_recipe(facts, recipe_of, path)
    return facts

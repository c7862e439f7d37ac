"""Recipes that differ from another in one thing: without a trick, or with fewer actors."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from serd.errors import InputError
from train.assess.figures import SCHEMA, Facts, check_like, check_recipe, read_figures, with_seeds
from train.assess.summary import spread, spreads
from train.clips import CorpusError
from train.files import read_json


def gathered(
    named: Sequence[tuple[str, Path]], known: Sequence[Facts] = (), *, recipe_of: Facts | None = None
) -> list[Facts]:
    """Figures of each variant, seed by seed.

    Args:
        named: what a variant is called, and figures of it, as ``assess`` writes them; several of one
            name are its seeds.
        known: what was gathered before; a run of the same name and seed takes the place of that in it.
        recipe_of: a run whose recipe all of them share; None if each variant has its own.

    Returns:
        "name", and "runs": of each what is compared, by their seeds. In the order of the names' first
        figures.

    Raises:
        InputError: a file cannot be read or holds no figures.
        CorpusError: figures of other folds than the first, of networks of another size or other epochs,
            of two recipes under one name, or of another than that of ``recipe_of``.
    """
    new = [(name, path, read_figures(path)["runs"]) for name, path in named]
    return with_variants(known, new, recipe_of=recipe_of)


def with_variants(
    known: Sequence[Facts],
    new: Sequence[tuple[str, Path, Sequence[Facts]]],
    *,
    recipe_of: Facts | None = None,
) -> list[Facts]:
    """Variants, and runs of them or of others that were measured later.

    Args:
        known: what ``gathered`` gave.
        new: what a variant is called, where its runs lie (for messages), and the runs.
        recipe_of: as for ``gathered``.

    Returns and errors as of ``gathered``.
    """
    variants = {each["name"]: list(each["runs"]) for each in known}
    for name, path, found in new:
        runs = [_compared(run) for run in found]
        check_recipe(runs[0], recipe_of or runs[0], path)
        check_like(runs[0], next(iter(variants.values()), runs)[0], path)
        variants[name] = with_seeds(variants.get(name, ()), path, runs)
    return [{"name": name, "runs": runs} for name, runs in variants.items()]


def read_variants(path: Path) -> list[Facts]:
    """Variants that ``ablate`` wrote.

    Raises:
        InputError: the file cannot be read or holds something else.
    """
    body = read_json(path)
    if body.get("schema") != SCHEMA or not body.get("variants"):
        raise InputError(f"{path}: no variants of schema {SCHEMA}; expected what `ablate --out` wrote")
    variants: list[Facts] = body["variants"]
    return variants


def over_runs(variant: Mapping[str, Any]) -> Facts:
    """A variant's figures over its seeds.

    Returns:
        "name"; what ``spreads`` gives; "n" and "n_named" of the recordings without speech, summed.
    """
    noises = [run["noise"] for run in variant["runs"]]
    return {
        "name": variant["name"],
        **spreads(variant["runs"]),
        **{count: sum(each[count] for each in noises) for count in ("n", "n_named")},
    }


def against(variant: Mapping[str, Any], base: Mapping[str, Any]) -> Facts:
    """What a variant has more than another, seed by seed, over the seeds that both have.

    Returns:
        As ``over_runs`` of these seeds, but "uar" is of the differences.

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
        **over_runs({"name": variant["name"], "runs": [own[seed] for seed in shared]}),
        "uar": {name: spread([each[name] for each in differences]) for name in differences[0]},
    }


def _compared(run: Mapping[str, Any]) -> Facts:
    """What is kept of a run that others are laid beside."""
    kept = {name: run[name] for name in ("seed", "recipe", "parameters", "epochs", "folds", "uar")}
    return {**kept, "noise": {name: run["noise"][name] for name in ("n", "n_named")}}

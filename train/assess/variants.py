"""Recipes that differ from another in one thing: without a trick, or with fewer actors."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from train.assess.figures import Facts, read_summary, spread
from train.clips import CorpusError


def gathered(named: Sequence[tuple[str, Path]], known: Sequence[Facts] = ()) -> list[Facts]:
    """Figures of each variant, seed by seed.

    Args:
        named: what a variant is called, and figures of one run of it, as ``assess`` writes them; several
            of one name are its seeds.
        known: what was gathered before; a run of the same name and seed takes the place of that in it.

    Returns:
        "name"; "folds", their test actors; "parameters" of its networks; and "runs", each with its
        "seed", the "uar" of each pass (as recorded, in noise, joined ...), and of the recordings without
        speech "n" and "n_named" (those that lead to an event). In the order of the names' first figures.

    Raises:
        InputError: a file cannot be read or holds no figures.
        CorpusError: figures of several runs in a file, of one seed twice, of other folds than the first,
            or of networks of another size.
    """
    variants = {each["name"]: {**each, "runs": list(each["runs"])} for each in known}
    read: set[tuple[str, int]] = set()
    for name, path in named:
        run = read_summary(path)
        if run["n_runs"] != 1:
            raise CorpusError(
                f"{path}: figures of {run['n_runs']} runs together; expected one run: assess each by"
                " itself, and name all their files"
            )
        seed = run["seeds"][0]
        if (name, seed) in read:
            raise CorpusError(f"{path}: seed {seed} of {name!r} is there already")
        read.add((name, seed))
        variant = {
            "name": name,
            "folds": list(run["folds"]),
            "parameters": run["parameters"],
            "runs": [],
        }
        _check_like(variant, next(iter(variants.values()), variant), path)
        own = variants.setdefault(name, variant)
        others = [each for each in own["runs"] if each["seed"] != seed]
        own["runs"] = sorted([*others, _figures(run)], key=lambda each: int(each["seed"]))
    return list(variants.values())


def over_runs(variant: Mapping[str, Any]) -> Facts:
    """A variant's figures over its seeds.

    Returns:
        "name", "parameters", "seeds"; "uar", the "mean" and "std" of each pass; "n" and "n_named" of the
        recordings without speech, summed.
    """
    runs = variant["runs"]
    return {
        "name": variant["name"],
        "parameters": variant["parameters"],
        "seeds": [run["seed"] for run in runs],
        "uar": {name: spread([run["uar"][name] for run in runs]) for name in runs[0]["uar"]},
        **{count: sum(run[count] for run in runs) for count in ("n", "n_named")},
    }


def _figures(run: Mapping[str, Any]) -> Facts:
    return {
        "seed": run["seeds"][0],
        "uar": {name: each["mean"] for name, each in run["uar"].items()},
        **{count: run["noise"][count] for count in ("n", "n_named")},
    }


def _check_like(variant: Mapping[str, Any], first: Mapping[str, Any], path: Path) -> None:
    """Refuse what cannot be laid beside the first figures."""
    if set(variant["folds"]) != set(first["folds"]):
        raise CorpusError(
            f"{path}: its folds are {', '.join(variant['folds'])}; those of the first are"
            f" {', '.join(first['folds'])}: they cannot be compared"
        )
    if variant["parameters"] != first["parameters"]:
        raise CorpusError(
            f"{path}: its networks have {variant['parameters']:,} parameters, those of the first"
            f" {first['parameters']:,}: they cannot be compared"
        )

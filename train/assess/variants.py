"""Recipes that differ from another in one thing: without a trick, or with fewer actors."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from train.assess.figures import Facts, read_summary, spread
from train.clips import CorpusError


def variants(named: Sequence[tuple[str, Path]]) -> list[Facts]:
    """Figures of each variant over its seeds.

    Args:
        named: what a variant is called, and figures of one run of it, as ``assess`` writes them; several
            of one name are its seeds.

    Returns:
        "name"; "uar", the "mean" and "std" of each pass (as recorded, in noise, joined ...); "noise",
        the recordings without speech, "n" and "n_named" (those that lead to an event); "seeds"; and
        "parameters" of its networks. In the order of the names' first figures.

    Raises:
        InputError: a file cannot be read or holds no figures.
        CorpusError: figures of several runs in a file, of one seed twice, of other folds than the first,
            or of networks of another size.
    """
    runs: dict[str, list[Facts]] = defaultdict(list)
    first: Facts = {}
    for name, path in named:
        run = read_summary(path)
        if run["n_runs"] != 1:
            raise CorpusError(
                f"{path}: figures of {run['n_runs']} runs together; expected one run: assess each by"
                " itself, and name all their files"
            )
        if run["seeds"][0] in _seeds(runs[name]):
            raise CorpusError(f"{path}: seed {run['seeds'][0]} of {name!r} is there already")
        first = first or run
        _check_like(run, first, path)
        runs[name].append(run)
    return [_together(name, own) for name, own in runs.items()]


def _check_like(run: Mapping[str, Any], first: Mapping[str, Any], path: Path) -> None:
    """Refuse what cannot be laid beside the first figures."""
    if set(run["folds"]) != set(first["folds"]):
        raise CorpusError(
            f"{path}: its folds are {', '.join(run['folds'])}; those of the first are"
            f" {', '.join(first['folds'])}: they cannot be compared"
        )
    if run["parameters"] != first["parameters"]:
        raise CorpusError(
            f"{path}: its networks have {run['parameters']:,} parameters, those of the first"
            f" {first['parameters']:,}: they cannot be compared"
        )


def _together(name: str, runs: Sequence[Facts]) -> Facts:
    passes = runs[0]["uar"]
    return {
        "name": name,
        "seeds": _seeds(runs),
        "parameters": runs[0]["parameters"],
        "uar": {each: spread([float(run["uar"][each]["mean"]) for run in runs]) for each in passes},
        "noise": {count: sum(run["noise"][count] for run in runs) for count in ("n", "n_named")},
    }


def _seeds(runs: Sequence[Facts]) -> list[int]:
    return [run["seeds"][0] for run in runs]

"""Variants of a recipe are gathered seed by seed, and only what can be compared stands side by side."""

import json
from pathlib import Path
from typing import Any

import pytest

from train.assess.figures import SCHEMA
from train.assess.variants import gathered, over_runs
from train.clips import CorpusError


def _run(path: Path, *, seed: int = 0, uar: float = 0.5, n_named: int = 1, **changes: Any) -> Path:  # noqa: ANN401
    """Figures of one run, as ``assess`` writes them, with two passes."""
    body = {
        "seed": seed,
        "recipe": "0123456789abcdef",
        "parameters": 1000,
        "folds": {"1-4": uar, "5-8": uar},
        "uar": {"clean": uar, "telephone": uar / 2},
        "noise": {"n": 40, "n_named": n_named},
    }
    path.write_text(json.dumps({"schema": SCHEMA, "runs": [body | changes]}), "utf-8")
    return path


def test_seeds_of_a_variant_make_a_mean_and_a_deviation(tmp_path: Path) -> None:
    first = _run(tmp_path / "0.json", seed=0, uar=0.4, n_named=1)
    second = _run(tmp_path / "1.json", seed=1, uar=0.6, n_named=2)
    (variant,) = gathered([("rooms", second), ("rooms", first)])
    figures = over_runs(variant)
    assert figures["uar"]["clean"] == pytest.approx({"mean": 0.5, "std": 0.1414}, abs=1e-4)
    assert figures["uar"]["telephone"]["mean"] == 0.25
    assert (figures["name"], figures["seeds"], figures["parameters"]) == ("rooms", [0, 1], 1000)
    assert (figures["n"], figures["n_named"]) == (80, 3)


def test_seeds_measured_later_join_those_that_are_known(tmp_path: Path) -> None:
    """The same seed measured anew takes the place of what it gave before."""
    runs = [_run(tmp_path / f"{seed}.json", seed=seed, uar=0.1 * seed) for seed in (1, 2, 3)]
    known = json.loads(json.dumps(gathered([("nothing", runs[0]), ("rooms", runs[0])])))
    anew = _run(tmp_path / "anew.json", seed=1, uar=0.9)
    variants = gathered([("rooms", runs[2]), ("rooms", anew), ("lines", runs[1])], known)
    assert [each["name"] for each in variants] == ["nothing", "rooms", "lines"]
    found = [[(run["seed"], run["uar"]["clean"]) for run in each["runs"]] for each in variants]
    assert found == [[(1, 0.1)], [(1, 0.9), (3, pytest.approx(0.3))], [(2, 0.2)]]
    assert known[1]["runs"][0]["uar"]["clean"] == 0.1, "what was known stays as it was"


def test_variants_that_cannot_be_compared_are_refused(tmp_path: Path) -> None:
    """Other folds or another size are no other trick; and a name stands for one recipe."""
    one = _run(tmp_path / "one.json")
    folds = _run(tmp_path / "folds.json", folds={"1-4": 0.5})
    with pytest.raises(CorpusError, match="its folds are 1-4; those of the first are 1-4, 5-8"):
        gathered([("nothing", one), ("rooms", folds)])
    large = _run(tmp_path / "large.json", parameters=200_000)
    with pytest.raises(CorpusError, match="its networks have 200,000 parameters"):
        gathered([("rooms", large)], gathered([("nothing", one)]))
    other = _run(tmp_path / "other.json", seed=1, recipe="fedcba9876543210")
    with pytest.raises(CorpusError, match="of recipe fedcba9876543210; the figures that it is put to"):
        gathered([("rooms", one), ("rooms", other)])
    assert len(gathered([("rooms", one), ("lines", other)])) == 2, "each name has a recipe of its own"

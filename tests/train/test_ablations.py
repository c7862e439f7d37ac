"""Recipes without a trick: one thing is gone, all else is as it was."""

from typing import Any

import pytest

from train.ablations import TRICKS, Trick, without
from train.recipe import Recipe


def _flat(body: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in body.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


@pytest.mark.parametrize("trick", TRICKS)
def test_one_trick_is_gone(trick: Trick) -> None:
    """One setting differs."""
    before, after = (_flat(each.to_json()) for each in (Recipe(), without(Recipe(), trick)))
    assert before.keys() == after.keys()
    assert sum(before[key] != after[key] for key in before) == 1


def test_no_two_tricks_are_the_same() -> None:
    digests = {without(Recipe(), trick).digest(seed=0, fingerprint="") for trick in TRICKS}
    assert len(digests) == len(TRICKS) >= 10

"""Recipes without a trick: one thing is gone, all else is as it was."""

from typing import Any

import pytest

from serd.errors import InputError
from train.ablations import ABLATIONS, without
from train.recipe import Recipe


def _flat(body: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in body.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


@pytest.mark.parametrize("trick", ABLATIONS)
def test_one_trick_is_gone(trick: str) -> None:
    """At most two settings differ, both of which it takes; no two recipes are the same."""
    before, after = (_flat(each.to_json()) for each in (Recipe(), without(Recipe(), trick)))
    assert before.keys() == after.keys()
    assert 1 <= sum(before[key] != after[key] for key in before) <= 2


def test_no_two_tricks_are_the_same() -> None:
    digests = {without(Recipe(), trick).digest(seed=0, fingerprint="") for trick in ABLATIONS}
    assert len(digests) == len(ABLATIONS) >= 10


def test_an_unknown_trick_is_said() -> None:
    with pytest.raises(InputError, match=r"no trick 'magic', expected one of: copies, noise"):
        without(Recipe(), "magic")

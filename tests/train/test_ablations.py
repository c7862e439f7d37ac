"""Recipes without a trick: one thing is gone, all else is as it was."""

import pytest
from train_helpers import flat

from train.ablations import TRICKS, Trick, without
from train.recipe import Recipe


@pytest.mark.parametrize("trick", TRICKS)
def test_one_trick_is_gone(trick: Trick) -> None:
    """One setting differs."""
    before, after = (flat(each.to_json()) for each in (Recipe(), without(Recipe(), trick)))
    assert before.keys() == after.keys()
    assert sum(before[key] != after[key] for key in before) == 1


def test_no_two_tricks_are_the_same() -> None:
    digests = {without(Recipe(), trick).digest(seed=0, fingerprint="") for trick in TRICKS}
    assert len(digests) == len(TRICKS) >= 10

"""Recipes without a trick: one thing is gone, all else is as it was."""

import pytest
from train_helpers import flat

from serd.errors import InputError
from train.model.ablations import ABLATIONS, Ablation, without
from train.model.recipe import Recipe


@pytest.mark.parametrize("trick", ABLATIONS)
def test_one_trick_is_gone(trick: Ablation) -> None:
    """One setting differs."""
    before, after = (flat(each.to_json()) for each in (Recipe(), without(Recipe(), trick)))
    assert before.keys() == after.keys()
    assert sum(before[key] != after[key] for key in before) == 1


def test_no_two_tricks_are_the_same() -> None:
    """Each leaves a recipe of its own; there are ten or more."""
    digests = {without(Recipe(), trick).digest(seed=0, fingerprint="") for trick in ABLATIONS}
    assert len(digests) == len(ABLATIONS) >= 10


def test_a_trick_that_a_recipe_does_without_cannot_be_taken_away() -> None:
    """Its figures would be the recipe's own, under another name."""
    with pytest.raises(InputError, match="--without rooms: the recipe of this size does without it"):
        without(without(Recipe(), "rooms"), "rooms")

"""Ablations: recipes without one component, and with all others."""

import pytest
from train_helpers import flat

from serd.errors import InputError
from train.model.ablations import ABLATIONS, Ablation, without
from train.model.recipe import Recipe


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_one_component_is_removed(ablation: Ablation) -> None:
    """One setting differs."""
    before, after = (flat(each.to_json()) for each in (Recipe(), without(Recipe(), ablation)))
    assert before.keys() == after.keys()
    assert sum(before[key] != after[key] for key in before) == 1


def test_no_two_ablations_are_the_same() -> None:
    """Each leaves a recipe of its own; there are ten or more."""
    digests = {without(Recipe(), ablation).digest(seed=0, fingerprint="") for ablation in ABLATIONS}
    assert len(digests) == len(ABLATIONS) >= 10


def test_a_component_that_a_recipe_lacks_cannot_be_removed() -> None:
    """Its metrics would be the recipe's own, under another name."""
    with pytest.raises(InputError, match="--without rooms: the recipe of this size does without it"):
        without(without(Recipe(), "rooms"), "rooms")

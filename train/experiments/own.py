"""The own network's recipe, with the tricks taken away that an experiment names."""

from dataclasses import replace

from train.ablations import without
from train.experiments.settings import Experiment
from train.recipe import Recipe, quick


def own_recipe(experiment: Experiment, *, is_quick: bool) -> Recipe:
    """How the own network of an experiment is trained."""
    recipe = Recipe(with_song=experiment.data.song)
    if is_quick:
        recipe = quick(recipe)
        one_batch = replace(recipe.learn.batches, batch=64)
        recipe = replace(recipe, learn=replace(recipe.learn, batches=one_batch))
    for trick in experiment.network.without:
        recipe = without(recipe, trick)
    return replace(recipe, learn=replace(recipe.learn, epochs=experiment.learn.epochs))

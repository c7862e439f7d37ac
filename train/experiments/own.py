"""The own network's recipe, with parts of its augmentation taken away."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from train.experiments.settings import Experiment, Part
from train.recipe import Recipe, quick

_Change = Callable[[Recipe], Recipe]


def own_recipe(experiment: Experiment, *, is_quick: bool) -> Recipe:
    """How the own network of an experiment is trained."""
    recipe = Recipe(with_song=experiment.data.song)
    if is_quick:
        recipe = quick(recipe)
        one_batch = replace(recipe.learn.batches, batch=64)
        recipe = replace(recipe, learn=replace(recipe.learn, batches=one_batch))
    for part in experiment.network.without:
        recipe = _WITHOUT[part](recipe)
    return replace(recipe, learn=replace(recipe.learn, epochs=experiment.learn.epochs))


def _sound(**values: Any) -> _Change:  # noqa: ANN401
    return lambda recipe: replace(recipe, sound=replace(recipe.sound, **values))


def _windows(**values: Any) -> _Change:  # noqa: ANN401
    def change(recipe: Recipe) -> Recipe:
        augment = replace(recipe.learn.augment, **values)
        return replace(recipe, learn=replace(recipe.learn, augment=augment))

    return change


_WITHOUT: Final[Mapping[Part, _Change]] = {
    "copies": _sound(copies=0),
    "speed": _sound(speed=0.0),
    "sound-gain": _sound(gain_db=0.0),
    "noise": _sound(p_noise=0.0),
    "band": _sound(p_band=0.0),
    "join": _windows(p_join=0.0),
    "shift": _windows(p_shift=0.0),
    "gain": _windows(gain_db=0.0),
    "warp": _windows(p_warp=0.0),
    "time-mask": _windows(n_time_masks=0),
    "band-mask": _windows(p_band_mask=0.0),
    "mixup": _windows(p_mixup=0.0),
}
"""What each part is without itself."""

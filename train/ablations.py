"""Recipes without one of their tricks, to see what each of them is worth."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from serd.errors import InputError
from train.recipe import Recipe

Change = Callable[[Recipe], Recipe]


def without(recipe: Recipe, trick: str) -> Recipe:
    """The recipe with one trick taken away and all else as it was.

    Args:
        recipe: with it.
        trick: one of ``ABLATIONS``.

    Raises:
        InputError: there is no such trick.
    """
    change = _CHANGES.get(trick)
    if change is None:
        raise InputError(f"no trick {trick!r}, expected one of: {', '.join(ABLATIONS)}")
    return change(recipe)


def _sound(**changes: Any) -> Change:  # noqa: ANN401
    return lambda recipe: replace(recipe, sound=replace(recipe.sound, **changes))


def _learn(**changes: Any) -> Change:  # noqa: ANN401
    return lambda recipe: replace(recipe, learn=replace(recipe.learn, **changes))


def _shown(**changes: Any) -> Change:  # noqa: ANN401
    return lambda recipe: _learn(augment=replace(recipe.learn.augment, **changes))(recipe)


def _copies(recipe: Recipe) -> Recipe:
    return _shown(p_original=1.0)(_sound(copies=0)(recipe))


_CHANGES: Final[Mapping[str, Change]] = {
    "copies": _copies,
    "noise": _sound(p_noise=0.0),
    "rooms": _sound(p_room=0.0),
    "lines": _sound(p_line=0.0),
    "levels": _shown(p_level=0.0),
    "joins": _shown(p_join=0.0),
    "warps": _shown(p_warp=0.0),
    "masks": _shown(n_time_masks=0, p_band_mask=0.0),
    "mixup": _shown(p_mixup=0.0),
    "smoothing": _learn(label_smoothing=0.0),
    "muon": _learn(kernels="adamw"),
    "average": _learn(ema=0.0),
}
ABLATIONS: Final = tuple(_CHANGES)
"""Name of each trick: altered copies of the sound and, of those, noise, rooms and telephone lines; other
levels, joined clips, warped frequencies, masks, mixup; smoothed labels, Muon, averaged weights."""

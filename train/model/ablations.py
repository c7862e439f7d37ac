"""Ablations: the recipe without one of its components."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from serd.errors import InputError

if TYPE_CHECKING:  # the names are needed without TensorFlow
    from train.model.recipe import Recipe

Change = Callable[["Recipe"], "Recipe"]

Ablation = Literal[
    "copies",
    "speed",
    "sound-gain",
    "noise",
    "rooms",
    "measured-rooms",
    "hum",
    "lines",
    "band",
    "thin",
    "clip",
    "levels",
    "join",
    "shift",
    "gain",
    "warp",
    "time-mask",
    "band-mask",
    "filter",
    "smoothing",
    "muon",
    "average",
]
"""Removable components: augmented copies of the sound, or their speed, gain, noise, rooms, telephone
lines, low-pass, high-pass or clipping, measured rooms among the rooms, or hum; the windows' levels,
joins, shifts, gains, frequency warps, masks and filters; label smoothing, Muon and weight averaging."""

ABLATIONS: Final[tuple[Ablation, ...]] = get_args(Ablation)
MEASURED_ROOMS: Final = "measured-rooms"
"""The component that a recipe has only where measured rooms are at hand."""

BASE: Final = "nothing"
"""Name of the full recipe among its variants."""


def variants(recipe: "Recipe", ablations: Sequence[Ablation]) -> dict[str, "Recipe"]:
    """The full recipe and its ablations, by name.

    Raises:
        InputError: the recipe lacks one of the components already.
    """
    return {BASE: recipe} | {ablation: without(recipe, ablation) for ablation in ablations}


def without(recipe: "Recipe", ablation: Ablation) -> "Recipe":
    """The recipe without one component.

    Raises:
        InputError: the recipe lacks it already.
    """
    changed = _CHANGES[ablation](recipe)
    if changed == recipe:
        raise InputError(
            f"--without {ablation}: the recipe of this size does without it already; choose another one,"
            " or leave the option out"
        )
    return changed


def _sound(**changes: Any) -> Change:  # noqa: ANN401
    return lambda recipe: replace(recipe, sound=replace(recipe.sound, **changes))


def _learn(**changes: Any) -> Change:  # noqa: ANN401
    return lambda recipe: replace(recipe, learn=replace(recipe.learn, **changes))


def _shown(**changes: Any) -> Change:  # noqa: ANN401
    return lambda recipe: _learn(augment=replace(recipe.learn.augment, **changes))(recipe)


_CHANGES: Final[Mapping[Ablation, Change]] = {
    "copies": _sound(copies=0),
    "speed": _sound(speed=0.0),
    "sound-gain": _sound(gain_db=0.0),
    "noise": _sound(p_noise=0.0),
    "rooms": _sound(p_room=0.0),
    "measured-rooms": _sound(p_measured=0.0),
    "hum": _sound(p_hum=0.0),
    "lines": _sound(p_line=0.0),
    "band": _sound(p_band=0.0),
    "thin": _sound(p_thin=0.0),
    "clip": _sound(p_clip=0.0),
    "levels": _shown(p_level=0.0),
    "join": _shown(p_join=0.0),
    "shift": _shown(p_shift=0.0),
    "gain": _shown(gain_db=0.0),
    "warp": _shown(p_warp=0.0),
    "time-mask": _shown(n_time_masks=0),
    "band-mask": _shown(p_band_mask=0.0),
    "filter": _shown(p_filter=0.0),
    "smoothing": _learn(label_smoothing=0.0),
    "muon": _learn(kernels="adamw"),
    "average": _learn(ema=0.0),
}

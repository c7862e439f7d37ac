"""The parts of a page that lay variants of a recipe beside each other."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from train.assess.markdown import figure, table
from train.assess.variants import over_runs

Facts = Mapping[str, Any]

_CURVE: Final = (
    "The recipe with some actors of RAVDESS left out and all other corpora as they were. Each fold is"
    " scored on the same actors, whom no network of it has heard."
)
_ABLATIONS: Final = (
    "The recipe with one of its tricks taken away and all else as it was; `nothing` is the recipe"
    " itself. What lies within a deviation says nothing, and a trick that costs in the first column may"
    " be there for another."
)
_PASSES: Final = {
    "clean": "as recorded",
    "joined clips": "joined",
    "20 dB noise": "noise at 20 dB",
    "10 dB noise": "10 dB",
    "0 dB noise": "0 dB",
    "30 dB fainter": "30 dB fainter",
    "12 dB louder, clipped": "clipped",
    "telephone": "telephone",
}
"""The passes that variants are told apart by, and what heads their columns."""


def curve(variants: Sequence[Facts]) -> list[str]:
    """What more actors bring.

    Args:
        variants: as ``gathered`` gives them; each name is a number of actors.
    """
    rows = sorted(variants, key=lambda each: int(each["name"]))
    return ["## What more actors bring", _CURVE, *_beside(rows, "actors")]


def ablations(variants: Sequence[Facts]) -> list[str]:
    """What each trick brings.

    Args:
        variants: as ``gathered`` gives them; each name is what was taken away.
    """
    return ["## Without one trick", _ABLATIONS, *_beside(variants, "without")]


def _beside(variants: Sequence[Facts], what: str) -> list[str]:
    columns = (what, *_PASSES.values(), "no speech that passes", "seeds")
    rows = list(map(over_runs, variants))
    cells = [
        (
            each["name"],
            *(figure(each["uar"][name]) for name in _PASSES),
            f"{each['n_named']} of {each['n']}",
            ", ".join(map(str, each["seeds"])),
        )
        for each in rows
    ]
    return [f"UAR of networks of {rows[0]['parameters']:,} parameters:", table(columns, cells)]

"""The parts of a page that lay variants of a recipe beside each other."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from train.data.clips import CorpusError
from train.evaluation.summary import against, over_runs
from train.model.ablations import BASE
from train.report.tables import figure, points, table

Facts = Mapping[str, Any]

_CURVE: Final = (
    "The recipe with some actors of RAVDESS left out and all other corpora as they were: UAR on the same"
    " actors, whom no network of a fold has heard."
)
_ABLATIONS: Final = (
    "UAR of networks of {parameters:,} parameters that learnt for {epochs} epochs by the recipe with all"
    " its tricks, and what becomes of it where one is taken away and all else is as it was."
)
_DIFFERENCES: Final = (
    "In points of UAR, seed beside the same seed; the deviation is of these differences. What lies"
    " within it says nothing, and a trick that costs in the first column may be there for another:"
)
PASSES: Final = {
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
    rows = sorted(map(over_runs, variants), key=lambda each: int(each["name"]))
    return ["## What more actors bring", _CURVE, _table(rows, "actors", figure)]


def ablations(variants: Sequence[Facts]) -> list[str]:
    """What each trick brings.

    Args:
        variants: as ``gathered`` gives them; each name is what was taken away, and one is "nothing".

    Raises:
        CorpusError: none is "nothing", or one has no seed in common with it.
    """
    base = next((each for each in variants if each["name"] == BASE), None)
    if base is None:
        raise CorpusError(
            "no figures of the recipe with all its tricks; the same ablate command without --trick has"
            " them"
        )
    rows = [against(each, base) for each in variants if each is not base]
    rows.sort(key=lambda each: float(each["uar"]["clean"]["mean"]))
    own = over_runs(base)
    return [
        "## Without one trick",
        _ABLATIONS.format(**own),
        _table([own], "without", figure),
        *([_DIFFERENCES, _table(rows, "without", points)] if rows else []),
    ]


def _table(rows: Sequence[Facts], what: str, written: Callable[[Facts], str]) -> str:
    columns = (what, *PASSES.values(), "no speech that passes", "seeds")
    cells = [
        (
            each["name"],
            *(written(each["uar"][name]) for name in PASSES),
            f"{each['n_named']} of {each['n']}",
            ", ".join(map(str, each["seeds"])),
        )
        for each in rows
    ]
    return table(columns, cells)

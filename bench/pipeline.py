"""Parts ``pipeline`` and ``stages``: CPU time a second of sound, serd beside its peers and its floor."""

from collections.abc import Sequence
from typing import Any

from bench.contest import Entry, Outcome, run_contest
from bench.contestants import FLOORS, PEERS, SERD, STAGES, TINY
from bench.context import Context, Figures
from bench.sound import talk
from bench.spread import paired_ratios, spread

MIXED = "mixed"
TALK = "talk"
BEFORE = " before"
"""Behind the name of a contestant that runs an earlier serd."""


def pipeline(context: Context) -> Figures:
    """serd, the peers, and what the floor is made of, in one contest."""
    return _contest(context, [*SERD, TINY, *PEERS, *FLOORS], earlier=SERD)


def stages(context: Context) -> Figures:
    """Each stage, and the floor of each, in one contest."""
    return _contest(context, [*STAGES, *FLOORS, "litert"], earlier=STAGES)


def _contest(context: Context, names: Sequence[str], *, earlier: Sequence[str]) -> Figures:
    scene_s, sizes = context.sizes.scene_s, context.sizes
    entries = [Entry(label=name, name=name) for name in names]
    if context.before is not None:
        entries += [Entry(label=name + BEFORE, name=name, checkout=context.before) for name in earlier]
    mixed = context.sound.scenes
    talks = [talk(scene_s, lead_s=0.5, pause_s=2.0)] * max(1, len(mixed) // 5)
    outcome = run_contest(
        entries,
        [*mixed, *talks],
        n_passes=sizes.n_passes,
        core=context.core,
        folder=context.folder,
    )
    kinds = ([MIXED] * len(mixed) + [TALK] * len(talks)) * sizes.n_passes
    return {
        "left_out": outcome.left_out,
        "sounds": {kind: _figures(outcome, kinds, kind) for kind in (MIXED, TALK)},
    }


def _figures(outcome: Outcome, kinds: Sequence[str], kind: str) -> dict[str, Any]:
    """CPU milliseconds a second of sound of each, and ratios to serd's live way where it took part."""

    def rounds(name: str) -> list[float]:
        return [ms for ms, each in zip(outcome.scores[name].cpu_ms, kinds, strict=True) if each == kind]

    scores = outcome.scores
    floor = [sum(parts) for parts in zip(*map(rounds, (*FLOORS, "litert")), strict=True)]
    figures: dict[str, Any] = {
        "cpu_ms": {name: spread(rounds(name)).to_json() for name in scores},
        "floor_ms": spread(floor).to_json(),
        "n_per_s": {
            name: _mean([n for n, each in zip(score.n_per_s, kinds, strict=True) if each == kind])
            for name, score in scores.items()
        },
    }
    for own in SERD:
        if own in scores:
            mine = rounds(own)
            figures[f"ratios_to_{own}"] = {
                name: paired_ratios(rounds(name), mine).to_json() for name in scores if name != own
            } | {"floor": paired_ratios(floor, mine).to_json()}
    return figures


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)

"""Which networks a run of ``python -m train fit`` makes, and who is held out from each."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from train.actors import Actors, Split, fewer, format_actors, split_actors
from train.noise_folds import noise_folds
from train.plan import Plan


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One network to make."""

    name: str
    """What lines about it begin with."""
    split: Split
    """Who is learnt from, and who is held out."""
    calibrators: Actors
    """Of those held out, the speakers by whom a temperature is fitted; it is not that of the network
    that they are scored by."""
    stem: str
    """What its files in the work folder are called."""
    without_noise: str = ""
    """The part of the recordings of noise that it does not hear."""


def fold_targets(plan: Plan, recorded: Sequence[Path], *, n_actors: int) -> tuple[Target, ...]:
    """The networks of a protocol's folds, each of which leaves another part of the noise unheard.

    Args:
        plan: the folds.
        recorded: recordings of noise.
        n_actors: actors of RAVDESS that a network learns from at most; 0 for all.
    """
    parts = noise_folds(recorded)
    parts = parts if len(parts) > 1 else ("",)
    return tuple(
        Target(
            name=f"{plan.protocol} {number + 1}/{len(plan.folds)}",
            split=fewer(split_actors(plan.corpus.actors, test=test), n_actors=n_actors),
            calibrators=test,
            stem=_stem(test),
            without_noise=parts[number % len(parts)],
        )
        for number, test in enumerate(plan.folds)
    )


def last_target(plan: Plan, *, n_actors: int) -> Target:
    """The network that is written."""
    split = fewer(plan.split, n_actors=n_actors)
    return Target(
        name=f"actors {format_actors(split.train)}",
        split=split,
        calibrators=split.validation,
        stem=f"actors-{_stem(split.train)}",
    )


def _stem(actors: Actors) -> str:
    return format_actors(actors).replace(":", "-")

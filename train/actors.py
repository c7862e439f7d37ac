"""Groups of actors: how they are written, and how they are held out."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from train.clips import CorpusError

Actors = frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """Disjoint groups of actors."""

    train: Actors
    """Actors that the network learns from."""
    validation: Actors = frozenset()
    """Actors that are looked at after each epoch."""
    test: Actors = frozenset()
    """Actors that are scored once, at the end."""


def numbered(*numbers: int) -> Actors:
    """Actors of RAVDESS by their numbers."""
    return frozenset(str(number) for number in numbers)


def actor_order(actor: str) -> tuple[bool, int, str]:
    """A key that sorts numbers by their value, and names after them."""
    return not actor.isdigit(), int(actor) if actor.isdigit() else 0, actor


def parse_actors(text: str) -> Actors:
    """Numbers and ranges of RAVDESS actors and names of others, such as "1-4,17,savee:DC".

    Raises:
        CorpusError: anything else.
    """
    actors: set[str] = set()
    for part in filter(None, (each.strip() for each in text.split(","))):
        bounds = re.fullmatch(r"(\d{1,3})(?:\s*-\s*(\d{1,3}))?", part)
        if bounds is not None:
            first = int(bounds[1])
            last = int(bounds[2] or first)
            if last < first:
                raise CorpusError(f"Bad actors {text!r}: {part} runs backwards")
            actors.update(str(number) for number in range(first, last + 1))
        elif re.fullmatch(r"[\w.-]+:[\w.-]+", part):
            actors.add(part)
        else:
            raise CorpusError(
                f"Bad actors {text!r}, expected numbers, ranges and names such as 1-4,17,savee:DC"
            )
    return frozenset(actors)


def format_actors(actors: Iterable[str]) -> str:
    """The text that ``parse_actors`` reads, with runs of numbers as ranges."""
    names = set(actors)
    runs: list[list[int]] = []
    for number in sorted(int(name) for name in names if name.isdigit()):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    ranges = [f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
    return ",".join([*ranges, *sorted(name for name in names if not name.isdigit())])


def split_actors(
    present: Actors, *, test: Actors = frozenset(), validation: Actors = frozenset()
) -> Split:
    """Hold actors out; whoever is left is learnt from.

    Raises:
        CorpusError: an actor is missing or in two groups, or nobody is left.
    """
    missing = (test | validation) - present
    if missing:
        raise CorpusError(
            f"no clip of actor {format_actors(missing)}; there are actors {format_actors(present)}"
        )
    if test & validation:
        twice = format_actors(test & validation)
        raise CorpusError(f"actor {twice} cannot be both a test and a validation actor")
    train = present - test - validation
    if not train:
        raise CorpusError("no actor is left to learn from")
    return Split(train=train, validation=validation, test=test)


def fewer(split: Split, *, n_actors: int) -> Split:
    """A split in which fewer actors of RAVDESS are learnt from, and as many others.

    Args:
        split: whose held-out actors stay as they are.
        n_actors: the first so many are learnt from; 0 for all.

    Raises:
        CorpusError: there are not so many.
    """
    if not n_actors:
        return split
    numbers = sorted((actor for actor in split.train if actor.isdigit()), key=int)
    if n_actors > len(numbers):
        raise CorpusError(f"{n_actors} actors to learn from are asked for, there are {len(numbers)}")
    return replace(split, train=split.train - set(numbers[n_actors:]))

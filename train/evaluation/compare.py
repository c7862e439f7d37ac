"""Two models on the same clips: paired differences with intervals over speakers, and McNemar's test.

The decisions come from the ``predictions.csv`` of evaluations or runs. A resample draws speakers with
replacement and takes both models' clips of each, so what makes a speaker hard for both cancels out.
McNemar's test is the exact one on clips that one model alone decides rightly (Q. McNemar, "Note on the
sampling error of the difference between correlated proportions or percentages", Psychometrika 12, 1947);
it takes clips as independent, so the interval over speakers comes first.
"""

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from serd.errors import InputError
from serd.model.labels import NONE
from train.evaluation.bootstrap import Interval, paired_intervals
from train.evaluation.metrics import MISSED, Counts, Scores, score

PREDICTIONS: Final = "predictions.csv"
"""Decisions on each clip, in the folder of an evaluation or a run."""
_COLUMNS: Final = ("file", "actor", "truth", "prediction")
_Key = tuple[str, str]
"""Actor and name of a clip."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decisions:
    """The decisions of a model."""

    name: str
    """Name of its folder."""
    by_clip: Mapping[_Key, tuple[str, str]]
    """Truth and decision by actor and name of the clip, without folder and ending; with its folder where
    two clips of an actor have one name. The decision is empty for a missed clip."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Two models on the clips that both have decided on."""

    first: Scores
    """Scores of the first model."""
    second: Scores
    """Scores of the second model."""
    n_actors: int
    """Number of speakers."""
    n_unpaired: int
    """Clips of one model that the other has not decided on; they do not count."""
    differences: Mapping[str, float]
    """Second less first: "uar", "accuracy" and "macro_f1"."""
    intervals: Mapping[str, Interval]
    """95 % intervals of the differences; empty for a single speaker."""
    n_first_alone: int
    """Clips that the first model alone decides rightly."""
    n_second_alone: int
    """Clips that the second model alone decides rightly."""

    @property
    def p_value(self) -> float:
        """McNemar's exact test, two-sided: how likely such a split is if both are as often right."""
        return mcnemar(self.n_first_alone, self.n_second_alone)


def mcnemar(n_first_alone: int, n_second_alone: int) -> float:
    """Two-sided exact p-value of clips that one of two models alone decides rightly; 0 to 1."""
    n = n_first_alone + n_second_alone
    tail = sum(math.comb(n, k) for k in range(min(n_first_alone, n_second_alone) + 1))
    return min(1.0, float(2 * tail / 2**n))


def read_decisions(folder: Path) -> Decisions:
    """The decisions in the folder of an evaluation or a run.

    Raises:
        InputError: there are none, or they cannot be read.
    """
    path = folder / PREDICTIONS
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            if not set(_COLUMNS) <= set(rows.fieldnames or ()):
                raise InputError(f"{path}: expected the columns {', '.join(_COLUMNS)}")
            decided = list(rows)
    except OSError as exc:
        raise InputError(f"{path}: cannot be read: {exc.strerror}") from exc
    except (UnicodeDecodeError, csv.Error) as exc:
        raise InputError(f"{path}: no table of decisions: {exc}") from exc
    if not decided:
        raise InputError(f"{path}: no decision in it")
    by_name = _decisions(decided, lambda file: file.stem)
    by_path = _decisions(decided, lambda file: file.with_suffix("").as_posix())
    if len(by_path) < len(decided):
        raise InputError(f"{path}: a clip is in it twice, expected one decision on each")
    return Decisions(name=folder.name, by_clip=by_name if len(by_name) == len(decided) else by_path)


def _decisions(
    rows: Sequence[Mapping[str, str]], name: Callable[[Path], str]
) -> dict[_Key, tuple[str, str]]:
    """Truth and decision of each row, by actor and name of its file."""
    return {
        (row["actor"], name(Path(row["file"]))): (
            row["truth"],
            "" if row["prediction"] == NONE else row["prediction"],
        )
        for row in rows
    }


def compare(first: Decisions, second: Decisions, *, seed: int) -> Comparison:
    """Compare two models on the clips that both have decided on.

    Args:
        first: decisions of the first model.
        second: decisions of the second model.
        seed: seed of the resamples.

    Raises:
        InputError: they share no clip, or call one by two classes.
    """
    shared = sorted(first.by_clip.keys() & second.by_clip.keys())
    if not shared:
        raise InputError(f"{first.name} and {second.name} have no clip in common to compare them on")
    for key in shared:
        truths = first.by_clip[key][0], second.by_clip[key][0]
        if truths[0] != truths[1]:
            raise InputError(
                f"clip {key[1]} is {truths[0]} in {first.name} and {truths[1]} in {second.name}:"
                " expected evaluations with the same --scheme and --labels"
            )
    both = [[each.by_clip[key] for key in shared] for each in (first, second)]
    classes = sorted({word for own in both for pair in own for word in pair if word})
    actors = [actor for actor, _ in shared]
    by_actor = [_confusions(own, actors, classes) for own in both]
    scores = [_scores(own, classes) for own in both]
    right = [np.array([truth == decision for truth, decision in own]) for own in both]
    return Comparison(
        first=scores[0],
        second=scores[1],
        n_actors=len(set(actors)),
        n_unpaired=len(first.by_clip.keys() ^ second.by_clip.keys()),
        differences={
            name: getattr(scores[1], name) - getattr(scores[0], name)
            for name in ("uar", "accuracy", "macro_f1")
        },
        intervals=paired_intervals(by_actor[0], by_actor[1], seed=seed),
        n_first_alone=int((right[0] & ~right[1]).sum()),
        n_second_alone=int((right[1] & ~right[0]).sum()),
    )


def _scores(pairs: Sequence[tuple[str, str]], classes: Sequence[str]) -> Scores:
    decisions = [classes.index(decision) if decision else MISSED for _, decision in pairs]
    return score([classes.index(truth) for truth, _ in pairs], decisions, classes)


def _confusions(
    pairs: Sequence[tuple[str, str]], actors: Sequence[str], classes: Sequence[str]
) -> Counts:
    """The confusion matrix of each speaker: int64, shape (n_actors, n_classes, n_classes + 1)."""
    groups: dict[str, list[tuple[str, str]]] = {actor: [] for actor in sorted(set(actors))}
    for actor, pair in zip(actors, pairs, strict=True):
        groups[actor].append(pair)
    return np.array([_scores(own, classes).confusion for own in groups.values()])

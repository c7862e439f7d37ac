"""Confidence intervals over actors, by bootstrap.

The clips of one actor resemble each other, so resampling clips would give intervals that are much too
narrow. Whole actors are drawn with replacement instead, each with all of its clips (the cluster
bootstrap, A. C. Davison and D. V. Hinkley, "Bootstrap Methods and their Application", 1997, 3.8), and
the interval holds the middle 95 % of the results. With few actors it is still too narrow.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.evaluation.metrics import Counts, Shares, accuracy, macro_f1, uar

N_RESAMPLES = 2000
LEVEL = 0.95

_FIGURES: dict[str, Callable[[Counts], Shares]] = {
    "uar": uar,
    "accuracy": accuracy,
    "macro_f1": macro_f1,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """Bounds of a metric in 95 % of the resamples."""

    low: float
    """Lower bound."""
    high: float
    """Upper bound."""


def intervals(by_actor: Counts, *, seed: int, n_resamples: int = N_RESAMPLES) -> dict[str, Interval]:
    """The 95 % intervals of UAR, accuracy and macro F1.

    Args:
        by_actor: int64, shape (n_actors, n_labels, n_labels + 1): each actor's confusion matrix, with
            one clip or more.
        seed: seed of the resamples.
        n_resamples: number of resamples.

    Returns:
        Intervals by metric; empty for a single actor.
    """
    n_actors = len(by_actor)
    if n_actors < 2:
        return {}
    resampled = np.tensordot(_draws(n_actors, n_resamples, seed), by_actor, axes=1)
    return {name: _middle(figure(resampled)) for name, figure in _FIGURES.items()}


def clip_interval(confusion: Counts, *, seed: int, n_resamples: int = N_RESAMPLES) -> Interval:
    """The 95 % interval of UAR over clips, where there are too few actors to draw them.

    It says what other clips of the same actors would change, and nothing of other actors.

    Args:
        confusion: int64, shape (n_labels, n_labels + 1), with one clip or more.
        seed: seed of the resamples.
        n_resamples: number of resamples.
    """
    cells = confusion.ravel()
    n_clips = int(cells.sum())
    drawn = np.random.default_rng(seed).multinomial(n_clips, cells / n_clips, size=n_resamples)
    return _middle(uar(drawn.reshape(-1, *confusion.shape)))


def chance_interval(confusion: Counts, *, seed: int, n_resamples: int = N_RESAMPLES) -> Interval:
    """The 95 % interval of UAR if the decisions had nothing to do with the classes.

    The classes' names are shuffled over the decisions. Clips of one class are often decided alike, so
    that UAR scatters around chance by more than as many independent clips would.

    Args:
        confusion: int64, shape (n_labels, n_labels + 1), with one clip or more.
        seed: seed of the deals.
        n_resamples: number of deals.
    """
    rng = np.random.default_rng(seed)
    n_labels = len(confusion)
    deals = np.array([rng.permutation(n_labels) for _ in range(n_resamples)])
    columns = np.concatenate((deals, np.full((n_resamples, 1), n_labels)), axis=1)
    return _middle(uar(confusion[:, columns].swapaxes(0, 1)))


def paired_intervals(
    first: Counts, second: Counts, *, seed: int, n_resamples: int = N_RESAMPLES
) -> dict[str, Interval]:
    """The 95 % intervals of the differences of two models, the second less the first.

    Args:
        first: int64, shape (n_actors, n_labels, n_labels + 1): each actor's confusion matrix.
        second: the same of the second model, of the same actors in the same order.
        seed: seed of the resamples, each of which has the same actors for both.
        n_resamples: number of resamples.

    Returns:
        Intervals by metric; empty for a single actor.
    """
    n_actors = len(first)
    if n_actors < 2:
        return {}
    draws = _draws(n_actors, n_resamples, seed)
    one, other = (np.tensordot(draws, each, axes=1) for each in (first, second))
    return {name: _middle(figure(other) - figure(one)) for name, figure in _FIGURES.items()}


def _draws(n_actors: int, n_resamples: int, seed: int) -> NDArray[np.int64]:
    """How often each resample draws each actor: int64, shape (n_resamples, n_actors)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(n_actors, np.full(n_actors, 1.0 / n_actors), size=n_resamples)


def _middle(values: Shares) -> Interval:
    low, high = np.quantile(values, ((1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0))
    return Interval(low=float(low), high=float(high))

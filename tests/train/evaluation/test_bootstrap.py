"""Intervals come from resampled actors, the same for the same seed."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from train.evaluation.bootstrap import intervals
from train.evaluation.metrics import score

LABELS = ("a", "b", "c")


def _actors(n_actors: int, *, seed: int = 0, n_clips: int = 30) -> list[tuple[np.ndarray, np.ndarray]]:
    """Truth and decisions of each actor; some are recognized better than others."""
    rng = np.random.default_rng(seed)
    actors = []
    for skill in np.linspace(0.2, 0.9, n_actors):
        truth = np.arange(n_clips) % 3
        right = rng.random(n_clips) < skill
        actors.append((truth, np.where(right, truth, rng.integers(0, 3, n_clips))))
    return actors


def _confusions(actors: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    return np.array([score(truth, decisions, LABELS).confusion for truth, decisions in actors])


def test_the_same_seed_gives_the_same_interval() -> None:
    """With few resamples another seed gives another."""
    confusions = _confusions(_actors(5))
    assert intervals(confusions, seed=3) == intervals(confusions, seed=3)
    few = [intervals(confusions, seed=seed, n_resamples=20) for seed in (3, 4)]
    assert few[0] != few[1]


def test_an_interval_is_that_of_scikit_learn_on_the_resampled_clips() -> None:
    """Summing the actors' confusions is the same as scoring their clips again each time."""
    actors = _actors(4)
    found = intervals(_confusions(actors), seed=7, n_resamples=50)
    times = np.random.default_rng(7).multinomial(4, [0.25] * 4, size=50)
    uars, f1s = [], []
    for row in times:
        drawn = [actor for actor, n in zip(actors, row, strict=True) for _ in range(n)]
        truth, decisions = (np.concatenate(each) for each in zip(*drawn, strict=True))
        uars.append(balanced_accuracy_score(truth, decisions))
        f1s.append(f1_score(truth, decisions, average="macro"))
    for name, values in (("uar", uars), ("macro_f1", f1s)):
        low, high = np.percentile(values, [2.5, 97.5])
        assert (found[name].low, found[name].high) == pytest.approx((low, high))


def test_actors_are_drawn_and_not_clips() -> None:
    """One actor always right, one always wrong: the interval spans all between them."""
    right = (np.zeros(1000, int), np.zeros(1000, int))
    wrong = (np.zeros(1000, int), np.ones(1000, int))
    bounds = intervals(_confusions([right, wrong]), seed=0)["accuracy"]
    assert (bounds.low, bounds.high) == (0.0, 1.0)


def test_actors_alike_leave_no_doubt() -> None:
    """Six actors with the same answers give an interval of no width."""
    bounds = intervals(_confusions(_actors(1) * 6), seed=0)["uar"]
    assert bounds.low == pytest.approx(bounds.high)


def test_the_interval_holds_the_figure_and_narrows_with_more_actors() -> None:
    """With sixteen times the actors it is less than half as wide."""
    widths = []
    for n_actors in (4, 64):
        confusions = _confusions(_actors(n_actors))
        bounds = intervals(confusions, seed=0)["accuracy"]
        total = confusions.sum(axis=0)
        assert bounds.low <= np.trace(total) / total.sum() <= bounds.high
        widths.append(bounds.high - bounds.low)
    assert widths[1] < widths[0] / 2


def test_of_a_single_actor_nothing_is_claimed() -> None:
    """There is no interval, rather than one of no width."""
    assert intervals(_confusions(_actors(1)), seed=0) == {}

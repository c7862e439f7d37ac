"""A page's figures are written so that nobody reads into them what was not measured."""

import pytest

from train.assess.markdown import figure, points


@pytest.mark.parametrize(
    ("mean", "std", "text"),
    [
        (-0.0501, 0.008, "-5.0 ± 0.8"),
        (0.012, None, "+1.2"),
        (-0.0004, 0.003, "+0.0 ± 0.3"),
        (-0.0004, None, "+0.0"),
    ],
)
def test_points_say_which_way(mean: float, std: float | None, text: str) -> None:
    """Nothing lost is not written as a loss, and one seed has no deviation."""
    assert points({"mean": mean, "std": std}) == text


@pytest.mark.parametrize(("std", "text"), [(0.0042, "0.634 ± 0.004"), (None, "0.634")])
def test_a_figure_of_one_seed_has_no_deviation(std: float | None, text: str) -> None:
    """Where nothing was repeated, nothing is said of the spread."""
    assert figure({"mean": 0.6341, "std": std}) == text

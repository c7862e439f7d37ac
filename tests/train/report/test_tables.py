"""A page's metrics are written so that nobody reads into them what was not measured."""

import pytest

from train.report.tables import Table, markdown, mean_std, points


def test_numbers_stand_to_the_right_and_bars_stay_in_their_cell() -> None:
    """A column of numbers may have empty cells; a bar is escaped."""
    table = Table(columns=("run", "UAR"), rows=(("a|b", "0.500"), ("c", "")))
    assert markdown(table) == "| run | UAR |\n| --- | ---: |\n| a\\|b | 0.500 |\n| c |  |"


def test_a_table_without_rows_has_its_head() -> None:
    """Names of columns and the rule below them, with nothing behind."""
    assert markdown(Table(columns=("run",), rows=())) == "| run |\n| --- |"


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
    assert mean_std({"mean": 0.6341, "std": std}) == text

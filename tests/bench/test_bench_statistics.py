"""Statistics of repeated measurements agree with NumPy and the standard library."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.statistics import paired_ratios, percentiles, summarize

_TIMES = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=40)


@given(_TIMES)
def test_the_median_is_the_standard_librarys_and_lies_between_the_quartiles(values: list[float]) -> None:
    """For any measurements, and no quartile lies outside them."""
    found = summarize(values)
    assert found.median == pytest.approx(statistics.median(values))
    assert min(values) <= found.lower <= found.median <= found.upper <= max(values)
    assert found.n == len(values)


def test_a_machine_that_is_slow_for_a_while_does_not_change_a_ratio() -> None:
    """It is slow for both sides of a round, and 8 to 2 stays 4."""
    slowness = [1.0, 1.0, 5.0, 1.3]
    ratios = paired_ratios([8.0 * each for each in slowness], [2.0 * each for each in slowness])
    assert (ratios.lower, ratios.median, ratios.upper) == pytest.approx((4.0, 4.0, 4.0))


def test_percentiles_of_a_thousand_numbers() -> None:
    """Interpolated between two numbers; with the largest, and how many there are."""
    found = percentiles([float(each) for each in range(1, 1001)])
    assert found == pytest.approx(
        {"p50": 500.5, "p99": 990.01, "p99.9": 999.001, "max": 1000, "n": 1000}
    )


def test_no_measurement_is_an_error() -> None:
    """So are rounds that lack one of the two sides."""
    for function in (summarize, percentiles):
        with pytest.raises(ValueError, match="no measurement"):
            function([])
    with pytest.raises(ValueError, match="shorter"):
        paired_ratios([1.0, 2.0], [1.0])

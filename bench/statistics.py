"""Statistics of repeated measurements: medians, quartiles, percentiles and paired ratios."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """Repeated measurements of one quantity, in its own unit."""

    median: float
    lower: float
    """First quartile."""
    upper: float
    """Third quartile."""
    n: int
    """Number of measurements."""

    def to_json(self) -> dict[str, float]:
        """The summary as JSON."""
        return asdict(self)


def summarize(values: Sequence[float]) -> Summary:
    """Median and quartiles of one or more measurements.

    Raises:
        ValueError: there are none.
    """
    if not values:
        raise ValueError("no measurement, expected one or more")
    lower, median, upper = np.percentile(values, [25, 50, 75])
    return Summary(median=float(median), lower=float(lower), upper=float(upper), n=len(values))


def paired_ratios(values: Sequence[float], others: Sequence[float]) -> Summary:
    """The ratio of ``values`` to ``others`` in each round.

    A machine that is slow for a while is slow for both sides of a round, and their ratio stays the same.

    Raises:
        ValueError: their numbers differ, or there are none.
    """
    return summarize([value / other for value, other in zip(values, others, strict=True)])


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """The percentiles 50, 99 and 99.9, the maximum, and the number of one or more measurements.

    Raises:
        ValueError: there are none.
    """
    if not values:
        raise ValueError("no measurement, expected one or more")
    p50, p99, p999 = np.percentile(values, [50.0, 99.0, 99.9])
    return {
        "p50": float(p50),
        "p99": float(p99),
        "p99.9": float(p999),
        "max": float(max(values)),
        "n": len(values),
    }

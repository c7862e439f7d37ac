"""How measurements that were repeated are summed up: medians, quartiles and percentiles."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """Repeated measurements of one thing, in its own unit."""

    median: float
    lower: float
    """First quartile."""
    upper: float
    """Third quartile."""
    n: int
    """Number of measurements."""

    def to_json(self) -> dict[str, float]:
        """For the bench's JSON."""
        return asdict(self)


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles.

    Args:
        values: one or more measurements.

    Raises:
        ValueError: there are none.
    """
    if not values:
        raise ValueError("no measurement, expected one or more")
    lower, median, upper = np.percentile(values, [25, 50, 75])
    return Spread(median=float(median), lower=float(lower), upper=float(upper), n=len(values))


def paired_ratios(values: Sequence[float], others: Sequence[float]) -> Spread:
    """How many times ``values`` are ``others``, round by round.

    A machine that is slow for a while is slow for both contestants of a round, and the ratio of that
    round stays what it is.

    Raises:
        ValueError: their numbers differ, or there are none.
    """
    return spread([value / other for value, other in zip(values, others, strict=True)])


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """The median, what 99 in 100 and 999 in 1,000 stay below, the largest, and how many there are.

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

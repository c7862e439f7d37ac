"""Calibration: whether decisions with a confidence of 0.8 are right eight times in ten.

The expected calibration error (ECE) of C. Guo et al., "On Calibration of Modern Neural Networks", ICML
2017: clips are sorted into bins of equal width by the probability of the decision, and the gaps between
each bin's mean confidence and its accuracy are averaged, weighted by the bins' clips.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

N_BINS = 15


@dataclass(frozen=True, kw_only=True, slots=True)
class Bin:
    """Clips with a confidence above ``low`` and up to ``high``."""

    low: float
    """Lower bound; the first bin holds 0 as well."""
    high: float
    """Upper bound."""
    n: int
    """Number of clips, 1 or more."""
    confidence: float
    """Their mean confidence."""
    accuracy: float
    """Share of right decisions among them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """Difference of confidence and accuracy."""

    ece: float
    """Expected calibration error, 0 to 1."""
    confidence: float
    """Mean confidence of all clips."""
    accuracy: float
    """Share of right decisions."""
    bins: tuple[Bin, ...]
    """The bins that hold clips, from low to high."""


def calibrate(confidences: ArrayLike, right: ArrayLike, *, n_bins: int = N_BINS) -> Calibration | None:
    """Compare confidence with accuracy.

    Args:
        confidences: float, shape (n,), probability of each decision, 0 to 1.
        right: bool, shape (n,), whether it was right.
        n_bins: number of bins.

    Returns:
        The bins and their error; None without clips.
    """
    sure = np.asarray(confidences, np.float64)
    hit = np.asarray(right, np.bool_)
    if not sure.size:
        return None
    edges = np.linspace(0.0, 1.0, n_bins + 1)
    which = np.searchsorted(edges[1:-1], sure, side="left")
    bins = []
    for index in np.unique(which):
        inside = which == index
        bins.append(
            Bin(
                low=float(edges[index]),
                high=float(edges[index + 1]),
                n=int(inside.sum()),
                confidence=float(sure[inside].mean()),
                accuracy=float(hit[inside].mean()),
            )
        )
    ece = sum(each.n * abs(each.accuracy - each.confidence) for each in bins) / sure.size
    return Calibration(
        ece=float(ece), confidence=float(sure.mean()), accuracy=float(hit.mean()), bins=tuple(bins)
    )

"""Limits of how often ordinary speech may be given an emotion.

They are those of the fit, lower than what is to hold for speakers that had no part in it: 5 % of the
recordings, and one anger an hour.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class NamingLimits:
    """How often ordinary speech may be given an emotion, over windows and utterances."""

    max_share: float = 0.032
    """Share of the decisions on ordinary speech that name an emotion."""
    max_angry_per_hour: float = 0.25
    """Decisions an hour of ordinary speech that name anger."""

"""The times during which a source was offline or muted, from its changes of state."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from serd.publishers.history.records import StateChange

_BEGINS: Final = {"offline": True, "online": False, "muted": True, "unmuted": False}
"""Whether a state begins an absence or ends it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Absence:
    """A time during which a source gave no events."""

    source: str
    """Name of the source."""
    kind: Literal["offline", "muted"]
    """Whether it was not available, or muted."""
    start_s: float
    """Start, in seconds since 1970."""
    end_s: float | None
    """End, in seconds since 1970; None if it lasts, or if serd was killed meanwhile."""
    reason: str
    """Why the source was not available; empty if nothing is known."""

    def duration_s(self, since_s: float, until_s: float) -> float:
        """How much of it lies between two times, in seconds; one that lasts goes on to the second."""
        end_s = until_s if self.end_s is None else min(self.end_s, until_s)
        return max(0.0, end_s - max(self.start_s, since_s))


def absences(changes: Iterable[StateChange]) -> list[Absence]:
    """The absences in the order of their ends; those that last are the last.

    Args:
        changes: changes of state, by time. A state that is told again changes nothing.
    """
    found: list[Absence] = []
    begun: dict[tuple[str, Literal["offline", "muted"]], StateChange] = {}
    for change in changes:
        key = change.source, _kind(change)
        if _BEGINS[change.state]:
            begun.setdefault(key, change)
        elif start := begun.pop(key, None):
            found.append(_absence(start, change.time_s))
    return found + [_absence(start, None) for start in begun.values()]


def _kind(change: StateChange) -> Literal["offline", "muted"]:
    return "offline" if change.state in {"offline", "online"} else "muted"


def _absence(start: StateChange, end_s: float | None) -> Absence:
    return Absence(
        source=start.source,
        kind=_kind(start),
        start_s=start.time_s,
        end_s=end_s,
        reason=start.reason,
    )

"""The state of the connection to the broker, which one publisher knows and others show."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokerState:
    """The connection to the broker, and the events for it."""

    address: str
    """Host and port."""
    is_connected: bool
    """Whether there is a connection."""
    since_s: float
    """Time for which it is connected, or not, in seconds."""
    n_waiting: int
    """Events that wait for the broker, in memory or on the disk."""
    n_dropped: int
    """Events that were dropped because there were too many, or they were too old."""
    n_refused: int
    """Events that the broker refused."""


@runtime_checkable
class KnowsBroker(Protocol):
    """A publisher that is connected to a broker."""

    def broker_state(self) -> BrokerState:
        """The present state; any thread may call it."""
        ...

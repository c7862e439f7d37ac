"""The clocks of a machine that a test sets."""

from datetime import UTC, datetime

from serd.mqtt.clock import EventClock


class MachineClocks:
    """A wall clock that the test steps, and a steady clock beside it."""

    def __init__(self, wall: datetime, *, is_synchronized: bool = False) -> None:
        self.steady_s = 1000.0
        self.wall_s = wall.timestamp()
        self.is_synchronized = is_synchronized
        """Whether the system says that the wall clock is right."""

    def wait(self, duration_s: float) -> None:
        """Let time pass."""
        self.steady_s += duration_s
        self.wall_s += duration_s

    def set(self, wall: datetime) -> None:
        """Set the wall clock, as the network does."""
        self.wall_s = wall.timestamp()

    def now(self) -> datetime:
        """The time of the wall clock."""
        return datetime.fromtimestamp(self.wall_s, UTC)

    def event_clock(self) -> EventClock:
        """The clock of a daemon that starts now."""
        return EventClock(
            wall_s=lambda: self.wall_s,
            steady_s=lambda: self.steady_s,
            is_synchronized=lambda: self.is_synchronized,
        )

"""Control commands on their way to the loop: few are kept, and the latest counts."""

import pytest

from serd.daemon.commands import INTERVAL_S, ControlCommand, PendingCommands, control_command
from serd.events.controls import CONTROLS
from serd.mqtt.topics import FORGET


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        """The time, in seconds."""
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """The clock of ``pending``."""
    return Clock()


@pytest.fixture
def pending(clock: Clock) -> PendingCommands:
    """No commands yet."""
    return PendingCommands(clock)


def threshold(value: float, source: str = "mic") -> ControlCommand:
    """A command that sets the threshold; above 1 it is refused."""
    return control_command(source, "threshold", str(value).encode())


def taken(pending: PendingCommands) -> list[ControlCommand]:
    """All commands that are due."""
    return list(iter(pending.take, None))


def test_a_flood_needs_the_memory_of_one_command_for_each_control(pending: PendingCommands) -> None:
    """Of 10,000 commands to two sources, the latest of each control and source is handled."""
    n_first = sum(
        pending.put(threshold((number % 100) / 100, source))
        for number in range(5000)
        for source in ("mic", "door")
    )
    assert n_first == 1
    assert taken(pending) == [threshold(0.99), threshold(0.99, "door")]


def test_a_refused_value_does_not_replace_an_accepted_one(pending: PendingCommands) -> None:
    """Both are handled: one is applied, the other is answered."""
    for value in (0.7, 0.8, 7.0, 8.0):
        pending.put(threshold(value))
    first, second = taken(pending)
    assert first == threshold(0.8)
    assert second.refusal == "got '8.0', expected a number from 0 to 1"


def test_the_next_command_of_a_control_has_to_wait(pending: PendingCommands, clock: Clock) -> None:
    """A quarter of a second; another control of the same source does not wait."""
    pending.put(threshold(0.7))
    assert taken(pending) == [threshold(0.7)]
    assert pending.due_s() is None
    pending.put(threshold(0.8))
    pending.put(control_command("mic", "mute", b"ON"))
    assert taken(pending) == [control_command("mic", "mute", b"ON")]
    assert pending.due_s() == clock.now_s + INTERVAL_S
    clock.now_s += INTERVAL_S
    assert taken(pending) == [threshold(0.8)]


def test_replaced_commands_are_reported_once_a_minute(pending: PendingCommands, clock: Clock) -> None:
    """A few are not worth it; the first report comes at once."""
    reports = []
    for number in range(1200):
        pending.put(threshold(number / 1200))
        clock.now_s += 0.1  # the loop does not take them
        reports.append(pending.report())
    assert [(number, count) for number, count in enumerate(reports) if count] == [(100, 100), (701, 601)]


@pytest.mark.parametrize("control", [*CONTROLS, FORGET])
def test_every_command_is_checked_before_it_waits(control: str) -> None:
    """An empty value is refused by all controls; the command to forget takes any value."""
    assert bool(control_command("mic", control, b"").refusal) == (control != FORGET)

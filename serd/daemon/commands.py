"""Control commands on their way from the network to the daemon's loop: the latest of each control.

Anybody who may publish on the ``set`` topics can send any number of commands. A command replaces an
earlier one that the loop has not taken yet, and the loop takes the next one of the same control
``INTERVAL_S`` later. So commands need a bounded memory and a bounded share of the loop.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from serd.errors import InputError
from serd.events.controls import Controls, with_control
from serd.mqtt.topics import FORGET

INTERVAL_S: Final = 0.25
"""Shortest time between two commands of the same control, in seconds."""
_REPORT_S: Final = 60.0
"""Shortest time between two reports of replaced commands, in seconds."""
_MANY: Final = 100
"""Replaced commands that are worth a report; a slider that moves makes a few."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlCommand:
    """A subscriber asks to set a control of a source."""

    source: str
    control: str
    """One of ``CONTROLS``, or ``FORGET``."""
    value: bytes
    refusal: str = ""
    """Why the value is refused; empty if it is accepted."""


def control_command(source: str, control: str, value: bytes) -> ControlCommand:
    """The command in a message, with the reason if it has to be refused."""
    refusal = ""
    if control != FORGET:
        try:
            with_control(Controls(), control, value)
        except InputError as exc:
            refusal = str(exc)
    return ControlCommand(source=source, control=control, value=value, refusal=refusal)


_Key = tuple[str, str, bool]
"""Source, control, and whether the value is refused: a refused value replaces no accepted one."""


class PendingCommands:
    """The commands that the loop has not taken yet; any thread but no signal handler may call it."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Create it without commands.

        Args:
            monotonic: the clock, in seconds.
        """
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._pending: dict[_Key, ControlCommand] = {}
        """In the order in which they are taken."""
        self._due_s: dict[_Key, float] = {}
        """When the loop may take the next command of each control."""
        self._n_replaced = 0
        self._reported_s = -_REPORT_S

    def put(self, command: ControlCommand) -> bool:
        """Add a command; return whether no other was waiting, so that the loop may have to wake up."""
        key = (command.source, command.control, bool(command.refusal))
        with self._lock:
            is_first = not self._pending
            self._n_replaced += key in self._pending
            self._pending[key] = command
            return is_first

    def take(self) -> ControlCommand | None:
        """Remove and return the first command that is due; None if none is."""
        now_s = self._monotonic()
        with self._lock:
            for key in self._pending:
                if self._due_s.get(key, now_s) <= now_s:
                    self._due_s[key] = now_s + INTERVAL_S
                    return self._pending.pop(key)
        return None

    def due_s(self) -> float | None:
        """When the next command is due, on the monotonic clock; None if there is none."""
        with self._lock:
            return min((self._due_s.get(key, 0.0) for key in self._pending), default=None)

    def report(self) -> int:
        """The number of replaced commands since the last report.

        It is 0 if they are fewer than 100, or the last report was less than 60 s ago.
        """
        now_s = self._monotonic()
        with self._lock:
            if self._n_replaced < _MANY or now_s - self._reported_s < _REPORT_S:
                return 0
            n_replaced, self._n_replaced = self._n_replaced, 0
            self._reported_s = now_s
            return n_replaced

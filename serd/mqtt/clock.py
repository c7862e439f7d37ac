"""The time of waiting events, on a machine whose clock may be wrong until the network sets it.

A board without a clock of its own starts in 1970, or at the time of its last shutdown, and jumps ahead
once the network tells the time. ``EventClock`` measures ages with a clock that never jumps, reports by
how much the wall clock was stepped, and knows whether the wall clock can be trusted.
"""

import ctypes
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

_SYNCHRONIZED: Final = Path("/run/systemd/timesync/synchronized")
"""systemd-timesyncd creates this file once the network has set the clock."""
_TIME_ERROR: Final = 5
"""What adjtimex(2) returns while the clock is not synchronized."""
_TIMEX_BYTES: Final = 512
"""More than ``struct timex`` has on any architecture."""
_MIN_STEP_S: Final = 1.0
"""Smallest jump of the wall clock that counts as a step, in seconds; smaller ones hardly matter."""
_MAX_READING_S: Final = 0.1
"""Longest time between two clocks of a reading that is good enough, in seconds."""
_N_READINGS: Final = 3


def steady_s() -> float:
    """Seconds on a clock that never jumps; on Linux it also counts the time that the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def is_synchronized() -> bool:
    """Whether systemd-timesyncd, or the kernel for chrony or ntpd, says that the time is right."""
    if _SYNCHRONIZED.exists():
        return True
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return False
    # All zeros: change nothing.
    state: int = adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return state >= 0 and state != _TIME_ERROR


class EventClock:
    """Seconds since 1970 without jumps: the steady clock, moved by each step of the wall clock.

    One thread calls ``take_step``; the others may read.
    """

    def __init__(
        self,
        *,
        wall_s: Callable[[], float] = time.time,
        steady_s: Callable[[], float] = steady_s,
        is_synchronized: Callable[[], bool] = is_synchronized,
    ) -> None:
        """Begin with the present time of the wall clock.

        Args:
            wall_s: the wall clock, in seconds since 1970.
            steady_s: a clock without jumps, in seconds since any moment.
            is_synchronized: whether the system says that its wall clock is right.
        """
        self.steady_s = steady_s
        self._wall_s = wall_s
        self._is_synchronized = is_synchronized
        self._has_proof = False
        self.offset_s = self._read_offset_s()
        """From the steady clock to the wall clock, in seconds, as of the last ``take_step``."""

    @property
    def now_s(self) -> float:
        """Seconds since 1970, by the wall clock as of the last ``take_step``."""
        return self.steady_s() + self.offset_s

    @property
    def is_set(self) -> bool:
        """Whether the wall clock is known to be right: the system says so, or it was stepped."""
        self._has_proof = self._has_proof or self._is_synchronized()
        return self._has_proof

    def take_step(self) -> float:
        """Follow the wall clock; return by how many seconds it was stepped since the last call, or 0."""
        offset_s = self._read_offset_s()
        step_s = offset_s - self.offset_s
        if abs(step_s) < _MIN_STEP_S:
            return 0.0
        self.offset_s = offset_s
        self._has_proof = True
        return step_s

    def _read_offset_s(self) -> float:
        """The best of a few readings: a thread that sleeps between the two clocks would see a step."""
        readings = []
        for _ in range(_N_READINGS):
            before_s = self.steady_s()
            wall_s = self._wall_s()
            took_s = self.steady_s() - before_s
            readings.append((took_s, wall_s - before_s))
            if took_s <= _MAX_READING_S:
                break
        return min(readings)[1]

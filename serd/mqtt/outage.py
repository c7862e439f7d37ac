"""Operations that fail and are tried again after a pause."""

import time

RETRY_S = 30.0
"""Pause between two attempts at an operation that fails, in seconds."""


class Outage:
    """Whether an operation keeps failing. The owner of this object locks it."""

    def __init__(self) -> None:
        self.is_on = False
        self._failed_s = 0.0

    @property
    def pause_s(self) -> float:
        """Pause between two attempts, in seconds."""
        return RETRY_S

    @property
    def may_try(self) -> bool:
        """Whether the operation works, or failed ``RETRY_S`` ago."""
        return not self.is_on or time.monotonic() - self._failed_s >= RETRY_S

    def failed(self) -> bool:
        """Note a failure; return whether it begins an outage."""
        is_new, self.is_on = not self.is_on, True
        self._failed_s = time.monotonic()
        return is_new

    def worked(self) -> bool:
        """Note a success; return whether it ends an outage."""
        was_on, self.is_on = self.is_on, False
        return was_on

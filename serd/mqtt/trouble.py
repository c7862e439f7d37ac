"""Something that fails for a while: said once when it begins, and once when it is over."""

import logging
import time

_log = logging.getLogger("serd.mqtt")

RETRY_S = 30.0
"""How long what failed is left alone."""


class Trouble:
    """Whether there is trouble with one thing. All methods are for one thread, ``is_on`` for any."""

    def __init__(self) -> None:
        """There is none yet."""
        self.is_on = False
        self._latest_s = 0.0

    @property
    def may_try(self) -> bool:
        """Whether there is none, or it is long enough ago."""
        return not self.is_on or time.monotonic() - self._latest_s >= RETRY_S

    def begins(self, line: str, reason: object) -> None:
        """It has failed; ``line`` has a place for the reason."""
        if not self.is_on:
            _log.warning(line, reason)
        self.is_on = True
        self._latest_s = time.monotonic()

    def ends(self, line: str, what: object) -> None:
        """It works; ``line`` has a place for what does."""
        if self.is_on:
            _log.info(line, what)
        self.is_on = False

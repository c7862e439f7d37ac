"""How many requests and attempts to log in are allowed, by the address of the client."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

MAX_ADDRESSES: Final = 1000
"""Addresses that are remembered; beyond it the one that was quiet for longest is forgotten."""


class RateLimiter:
    """A token bucket for each address."""

    def __init__(
        self, rate_hz: float, burst: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with full buckets.

        Args:
            rate_hz: requests a second that are allowed for any time.
            burst: requests that are allowed at once.
            monotonic: the clock, in seconds.
        """
        self._rate_hz = rate_hz
        self._burst = burst
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Tokens, and the time at which they were counted, by address."""

    def takes(self, address: str, cost: float = 1.0) -> bool:
        """Take tokens of an address; returns False, and takes none, if there are too few."""
        tokens, now_s = self._tokens(address)
        is_allowed = tokens >= cost
        self._buckets[address] = tokens - cost if is_allowed else tokens, now_s
        self._buckets.move_to_end(address)
        if len(self._buckets) > MAX_ADDRESSES:
            self._buckets.popitem(last=False)
        return is_allowed

    def is_exhausted(self, address: str) -> bool:
        """Whether an address has less than one token left."""
        return address in self._buckets and self._tokens(address)[0] < 1.0

    def _tokens(self, address: str) -> tuple[float, float]:
        now_s = self._monotonic()
        tokens, counted_s = self._buckets.get(address, (self._burst, now_s))
        return min(self._burst, tokens + (now_s - counted_s) * self._rate_hz), now_s

"""Joins blocks of live sound from which nothing can follow, so that the daemon sleeps on.

Blocks of 30 ms would wake the daemon 33 times a second, and most of what a quiet daemon costs is waking.
The lane of a source knows how much sound must come before anything can begin, leave or end: up to there
blocks are joined, and nobody looks for them before they are due. Nothing that follows is late by it.

    blocks    |..|..|..|..|..|..|..|vv|vv|
    taken      x           rest     x  x  x
    joined    [........................]
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from serd.audio import SAMPLE_RATE_HZ, AudioBlock
from serd.errors import SerdError

MOST_S: Final = 0.24
"""Longest sound that is held back, in seconds; a watchdog's signs of life come this late."""
_MOST_SAMPLES: Final = round(MOST_S * SAMPLE_RATE_HZ)
_MARGIN_S: Final = 0.03
"""A rest ends this long, or a block, before the sound that is waited for, in seconds."""


class Gathering:
    """Blocks in, fewer and longer blocks out."""

    def __init__(
        self, rest: Callable[[float], object], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Hold nothing back yet.

        Args:
            rest: waits for so many seconds, or less.
            monotonic: the clock, in seconds.
        """
        self.nothing_before_samples = 0
        """Position in the sound before which nothing can follow from it; may be set by any thread."""
        self._rest = rest
        self._monotonic = monotonic

    def gather(self, blocks: Iterable[AudioBlock]) -> Iterator[AudioBlock]:
        """Yield joined blocks; the sound of a source that breaks off comes before its error."""
        pace = _Pace(self._monotonic)
        waiting: list[AudioBlock] = []
        try:
            for block in blocks:
                if waiting and block.offset_samples != waiting[-1].end_samples:
                    yield joined(waiting)
                    waiting = []
                waiting.append(block)
                wanted = min(self.nothing_before_samples, waiting[0].offset_samples + _MOST_SAMPLES)
                if block.end_samples >= wanted:
                    yield joined(waiting)
                    waiting = []
                elif len(waiting) == 1 and pace.is_live(block):
                    margin_s = max(_MARGIN_S, block.samples.size / SAMPLE_RATE_HZ)
                    rest_s = (wanted - block.end_samples) / SAMPLE_RATE_HZ - margin_s
                    if rest_s > 0.0:
                        self._rest(rest_s)
        except SerdError:
            if waiting:
                yield joined(waiting)
            raise
        if waiting:
            yield joined(waiting)


class _Pace:
    """Whether sound comes as it is made; of a recording that is read quickly nobody rests."""

    MOST: Final = 2.0
    """Seconds of sound in a second that still count as live: after a halt a source catches up."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._latest: tuple[float, float] | None = None

    def is_live(self, block: AudioBlock) -> bool:
        """Whether since the block given before about as much time has passed as sound."""
        now_s, sound_s = self._monotonic(), block.end_samples / SAMPLE_RATE_HZ
        latest, self._latest = self._latest, (now_s, sound_s)
        return latest is not None and sound_s - latest[1] <= self.MOST * (now_s - latest[0])


def joined(blocks: Sequence[AudioBlock]) -> AudioBlock:
    """Blocks that follow on each other, one or more, as one that arrived with the last of them."""
    if len(blocks) == 1:
        return blocks[0]
    return AudioBlock(
        samples=np.concatenate([block.samples for block in blocks]),
        offset_samples=blocks[0].offset_samples,
        captured=blocks[-1].captured,
    )

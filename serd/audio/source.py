"""Where sound comes from. Each source gives blocks in serd's one sound format."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from serd.audio.format import AudioBlock, CaptureTime

MIX = "mix"
"""Value of ``channel`` that averages all channels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceSettings:
    """Where sound comes from."""

    input: str = "default"
    """A microphone ("default", its name, part of its name or its index), a sound file, "-" for raw
    16 kHz mono S16_LE on standard input, "demo" for the bundled recording in a loop, or "auto" for the
    default microphone and, where there is none, the demo."""
    name: str = "mic"
    """Name of the source in topics and events; letters, digits, "-", "_" and "."."""
    channel: str = MIX
    """Which channel of several: "mix" averages them, else its number, from 1."""
    block_ms: int = 30
    """Length of a microphone block, in milliseconds; 10 to 1000."""
    loop: bool = False
    """Whether a sound file begins anew at its end, for ever."""
    queue_s: float = 10.0
    """Sound that may wait while the daemon is busy, in seconds; beyond it the oldest is dropped."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what was expected) for each value that cannot work."""
        if not self.input:
            yield "input", 'a microphone, a sound file, "-", "demo" or "auto"'
        if not self.name or not all(c.isalnum() or c in "-_." for c in self.name):
            yield "name", 'letters, digits, "-", "_" and "."'
        if self.channel != MIX and not (self.channel.isdecimal() and int(self.channel) >= 1):
            yield "channel", '"mix" or the number of a channel, from 1'
        if not 10 <= self.block_ms <= 1000:
            yield "block_ms", "10 to 1000 milliseconds"
        if not 0.1 <= self.queue_s <= 600.0:
            yield "queue_s", "0.1 to 600 seconds"


class Source(Protocol):
    """A sound source: iterate over it once for its blocks."""

    @property
    def n_dropped_blocks(self) -> int:
        """Blocks dropped because the daemon was too slow."""
        ...

    @property
    def n_overflows(self) -> int:
        """Overflows that the sound card reported."""
        ...

    def __iter__(self) -> Iterator[AudioBlock]:
        """Yield blocks until the sound ends or ``stop`` is called."""
        ...

    def stop(self) -> None:
        """End the iteration soon; may be called from a signal handler or another thread."""
        ...

    def describe(self) -> str:
        """What is being listened to, in a few words for the log."""
        ...

    def summary(self) -> str:
        """What went wrong on the way, in a few words for the log; empty if nothing did."""
        ...


class EpochEstimate:
    """When sample 0 of a live source was captured, as far as the arrival of its blocks tells.

    A block can arrive late but never early, so the earliest estimate is the best. Sample clocks drift
    against the wall clock (50 ppm are 4 s a day) and the wall clock itself may be set: an estimate that
    is off by more than ``MAX_ERROR_S`` is replaced.
    """

    MAX_ERROR_S = 0.15

    def __init__(self) -> None:
        self._epoch_s: float | None = None

    def update(self, end_s: float, *, arrived_s: float | None = None) -> CaptureTime:
        """Take the arrival of sound that ends ``end_s`` seconds behind sample 0.

        Args:
            end_s: end of the sound, in seconds.
            arrived_s: monotonic time at which it arrived; now, if not given.
        """
        now_s = time.monotonic()
        if arrived_s is None:
            arrived_s = now_s
        observed_s = time.time() - (now_s - arrived_s) - end_s
        epoch_s = self._epoch_s
        if epoch_s is None or abs(observed_s - epoch_s) > self.MAX_ERROR_S:
            epoch_s = observed_s
        self._epoch_s = min(epoch_s, observed_s)
        return CaptureTime(epoch_s=self._epoch_s, arrived_s=arrived_s)

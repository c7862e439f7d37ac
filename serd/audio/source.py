"""The protocol of sound sources, which yield blocks in serd's sound format, and their settings."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from serd.audio.format import SAMPLE_RATE_HZ, AudioBlock, CaptureTime, Samples
from serd.audio.names import NAME_RULE, is_name

MIX: Final = "mix"
"""Value of ``channel`` that averages all channels."""
STREAM_SCHEMES: Final = ("rtsp", "rtsps", "http", "https")
"""Schemes of the URLs that ffmpeg opens."""
STANDARD_INPUTS: Final = frozenset({"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})
"""Values of ``input`` that name standard input."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceSettings:
    """A sound source."""

    input: str = "default"
    """A microphone ("default", its name, part of its name or its index), a sound file, the URL of a
    stream (rtsp, http or https; needs ffmpeg), raw 16 kHz mono S16_LE or a sound file from standard
    input ("-") or a FIFO, raw samples from a connection ("tcp://host:port", or "tcp://:port" to wait for
    one, "tcp://:port?from=ADDRESS" for one of several sources at this port), a connection in the Wyoming
    protocol ("wyoming://host:port"), "demo" for the bundled recording in a loop, or "auto" for the
    default microphone and, where there is none, the demo."""
    name: str = field(default="mic", metadata={"form": "name"})
    """Name of the source in topics and events, at most 64 letters, digits, "-", "_" and "."."""
    channel: str = MIX
    """Channel of a sound with several: "mix" averages them, else a number from 1."""
    block_ms: int = 30
    """Length of a microphone block, in milliseconds; 10 to 1000."""
    loop: bool = False
    """Whether a sound file is repeated for ever."""
    queue_s: float = 10.0
    """Most sound that waits while the daemon is busy, in seconds; beyond it the oldest is dropped."""

    model: str = ""
    """Model of this source, as in [model] path; empty for that one."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, expected values) for each bad value."""
        if not self.input:
            yield "input", 'a microphone, a sound file, "-", "demo" or "auto"'
        if not is_name(self.name):
            yield "name", NAME_RULE
        try:
            channel_column(self.channel)
        except ValueError:
            yield "channel", '"mix" or the number of a channel, from 1'
        if not 10 <= self.block_ms <= 1000:
            yield "block_ms", "10 to 1000 milliseconds"
        if not 0.1 <= self.queue_s <= 600.0:
            yield "queue_s", "0.1 to 600 seconds"


def channel_column(channel: str, n_channels: int | None = None) -> int | None:
    """Return the column of a channel in sound of shape (n_samples, n_channels).

    Args:
        channel: "mix", or the number of a channel from 1.
        n_channels: number of channels of the sound; None if it is not known yet.

    Returns:
        The column, from 0; None for the mean of all channels.

    Raises:
        ValueError: there is no such channel.
    """
    if channel == MIX:
        return None
    number = int(channel) if str(channel).isdecimal() else 0
    if number < 1 or (n_channels is not None and number > n_channels):
        numbers = "a number from 1" if n_channels is None else f"a number from 1 to {n_channels}"
        raise ValueError(f"channel = {channel!r}, expected {MIX!r} or {numbers}")
    return number - 1


class Source(Protocol):
    """A sound source; its blocks can be iterated over once."""

    @property
    def n_dropped_blocks(self) -> int:
        """Blocks dropped because the daemon was too slow."""
        ...

    @property
    def n_overflows(self) -> int:
        """Overflows reported by the sound card."""
        ...

    def __iter__(self) -> Iterator[AudioBlock]:
        """Yield blocks until the sound ends or ``stop`` is called."""
        ...

    def stop(self) -> None:
        """End the iteration soon; may be called from a signal handler or another thread."""
        ...

    def describe(self) -> str:
        """Return a short description of the source for the log."""
        ...

    def summary(self) -> str:
        """Return a line for the log about lost or bad sound; empty if there was none."""
        ...


class EpochEstimate:
    """Estimates the time of capture of a live source's sample 0 from the arrival of its blocks.

    A block can arrive late but never early, so the earliest estimate is the best. Sample clocks drift
    against the wall clock (by 4 s a day at 50 ppm) and the wall clock itself may be set: an estimate
    with an error of more than ``MAX_ERROR_S`` is replaced.
    """

    MAX_ERROR_S = 0.15
    """Error at which the estimate is replaced, in seconds."""

    def __init__(self) -> None:
        self._epoch_s: float | None = None

    def update(self, end_s: float, *, arrived_s: float | None = None) -> CaptureTime:
        """Update the estimate with the arrival of a block, and return its capture time.

        Args:
            end_s: end of the block, in seconds after sample 0.
            arrived_s: monotonic time of its arrival, in seconds; by default now.
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


class LiveTimeline:
    """Places the sound of a live source without gaps: counts its samples and estimates their time."""

    def __init__(self) -> None:
        self._epoch = EpochEstimate()
        self._n_samples = 0

    def block(self, samples: Samples, problem: str) -> AudioBlock:
        """Return the next samples, which have just arrived, as a block.

        Args:
            samples: int16, shape (n_samples,), 16 kHz mono.
            problem: what is wrong with the sound; empty if nothing is.
        """
        offset_samples = self._n_samples
        self._n_samples += samples.size
        return AudioBlock(
            samples=samples,
            offset_samples=offset_samples,
            captured=self._epoch.update(self._n_samples / SAMPLE_RATE_HZ),
            problem=problem,
        )

"""Watches the channels of a stream: those that cancel each other in the mix, and those that are dead."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

SILENT_S: Final = 10.0
"""Time of digital silence after which a channel is reported, in seconds."""
_WINDOW_S: Final = 0.5
"""Shortest time over which the mix is compared with its channels, in seconds."""
_CANCELED_SHARE: Final = 0.05
"""Power of the mix, relative to that of its channels, below which they cancel each other. It is a
half for independent channels and one for equal ones; 0.05 means a correlation below -0.9."""
_AUDIBLE_POWER: Final = 1e-6
"""Mean power of channels that are compared: -60 dBFS."""


class ChannelMonitor:
    """Says what is wrong with the channels of a stream, and which of them to use."""

    def __init__(self, rate_hz: int) -> None:
        """Create a monitor for one stream; ``rate_hz`` is its sample rate, in hertz."""
        self.column: int | None = None
        """The channel to use instead of the mix, from 0, once the channels cancel each other."""
        self.cancellation = ""
        """A part of a line if the channels cancel each other; else empty."""
        self._rate_hz = rate_hz
        self._n_silent: NDArray[np.int64] | None = None
        self._n_compared = 0
        self._mix_power = 0.0
        self._channel_power: NDArray[np.float64] | None = None

    @property
    def problem(self) -> str:
        """What is wrong at present, as a part of a line; empty if nothing."""
        return self._silence() or self.cancellation

    def check(self, sound: NDArray[Any]) -> None:
        """Watch the next block.

        Args:
            sound: float with full scale at 1, shape (n_samples, n_channels), the channels in use; int16
                as well if there is one.
        """
        if not len(sound):
            return
        if self._n_silent is None:
            self._n_silent = np.zeros(sound.shape[1], np.int64)
        is_constant = sound.max(axis=0) == sound.min(axis=0)
        self._n_silent = np.where(is_constant, self._n_silent + len(sound), 0)
        if self.column is None and sound.shape[1] > 1:
            self._compare(sound)

    def _silence(self) -> str:
        if self._n_silent is None:
            return ""
        (silent,) = np.nonzero(self._n_silent >= SILENT_S * self._rate_hz)
        if not silent.size:
            return ""
        if silent.size == self._n_silent.size:
            return f"gives digital silence for {SILENT_S:.0f} s: is it muted, or the wrong device?"
        numbers = ", ".join(str(each + 1) for each in silent)
        return f"channel {numbers} of {self._n_silent.size} gives digital silence; choose another one"

    def _compare(self, sound: NDArray[Any]) -> None:
        """Compare the power of the mix with that of the channels; float sound only."""
        self._n_compared += len(sound)
        self._mix_power += float(np.square(sound.mean(axis=1, dtype=np.float64)).sum())
        power = np.square(sound, dtype=np.float64).sum(axis=0)
        self._channel_power = power if self._channel_power is None else self._channel_power + power
        if self._n_compared < _WINDOW_S * self._rate_hz:
            return
        mean_power = float(self._channel_power.mean())
        is_audible = mean_power > _AUDIBLE_POWER * self._n_compared
        if is_audible and self._mix_power < _CANCELED_SHARE * mean_power:
            self.column = int(self._channel_power.argmax())
            self.cancellation = (
                f"its channels cancel each other in the mix (one is inverted), and channel"
                f" {self.column + 1} is used alone"
            )
        self._n_compared, self._mix_power, self._channel_power = 0, 0.0, None

"""How faint a source is, and so how much of a gain its sound needs for a voice detector.

webrtcvad hears nothing in faint speech, for its thresholds are absolute; amplified by a fixed gain, the
noise of most rooms would be speech to it. Two levels tell how far sound may be amplified: that of the
background, a minimum that falls at once and rises slowly, and that of the foreground, a maximum that
rises at once and falls slowly. It is the simplest form of R. Martin, "Noise power spectral density
estimation based on optimal smoothing and minimum statistics", IEEE Transactions on Speech and Audio
Processing, 2001.
"""

import math
from typing import Final

from serd.audio import FULL_SCALE

BACKGROUND_DBFS: Final = -66.0
"""Level that the background is brought to at most. webrtcvad takes steady noise above about -40 for
speech, and fainter noise for a moment while it is fresh; this lies below the gate of ``voice``."""
FOREGROUND_DBFS: Final = -35.0
"""Level that the loudest frames are brought to at most; webrtcvad hears speech from there on well."""
DRIFT_DB_PER_S: Final = 3.0
"""How fast the two follow a background that has become louder, a foreground that has become fainter."""

_MOST_BACKGROUND: Final = FULL_SCALE**2 * 10.0 ** (BACKGROUND_DBFS / 10.0)
_MOST_FOREGROUND: Final = FULL_SCALE**2 * 10.0 ** (FOREGROUND_DBFS / 10.0)
_TINY: Final = 1e-9
"""Takes the place of a power of zero."""
_DOUBLING_DB: Final = 6.0
"""20 log10(2), as it is called."""


class Loudness:
    """Follows the power of a source's faintest and loudest frames."""

    def __init__(self, *, frame_s: float, max_gain_db: float) -> None:
        """Begin without a past; the first frame with sound in it is background and foreground.

        Args:
            frame_s: length of a frame, in seconds.
            max_gain_db: most that sound may be amplified by, in dB.
        """
        self._drift = 10.0 ** (DRIFT_DB_PER_S * frame_s / 10.0)
        self._background = math.inf
        self._foreground = 0.0
        self._most = int(max_gain_db / _DOUBLING_DB)

    def doublings(self, mean_square: float) -> int:
        """Take the next frame, and say how often its amplitude may be doubled.

        Args:
            mean_square: of its 16-bit samples. Digital silence is no background.
        """
        if mean_square > 0.0:
            self._background = min(mean_square, self._background * self._drift)
        self._foreground = max(mean_square, self._foreground / self._drift, _TINY)
        headroom = min(_MOST_BACKGROUND / self._background, _MOST_FOREGROUND / self._foreground)
        # Each doubling takes a factor of 4 of it, two of its binary exponent.
        return max(0, min(self._most, (math.frexp(headroom)[1] - 1) // 2))

"""Gain control: amplifies faint sound, so that a voice detector with absolute thresholds detects it."""

import math
from typing import Final

import numpy as np

from serd.audio.format import FULL_SCALE, Samples

BACKGROUND_DBFS: Final = -60.0
"""Highest level to which the background is amplified. webrtcvad takes steady noise above about -40 dBFS
for speech, and also fainter noise just after its start."""
FOREGROUND_DBFS: Final = -35.0
"""Highest level to which the loudest frames are amplified; webrtcvad detects speech at it reliably."""
START_S: Final = 0.2
"""Time from the start of the detector on in which the background is amplified less, in seconds."""
START_BACKGROUND_DBFS: Final = -66.0
"""Highest level to which the background is amplified in that time; below the default of
``min_level_dbfs`` in ``VoiceSettings``."""
DRIFT_DB_PER_S: Final = 3.0
"""Rate at which the estimated background rises and the estimated foreground falls, in dB per second."""

_MAX_BACKGROUND: Final = FULL_SCALE**2 * 10.0 ** (BACKGROUND_DBFS / 10.0)
_MAX_FOREGROUND: Final = FULL_SCALE**2 * 10.0 ** (FOREGROUND_DBFS / 10.0)
_MAX_START_BACKGROUND: Final = FULL_SCALE**2 * 10.0 ** (START_BACKGROUND_DBFS / 10.0)
_MIN_POWER: Final = 1e-9
"""Replaces a power of zero."""
_DOUBLING_DB: Final = 6.0
"""Gain of a factor of 2, 20 log10(2), rounded."""


class GainControl:
    """Chooses the gain at which a voice detector gets the sound of a source.

    webrtcvad does not detect faint speech, because its thresholds are absolute; with a fixed gain it
    would take the noise of most rooms for speech. Two levels determine the gain: the background, a
    minimum that falls at once and rises slowly, and the foreground, a maximum that rises at once and
    falls slowly. This is the simplest form of R. Martin, "Noise power spectral density estimation
    based on optimal smoothing and minimum statistics", IEEE Transactions on Speech and Audio
    Processing, 2001.
    """

    def __init__(self, *, frame_s: float, max_gain_db: float) -> None:
        """Prepare the two levels, which the first frame that is not silent sets.

        Args:
            frame_s: length of a frame, in seconds.
            max_gain_db: maximum gain, in dB.
        """
        self._drift = 10.0 ** (DRIFT_DB_PER_S * frame_s / 10.0)
        self._n_start_frames = round(START_S / frame_s)
        self._background = math.inf
        self._foreground = 0.0
        self._max_doublings = int(max_gain_db / _DOUBLING_DB)

    def doublings(self, mean_square: float) -> int:
        """Return how often the amplitude of the next frame may be doubled.

        Args:
            mean_square: mean of its squared samples; 0, digital silence, does not change the background.
        """
        if mean_square > 0.0:
            self._background = min(mean_square, self._background * self._drift)
            self._n_start_frames -= 1
        self._foreground = max(mean_square, self._foreground / self._drift, _MIN_POWER)
        most = _MAX_BACKGROUND if self._n_start_frames < 0 else _MAX_START_BACKGROUND
        headroom = min(most / self._background, _MAX_FOREGROUND / self._foreground)
        # Each doubling is a factor of 4 in power: 2 in the binary exponent.
        return max(0, min(self._max_doublings, (math.frexp(headroom)[1] - 1) // 2))


def amplify(samples: Samples, n_doublings: int) -> Samples:
    """Amplify samples by a power of two, and clip them.

    Args:
        samples: int16, shape (n_samples,).
        n_doublings: how often the amplitude is doubled, 0 or more.

    Returns:
        int16, shape (n_samples,); ``samples`` itself without a doubling.
    """
    if not n_doublings:
        return samples
    amplified = np.left_shift(samples, n_doublings, dtype=np.int32)
    clipped: Samples = amplified.clip(-FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    return clipped

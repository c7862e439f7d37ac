"""Pitch and level of a voice, frame by frame.

A. de Cheveigne and H. Kawahara, "YIN, a fundamental frequency estimator for speech and music",
J. Acoust. Soc. Am. 111(4), 2002: its steps 1 to 5, and its equations by their numbers.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serd.audio.format import SAMPLE_RATE_HZ, Samples, level_dbfs

MIN_HZ: Final = 60.0
MAX_HZ: Final = 700.0
_INTEGRATION_SAMPLES: Final = 512
_HOP_SAMPLES: Final = 160
_THRESHOLD: Final = 0.15
"""Threshold of the normalized difference, below which a frame has a pitch."""
_FLOOR_DB: Final = 40.0
"""Frames that are softer than the loudest by more are skipped."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VoiceFrames:
    """Pitch every 10 ms, and the level of the voice."""

    pitch_hz: NDArray[np.float64]
    """float64, shape (n_frames,): fundamental frequency, NaN without a pitch."""
    level_dbfs: float
    """RMS level of all frames with a pitch, in dBFS; NaN without any."""

    @property
    def median_hz(self) -> float:
        """Median of the pitch, in hertz; NaN without any."""
        voiced = self.pitch_hz[~np.isnan(self.pitch_hz)]
        return float(np.median(voiced)) if voiced.size else float("nan")


def voice_frames(samples: Samples) -> VoiceFrames:
    """Pitch and level of a clip.

    Args:
        samples: int16, shape (n_samples,), 16 kHz mono.
    """
    max_lag = int(SAMPLE_RATE_HZ / MIN_HZ) + 2
    n_frame = _INTEGRATION_SAMPLES + max_lag
    if samples.size < n_frame:
        return VoiceFrames(pitch_hz=np.empty(0), level_dbfs=float("nan"))
    frames = np.lib.stride_tricks.sliding_window_view(samples, n_frame)[::_HOP_SAMPLES]
    sound = frames.astype(np.float64)
    power = np.mean(sound[:, :_INTEGRATION_SAMPLES] ** 2, axis=1)
    is_loud = (power > 0.0) & (power >= power.max() * 10.0 ** (-_FLOOR_DB / 10.0))
    pitch_hz = np.full(len(frames), np.nan)
    pitch_hz[is_loud] = _yin(sound[is_loud], max_lag)
    is_voiced = ~np.isnan(pitch_hz)
    level = level_dbfs(float(power[is_voiced].mean())) if is_voiced.any() else float("nan")
    return VoiceFrames(pitch_hz=pitch_hz, level_dbfs=level)


def _yin(frames: NDArray[np.float64], max_lag: int) -> NDArray[np.float64]:
    """Pitch of each frame.

    Args:
        frames: float64, shape (n, _INTEGRATION_SAMPLES + max_lag).
        max_lag: number of lags, from 0, in samples.

    Returns:
        float64, shape (n,), hertz, NaN without a pitch.
    """
    normalized = _normalized_difference(frames, max_lag)
    min_lag = int(SAMPLE_RATE_HZ / MAX_HZ)
    inner = normalized[:, min_lag:-1]
    is_dip = (inner < _THRESHOLD) & (inner <= normalized[:, min_lag - 1 : -2])
    is_dip &= inner < normalized[:, min_lag + 1 :]
    lag = min_lag + is_dip.argmax(axis=1)  # step 4: the first dip below the threshold
    rows = np.arange(len(frames))
    before, at, after = (normalized[rows, lag + step] for step in (-1, 0, 1))
    curvature = before - 2.0 * at + after
    shift = np.divide(before - after, 2.0 * curvature, out=np.zeros_like(at), where=curvature > 0.0)
    return np.where(is_dip.any(axis=1), SAMPLE_RATE_HZ / (lag + np.clip(shift, -1.0, 1.0)), np.nan)


def _normalized_difference(frames: NDArray[np.float64], max_lag: int) -> NDArray[np.float64]:
    """Cumulative mean normalized difference (8) of the difference function (6).

    The squared difference of a frame and its shifted self is energy plus shifted energy minus twice
    their correlation, which the Fourier transform gives for all lags at once.

    Returns:
        float64, shape (n, max_lag), 1 at lag 0.
    """
    n_fft = 1 << (2 * frames.shape[1] - 1).bit_length()
    head = np.fft.rfft(frames[:, :_INTEGRATION_SAMPLES], n_fft)
    correlation = np.fft.irfft(head.conj() * np.fft.rfft(frames, n_fft), n_fft)[:, :max_lag]
    sums = np.cumsum(np.pad(frames**2, ((0, 0), (1, 0))), axis=1)
    energy = sums[:, _INTEGRATION_SAMPLES : _INTEGRATION_SAMPLES + max_lag] - sums[:, :max_lag]
    difference = np.maximum(energy[:, :1] + energy - 2.0 * correlation, 0.0)
    lags = np.arange(1, max_lag)
    mean = np.cumsum(difference[:, 1:], axis=1) / lags
    normalized = np.ones_like(difference)
    np.divide(difference[:, 1:], mean, out=normalized[:, 1:], where=mean > 0.0)
    return normalized

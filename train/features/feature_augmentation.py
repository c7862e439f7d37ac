"""Augmentation of a window's MFCCs during training.

D. S. Park et al., "SpecAugment", Interspeech 2019 (masks); N. Jaitly and G. Hinton, "Vocal Tract Length
Perturbation (VTLP) improves speech recognition", ICML workshop 2013 (frequency warp).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serd.model.front_end import FrontEnd
from serd.model.mfcc import MfccFrontEnd, Mfccs, cepstral_matrix

Matrix = NDArray[np.float32]
_N_SUPPORTS = 7
"""Support points of a random frequency response, equally spaced on the mel scale."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureAugment:
    """Parameters of the augmentation of a window."""

    p_original: float = 0.25
    """Share of windows from the clip as recorded, not from an augmented copy."""
    p_join: float = 0.15
    """Share of windows continued by another clip of the same actor, emotion and channel."""
    p_shift: float = 0.5
    """Share of windows rotated in time."""
    gain_db: float = 6.0
    """Log energy changes by up to this, up or down, in dB."""
    p_level: float = 0.25
    """Share of windows with a larger change of level, as by another microphone or distance."""
    level_db: tuple[float, float] = (-36.0, 14.0)
    """Range of that change, in dB."""
    p_warp: float = 0.5
    """Share of windows with a warped frequency axis."""
    warp: float = 0.10
    """The axis is stretched by up to this share, up or down."""
    p_filter: float = 0.8
    """Share of windows with another frequency response, as of another microphone."""
    filter_db: float = 3.0
    """Standard deviation of that response at each of its support points, and of its tilt over half the
    mel scale, in dB."""
    n_time_masks: int = 2
    """Number of stretches of time that are masked."""
    time_mask_frames: int = 27
    """Longest masked stretch, in frames."""
    p_band_mask: float = 0.5
    """Share of windows with a masked band."""
    band_mask_filters: int = 8
    """Widest masked band, in mel filters."""


class FeatureAugmenter:
    """Augments windows of one feature set."""

    def __init__(
        self, settings: FeatureAugment, feature_set: FrontEnd, mean: NDArray[np.float32]
    ) -> None:
        """Precompute the transforms.

        Args:
            settings: parameters of the augmentation.
            feature_set: the coefficients.
            mean: float32, shape (n_mfcc,); replaces masked values.
        """
        self._settings = settings
        self._mean = mean
        if not isinstance(feature_set, MfccFrontEnd):
            raise TypeError(
                f"Bad feature set {feature_set.name!r}, expected MFCCs, whose mel bands are masked"
            )
        self._n_filters = feature_set.n_filters
        self._to_filters, self._to_mfcc = _filter_transforms(feature_set)
        factors = np.linspace(1.0 - settings.warp, 1.0 + settings.warp, 21)
        self._warps = [self._warp_matrix(factor) for factor in factors]

    def draw(self, frames: Mfccs, n_frames: int, rng: np.random.Generator) -> Mfccs:
        """An augmented window.

        Args:
            frames: float32, shape (n, n_mfcc), speech without padding, n >= 1.
            n_frames: frames of the network's input.
            rng: random generator.

        Returns:
            float32, shape (n_frames, n_mfcc).
        """
        settings = self._settings
        start = int(rng.integers(len(frames))) if rng.random() < settings.p_shift else 0
        if len(frames) > n_frames:
            start = int(rng.integers(len(frames) - n_frames + 1))
        window = frames[(start + np.arange(n_frames)) % len(frames)]
        if rng.random() < settings.p_warp:
            energy = window[:, 0].copy()
            window = window @ self._warps[rng.integers(len(self._warps))]
            window[:, 0] = energy
        if rng.random() < settings.p_band_mask:
            window = self._masked_band(window, rng)
        if rng.random() < settings.p_filter:
            window = window + self._response(rng)
        gain_db = rng.uniform(-settings.gain_db, settings.gain_db)
        if rng.random() < settings.p_level:
            gain_db += rng.uniform(*settings.level_db)
        # Log energy is a natural logarithm of power.
        window[:, 0] += gain_db * np.log(10.0) / 10.0
        for _ in range(settings.n_time_masks):
            length = int(rng.integers(settings.time_mask_frames + 1))
            first = int(rng.integers(n_frames - length + 1))
            window[first : first + length] = self._mean
        return window

    def _response(self, rng: np.random.Generator) -> Matrix:
        """A smooth random frequency response, as MFCCs: float32, shape (n_mfcc,).

        A filter multiplies the spectrum, so it adds to the logarithms of the filter energies.
        """
        support = np.linspace(0, self._n_filters - 1, _N_SUPPORTS)
        place = np.arange(self._n_filters)
        response_db = np.interp(place, support, rng.normal(0.0, 1.0, _N_SUPPORTS))
        response_db += rng.normal() * np.linspace(-1.0, 1.0, self._n_filters)
        response_db -= response_db.mean()
        scaled = response_db * self._settings.filter_db * np.log(10.0) / 10.0
        added: Matrix = (scaled @ self._to_mfcc).astype(np.float32)
        return added

    def _masked_band(self, window: Mfccs, rng: np.random.Generator) -> Mfccs:
        width = int(rng.integers(1, self._settings.band_mask_filters + 1))
        first = int(rng.integers(self._n_filters - width + 1))
        band = slice(first, first + width)
        deviation = (window - self._mean) @ self._to_filters[:, band]
        masked: Mfccs = window - np.matmul(deviation, self._to_mfcc[band], dtype=np.float32)
        return masked

    def _warp_matrix(self, factor: float) -> Matrix:
        """MFCCs to the MFCCs of the same spectrum stretched along the filter axis."""
        position = np.clip(np.arange(self._n_filters) * factor, 0, self._n_filters - 1)
        lower = np.minimum(position.astype(int), self._n_filters - 2)
        share = position - lower
        warp = np.zeros((self._n_filters, self._n_filters), np.float32)
        columns = np.arange(self._n_filters)
        warp[lower, columns] = 1.0 - share
        warp[lower + 1, columns] += share
        warped: Matrix = np.linalg.multi_dot((self._to_filters, warp, self._to_mfcc))
        return warped


def _filter_transforms(feature_set: MfccFrontEnd) -> tuple[Matrix, Matrix]:
    """Matrices from MFCCs to log filter energies without their mean, and back.

    Returns:
        float32, shape (n_mfcc, n_filters), and float32, shape (n_filters, n_mfcc). Coefficient 0, which
        is a log energy, has no part in either.
    """
    to_mfcc = cepstral_matrix(feature_set).copy()
    to_mfcc[:, 0] = 0.0  # log energy takes this column's place
    return np.linalg.pinv(to_mfcc).astype(np.float32), to_mfcc.astype(np.float32)

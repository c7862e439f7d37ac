"""MFCCs in the convention of python_speech_features 0.6, computed once for each 10 ms frame.

The convention (its mel scale, pre-emphasis, lifter and energy, on the int16 scale) is followed
exactly: J. Lyons et al., python_speech_features 0.6, doi:10.5281/zenodo.3607820; it goes back to
S. Davis and P. Mermelstein, "Comparison of parametric representations for monosyllabic word
recognition", IEEE Trans. ASSP 28(4), 1980.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from serd.audio.format import SAMPLE_RATE_HZ, Samples

Mfccs = NDArray[np.float32]

_EPS: Final = float(np.finfo(np.float64).eps)
"""Replaces an energy of exactly zero, as in python_speech_features."""

_BLOCK_FRAMES: Final = 100
"""Frames that are transformed at a time: enough for a low cost of calls, few enough for the intermediate
arrays to stay in the processor's cache."""
_N_BANDS: Final = 4
"""Parts of the filterbank that are multiplied separately, each without the bins where it is zero."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MfccFrontEnd:
    """An MFCC front end and its parameters; a name never changes its meaning."""

    name: str
    """Versioned name, written into every model card."""
    sample_rate_hz: int
    """Rate of the sound, in hertz."""
    frame_length_samples: int
    """Length of a frame, in samples."""
    frame_hop_samples: int
    """Distance from one frame's start to the next, in samples."""
    n_fft: int
    """Length of the Fourier transform, in samples; the frame is padded with zeros to it."""
    n_filters: int
    """Number of triangular mel filters from 0 Hz to half the sample rate."""
    n_mfcc: int
    """Number of coefficients; coefficient 0 is replaced by the log energy of the frame."""
    preemphasis: float
    """Coefficient a of y[n] = x[n] - a x[n-1]."""
    lifter: int
    """Length of the sinusoidal lifter, in coefficients."""
    window: str
    """Window function of a frame: "hamming" or "hann"."""

    @property
    def n_features(self) -> int:
        """Number of features of a frame: its coefficients."""
        return self.n_mfcc

    def parameters(self) -> dict[str, Any]:
        """Return every parameter by its name, as in the model's card."""
        return asdict(self)

    def stream(self) -> "MfccStream":
        """Create a stream, which computes the features of a signal block by block."""
        return MfccStream(self)

    def n_frames(self, n_samples: int) -> int:
        """Return the number of whole frames in ``n_samples`` samples."""
        if n_samples < self.frame_length_samples:
            return 0
        return 1 + (n_samples - self.frame_length_samples) // self.frame_hop_samples


MFCC40_V1: Final = MfccFrontEnd(
    name="mfcc40-v1",
    sample_rate_hz=SAMPLE_RATE_HZ,
    frame_length_samples=400,
    frame_hop_samples=160,
    n_fft=512,
    n_filters=40,
    n_mfcc=40,
    preemphasis=0.97,
    lifter=22,
    window="hamming",
)

WINDOWS: Final[Mapping[str, Callable[[int], NDArray[np.float64]]]] = {
    "hamming": np.hamming,
    "hann": np.hanning,
}
"""Window functions by name; each takes a length in samples."""


class MfccStream:
    """Computes the MFCCs of a signal in blocks of any size.

    The frames of ``push`` and ``finish`` together equal ``mfcc`` on the whole signal.
    """

    def __init__(self, front_end: MfccFrontEnd) -> None:
        """Prepare the filterbank.

        Args:
            front_end: the front end's parameters.

        Raises:
            ValueError: the window function is unknown.
        """
        if front_end.window not in WINDOWS:
            raise ValueError(f"Bad window {front_end.window!r}, expected one of {list(WINDOWS)}")
        self._front_end = front_end
        self._bands = _bands(front_end)
        self._cepstrum = cepstral_matrix(front_end)
        self._window = WINDOWS[front_end.window](front_end.frame_length_samples)
        self._tail: NDArray[np.float64]
        self._previous: float
        self._n_frames: int
        self.reset()

    def reset(self) -> None:
        """Clear the state; the next sample is the first of a new signal."""
        self._tail = np.empty(0)
        self._previous = 0.0
        self._n_frames = 0

    def push(self, samples: Samples) -> Mfccs:
        """Return the frames that the next samples complete.

        Args:
            samples: int16, shape (n_samples,), any length.

        Returns:
            float32, shape (n_frames, n_mfcc); n_frames may be 0.
        """
        signal = self._emphasize(samples)
        n_frames = self._front_end.n_frames(signal.size)
        self._tail = signal[n_frames * self._front_end.frame_hop_samples :].copy()
        return self._transform(signal, n_frames)

    def finish(self) -> Mfccs:
        """Return the last frame, padded with zeros, and reset the stream.

        Returns:
            float32, shape (n_frames, n_mfcc); n_frames is 0 or 1.
        """
        length, hop = self._front_end.frame_length_samples, self._front_end.frame_hop_samples
        n_overlap = max(0, length - hop) if self._n_frames else 0
        if self._n_frames and self._tail.size <= n_overlap:
            signal, n_frames = self._tail, 0
        else:
            signal, n_frames = np.pad(self._tail, (0, length - self._tail.size)), 1
        frames = self._transform(signal, n_frames)
        self.reset()
        return frames

    def _emphasize(self, samples: Samples) -> NDArray[np.float64]:
        """Return the unused tail, followed by the new samples with pre-emphasis."""
        n_tail = self._tail.size
        signal = np.empty(n_tail + samples.size)
        signal[:n_tail] = self._tail
        new = signal[n_tail:]
        new[:] = samples
        if samples.size:
            new[1:] -= self._front_end.preemphasis * samples[:-1]
            new[0] -= self._front_end.preemphasis * self._previous
            self._previous = float(samples[-1])
        return signal

    def _transform(self, signal: NDArray[np.float64], n_frames: int) -> Mfccs:
        """Return the MFCCs of the first ``n_frames`` frames of a pre-emphasized signal."""
        self._n_frames += n_frames
        step = signal.strides[0]
        shape = (n_frames, self._front_end.frame_length_samples)
        strides = (self._front_end.frame_hop_samples * step, step)
        frames = as_strided(signal, shape, strides, writeable=False)
        mfccs = np.empty((n_frames, self._front_end.n_features), np.float32)
        for first in range(0, n_frames, _BLOCK_FRAMES):
            block = slice(first, first + _BLOCK_FRAMES)
            self._transform_block(frames[block], mfccs[block])
        return mfccs

    def _transform_block(self, frames: NDArray[np.float64], mfccs: Mfccs) -> None:
        """Write to ``mfccs`` the MFCCs of frames: float64, shape (n_frames, frame_length_samples)."""
        # Float32 is not faster here, and its rounding in a matrix product depends on the number of rows:
        # frames of a stream would differ from those of a whole signal (by 1e-4).
        padded = np.zeros((len(frames), self._front_end.n_fft))
        np.multiply(frames, self._window, out=padded[:, : self._front_end.frame_length_samples])
        squares = np.fft.rfft(padded).view(np.float64)
        squares *= squares
        power = squares[:, ::2] + squares[:, 1::2]
        power /= self._front_end.n_fft
        energies = np.empty((len(frames), self._front_end.n_filters))
        for bins, filters, bank in self._bands:
            np.matmul(power[:, bins], bank, out=energies[:, filters])
        mfccs[:] = _log(energies) @ self._cepstrum
        mfccs[:, 0] = _log(power.sum(axis=1))


def mfcc(samples: Samples, front_end: MfccFrontEnd = MFCC40_V1) -> Mfccs:
    """Compute the MFCCs of a whole signal as ``python_speech_features.mfcc`` does with these parameters.

    Args:
        samples: int16, shape (n_samples,), one sample or more.
        front_end: the front end's parameters.

    Returns:
        float32, shape (n_frames, n_mfcc), the last frame padded with zeros.
    """
    stream = MfccStream(front_end)
    return np.concatenate((stream.push(samples), stream.finish()))


def _log(energy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Natural logarithm, computed in place."""
    energy[energy == 0.0] = _EPS
    return np.log(energy, out=energy)


def _mel(hz: float) -> float:
    """Convert hertz to mel (D. O'Shaughnessy, Speech Communication, 1987)."""
    return float(2595.0 * np.log10(1.0 + hz / 700.0))


def _filterbank(front_end: MfccFrontEnd) -> NDArray[np.float64]:
    """Triangular filters on mel-spaced bins: float64, shape (n_fft // 2 + 1, n_filters)."""
    n_filters = front_end.n_filters
    mels = np.linspace(_mel(0.0), _mel(front_end.sample_rate_hz / 2), n_filters + 2)
    hz = 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    edges = np.floor((front_end.n_fft + 1) * hz / front_end.sample_rate_hz)
    bins = np.arange(front_end.n_fft // 2 + 1)[:, np.newaxis]
    low, center, high = edges[:-2], edges[1:-1], edges[2:]
    with np.errstate(divide="ignore", invalid="ignore"):
        rise = np.where((bins >= low) & (bins < center), (bins - low) / (center - low), 0.0)
        fall = np.where((bins >= center) & (bins < high), (high - bins) / (high - center), 0.0)
    bank: NDArray[np.float64] = rise + fall
    return bank


@lru_cache
def _bands(front_end: MfccFrontEnd) -> list[tuple[slice, slice, NDArray[np.float64]]]:
    """The filterbank in parts: bins, filters, and their weights, float64, shape (n_bins, n_filters)."""
    bank = _filterbank(front_end)
    bands = []
    for filters in np.array_split(np.arange(front_end.n_filters), _N_BANDS):
        columns = slice(filters[0], filters[-1] + 1)
        used = np.flatnonzero(bank[:, columns].any(axis=1))
        rows = slice(used[0], used[-1] + 1)
        bands.append((rows, columns, np.ascontiguousarray(bank[rows, columns])))
    return bands


@lru_cache
def cepstral_matrix(front_end: MfccFrontEnd) -> NDArray[np.float64]:
    """Return the matrix from log filter energies to MFCCs: orthonormal DCT-II times lifter.

    Returns:
        float64, shape (n_filters, n_mfcc); cached, so it must not be changed.
    """
    n_filters, n_mfcc = front_end.n_filters, front_end.n_mfcc
    row = np.arange(n_filters)[:, np.newaxis]
    column = np.arange(n_mfcc)
    dct = np.sqrt(2.0 / n_filters) * np.cos(np.pi * column * (2 * row + 1) / (2 * n_filters))
    dct[:, 0] /= np.sqrt(2.0)
    lift = 1.0 + front_end.lifter / 2 * np.sin(np.pi * column / front_end.lifter)
    matrix: NDArray[np.float64] = dct * lift
    return matrix

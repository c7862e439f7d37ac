"""Removes what lies below speech: offsets of cheap microphones, mains hum, rumble.

The filter is a Chebyshev filter of the second kind, order 5: a constant offset is removed completely,
50 Hz by 36 dB, 60 Hz by 47 dB; 100 Hz loses 1.5 dB, 120 Hz 0.2 dB. Of the deepest voices (80 Hz) the
fundamental loses 10 dB, and no harmonic anything. Coefficients: ``scipy.signal.cheby2(5, 36, 62, "high",
fs=16000)``, SciPy 1.13.

A recursion over single samples would be slow in Python. As a sum of partial fractions (A. V. Oppenheim
and R. W. Schafer, "Discrete-Time Signal Processing", 3rd edition, 2010, section 3.3) the filter is a sum
of recursions of first order, s[n] = p s[n-1] + x[n], and those are cumulative sums: s[n] is p^n times
the sum of x[m] p^-m for m up to n.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from serd.audio.format import FULL_SCALE, Samples

POLES: Final = (
    0.9729605774473258 + 0.0j,
    0.9778434015061478 + 0.021077410207486748j,
    0.9909655028553953 + 0.03456448638078706j,
)
"""Poles of the filter; each complex one stands for its conjugate as well."""
RESIDUES: Final = (
    -0.04358486146805001 + 0.0j,
    -0.04436151321246095 - 0.045626931284120015j,
    -0.0007766538550654765 - 0.02196079894689546j,
)
"""Residue r of the fraction r / (1 - p / z) of each pole p; twice that for a complex pole."""
GAIN: Final = 1.0453450026171869
"""Constant part of the sum of fractions."""
_CHUNK_SAMPLES: Final = 480
"""Samples of one cumulative sum; p^-n stays below 1e6."""

_POLES: Final[NDArray[np.complex128]] = np.array(POLES)
_POWERS: Final[NDArray[np.complex128]] = _POLES[:, np.newaxis] ** np.arange(_CHUNK_SAMPLES)


def _parts(values: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Real and imaginary parts in rows: shape (n_poles, n) -> (2 * n_poles, n)."""
    return np.stack((values.real, values.imag), axis=1).reshape(-1, values.shape[-1])


_INVERSE_POWERS: Final = _parts(1.0 / _POWERS)
_WEIGHTS: Final = _parts((np.array(RESIDUES)[:, np.newaxis] * _POWERS).conj())
"""Factors of the parts of each sum in the output: float64, shape (2 * n_poles, _CHUNK_SAMPLES)."""


class HighPass:
    """Filters the sound of one source, piece by piece."""

    def __init__(self) -> None:
        self._state: NDArray[np.complex128] | None = None
        """Value of each recursion after the last sample: shape (n_poles,)."""

    def reset(self) -> None:
        """Start afresh with the next sample."""
        self._state = None

    def filter(self, samples: Samples) -> Samples:
        """Return the next samples without what lies below speech.

        The filter starts as if the first sample had lasted for ever, so an offset makes no step.

        Args:
            samples: int16, shape (n_samples,), 16 kHz mono.

        Returns:
            int16, shape (n_samples,).
        """
        if not samples.size:
            return samples
        state: NDArray[np.complex128] = (
            self._state if self._state is not None else float(samples[0]) / (1.0 - _POLES)
        )
        output = samples * GAIN
        for start in range(0, samples.size, _CHUNK_SAMPLES):
            part = samples[start : start + _CHUNK_SAMPLES]
            sums = part * _INVERSE_POWERS[:, : part.size]
            sums[:, 0] += (_POLES * state).view(np.float64)
            np.cumsum(sums, axis=1, out=sums)
            last: NDArray[np.complex128] = sums[:, -1].copy().view(np.complex128)
            state = last * _POWERS[:, part.size - 1]
            sums *= _WEIGHTS[:, : part.size]
            output[start : start + part.size] += np.add.reduce(sums)
        self._state = state
        np.rint(output, output)
        np.clip(output, -FULL_SCALE, FULL_SCALE - 1, output)
        return output.astype(np.int16)

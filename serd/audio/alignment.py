"""Finds the first byte of each 16-bit sample in a stream that may lose or gain a byte."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_CHECKED_BYTES: Final = 6_400
"""Bytes that a check looks at: 0.2 s of 16 kHz mono."""
_CHECK_EVERY_BYTES: Final = 1_600
_ROUGHNESS_RATIO: Final = 4.0
"""How much rougher the present alignment must be than the other one to be given up. Sound read one byte
off is noise of full scale, which is far rougher than any voice or music."""


class SampleAligner:
    """Cuts bytes into whole 16-bit samples, and moves by one byte where the samples turn into noise.

    A writer that is restarted in the middle of a sample leaves one byte too many in the pipe. From then
    on the low byte of each sample would be taken for its high byte.
    """

    def __init__(self) -> None:
        self.n_shifts = 0
        """How often the alignment was corrected."""
        self._rest = b""
        self._recent = b""
        self._n_unchecked_bytes = 0

    @property
    def has_rest(self) -> bool:
        """Whether the bytes so far end in the middle of a sample."""
        return bool(self._rest)

    def align(self, data: bytes) -> bytes:
        """Add the next bytes of the stream, and return those that are whole samples."""
        data = self._rest + data
        self._n_unchecked_bytes += len(data)
        if self._n_unchecked_bytes >= _CHECK_EVERY_BYTES:
            self._n_unchecked_bytes = 0
            if _is_off_by_one((self._recent + data)[-_CHECKED_BYTES - len(data) % 2 :]):
                self.n_shifts += 1
                self._recent = b""
                data = data[1:]
        n_whole = len(data) // 2 * 2
        data, self._rest = data[:n_whole], data[n_whole:]
        self._recent = (self._recent + data)[-_CHECKED_BYTES:]
        return data


def _is_off_by_one(data: bytes) -> bool:
    """Whether samples that start at the second byte are much smoother than those from the first."""
    n_samples = (len(data) - 1) // 2
    lanes = np.frombuffer(data, np.uint8, 2 * n_samples).reshape(-1, 2)
    # With one byte constant (silence, 8-bit sound made wider), both readings are smooth.
    if n_samples < 2 or (lanes == lanes[0]).all(axis=0).any():
        return False
    present = _roughness(np.frombuffer(data, "<i2", n_samples))
    other = _roughness(np.frombuffer(data, "<i2", n_samples, offset=1))
    return present > _ROUGHNESS_RATIO * other


def _roughness(samples: NDArray[np.int16]) -> float:
    """Mean difference between neighboring samples."""
    return float(np.abs(np.diff(samples.astype(np.int32))).mean())

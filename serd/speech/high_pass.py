"""Removes the frequencies below speech: offsets of cheap microphones, mains hum, rumble.

The filter has order 5. A constant offset is removed completely; 50 and 60 Hz lose 58 dB or more, also
where the mains are half a hertz off, and lower frequencies 27 dB or more; 100 Hz loses 1.5 dB, 120 Hz
0.1 dB. The fundamental of the deepest voices (80 Hz) loses 12 dB, their harmonics lose nothing. The
poles are those of a Chebyshev filter of the second kind, ``scipy.signal.cheby2(5, 30, 70, "high",
fs=16000)``, and the zeros lie at 0, 50 and 60 Hz on the unit circle; the gain is 1 at 8 kHz.

A recursion over single samples would be slow in Python. In the state-space form (A. V. Oppenheim and
R. W. Schafer, "Discrete-Time Signal Processing", 3rd edition, 2010, section 6) the output of a chunk of
samples and the state after it are products of the samples and the state before it with fixed matrices,
and so are the states between several chunks.
"""

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from serd.audio.format import FULL_SCALE, Samples

SECTIONS: Final = (
    (0.9595750744456137, -0.9595750744456137, 0.0, 1.0, -0.9748165535045294, 0.0),
    (1.0, -1.9996144809641296, 1.0, 1.0, -1.9586830517046594, 0.9595760081608876),
    (1.0, -1.9994448604360011, 1.0, 1.0, -1.983042543127502, 0.9843657279427963),
)
"""Second-order sections: b0, b1, b2, a0, a1, a2 each."""
_N_STATES: Final = 2 * len(SECTIONS)
_CHUNK_SAMPLES: Final = 32
"""Samples of a chunk; a factor of the frame lengths of voice detectors."""
_MAX_CHUNKS: Final = 16
"""Most chunks that are filtered at a time."""

_Matrix = NDArray[np.float64]


class _Matrices(NamedTuple):
    """The filter over chunks of n samples, as factors on the right; s is the number of states."""

    from_samples: _Matrix
    """(n, n + s): samples to their output and to the state after them."""
    from_state: _Matrix
    """(s, n): the state before a chunk to its output."""
    from_states: _Matrix
    """(k s, (k + 1) s): the states that each of k chunks adds to the states before and after each."""
    from_first: _Matrix
    """(s, (k + 1) s): the state before the first chunk to the same."""
    settled: _Matrix
    """(s,): the state after a long constant input of 1."""


class HighPass:
    """Filters the sound of one source, piece by piece."""

    def __init__(self) -> None:
        self._state: _Matrix | None = None

    def reset(self) -> None:
        """Start afresh with the next sample."""
        self._state = None

    def filter(self, samples: Samples) -> Samples:
        """Return the next samples without the frequencies below speech.

        The filter starts as if the first sample had lasted for ever, so an offset makes no step.

        Args:
            samples: int16, shape (n_samples,), 16 kHz mono.

        Returns:
            int16, shape (n_samples,).
        """
        if not samples.size:
            return samples
        state = self._state
        if state is None:
            state = _matrices(_CHUNK_SAMPLES).settled * float(samples[0])
        signal = samples.astype(np.float64)
        rest = samples.size // _CHUNK_SAMPLES * _CHUNK_SAMPLES
        for start in range(0, rest, _MAX_CHUNKS * _CHUNK_SAMPLES):
            part = signal[start : min(rest, start + _MAX_CHUNKS * _CHUNK_SAMPLES)]
            state = _filter_in_place(part.reshape(-1, _CHUNK_SAMPLES), state)
        if rest < samples.size:
            state = _filter_in_place(signal[rest:].reshape(1, -1), state)
        self._state = state
        np.rint(signal, out=signal)
        np.maximum(signal, -FULL_SCALE, out=signal)
        np.minimum(signal, FULL_SCALE - 1, out=signal)
        return signal.astype(np.int16)


def _filter_in_place(chunks: _Matrix, state: _Matrix) -> _Matrix:
    """Filter consecutive chunks: float64, shape (k, n); returns the state after them, shape (s,)."""
    matrices = _matrices(chunks.shape[1])
    end = len(chunks) * _N_STATES
    both = chunks @ matrices.from_samples
    added = both[:, -_N_STATES:].reshape(end)
    states = added @ matrices.from_states[:end, : end + _N_STATES]
    states += state @ matrices.from_first[:, : end + _N_STATES]
    chunks[:] = both[:, :-_N_STATES]
    chunks += states[:end].reshape(-1, _N_STATES) @ matrices.from_state
    return states[end:]


@lru_cache(maxsize=_CHUNK_SAMPLES)
def _matrices(n_samples: int) -> _Matrices:
    """The matrices for chunks of some length, measured with unit samples and unit states."""
    no_state, no_sound = np.zeros((n_samples, _N_STATES)), np.zeros((_N_STATES, n_samples))
    response, to_state = _recursion(np.eye(n_samples), no_state)
    from_state, step = _recursion(no_sound, np.eye(_N_STATES))
    powers = [np.linalg.matrix_power(step, k) for k in range(_MAX_CHUNKS + 1)]
    nothing = np.zeros_like(step)
    later = [
        [powers[after - chunk - 1] if after > chunk else nothing for after in range(_MAX_CHUNKS + 1)]
        for chunk in range(_MAX_CHUNKS)
    ]
    return _Matrices(
        from_samples=np.hstack((response, to_state)),
        from_state=from_state,
        from_states=np.block(later),
        from_first=np.hstack(powers),
        settled=np.linalg.solve((np.eye(_N_STATES) - step).T, to_state.sum(axis=0)),
    )


def _recursion(inputs: _Matrix, states: _Matrix) -> tuple[_Matrix, _Matrix]:
    """Filter signals one sample after the other, in the transposed direct form II.

    Args:
        inputs: float64, shape (n_signals, n_samples).
        states: float64, shape (n_signals, s).

    Returns:
        The outputs and the states after them, of the same shapes.
    """
    states = states.copy()
    outputs = np.empty_like(inputs)
    for index in range(inputs.shape[1]):
        signal = inputs[:, index]
        for number, (b0, b1, b2, _, a1, a2) in enumerate(SECTIONS):
            first, second = states[:, 2 * number], states[:, 2 * number + 1]
            result = b0 * signal + first
            states[:, 2 * number] = b1 * signal - a1 * result + second
            states[:, 2 * number + 1] = b2 * signal - a2 * result
            signal = result
        outputs[:, index] = signal
    return outputs, states

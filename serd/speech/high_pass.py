"""Removes what lies below speech: offsets of cheap microphones, mains hum, rumble.

The filter is a Chebyshev filter of the second kind, order 5: a constant offset is removed completely,
50 Hz by 36 dB, 60 Hz by 47 dB; 100 Hz loses 1.5 dB, 120 Hz 0.2 dB. Of the deepest voices (80 Hz) the
fundamental loses 10 dB, and no harmonic anything. Coefficients: ``scipy.signal.cheby2(5, 36, 62, "high",
fs=16000)``, SciPy 1.13.

A recursion over single samples would be slow in Python, so a chunk of samples is filtered at a time by
matrix products, in the state-space form: A. V. Oppenheim and R. W. Schafer, "Discrete-Time Signal
Processing", 3rd edition, 2010, section 6.
"""

from dataclasses import replace
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from serd.audio.format import FULL_SCALE, AudioBlock, Samples

SECTIONS: Final = (
    (0.9566219740816106, -0.9566219740816106, 0.0, 1.0, -0.9729605774473258, 0.0),
    (1.0, -1.9997951852676787, 1.0, 1.0, -1.9556868030122956, 0.956621975090168),
    (1.0, -1.9994638324904883, 1.0, 1.0, -1.9819310057107906, 0.9832073315682142),
)
"""Second-order sections: b0, b1, b2, a0, a1, a2 each."""
_CHUNK_SAMPLES: Final = 80
"""Samples filtered by one row of a matrix product: 5 ms, of which all frame lengths are multiples."""

_Matrix = NDArray[np.float64]


class _Chunk(NamedTuple):
    """The filter over one chunk of n samples, with a state of s numbers; row vectors on the left."""

    response: _Matrix
    """(n, n): inputs to outputs."""
    from_state: _Matrix
    """(s, n): the state before the chunk to outputs."""
    to_state: _Matrix
    """(n, s): inputs to the state after the chunk."""
    transition: _Matrix
    """(s, s): the state before the chunk to the state after it."""
    settled: _Matrix
    """(s,): the state after a long constant input of 1."""


class HighPass:
    """Filters the sound of one source, block by block."""

    def __init__(self) -> None:
        self._state: _Matrix | None = None
        self._next_offset_samples = 0

    def process(self, block: AudioBlock) -> AudioBlock:
        """Return the block without what lies below speech.

        The filter starts, and starts again after a gap, as if the first sample had lasted for ever, so
        an offset makes no step.
        """
        if block.offset_samples != self._next_offset_samples:
            self._state = None
        self._next_offset_samples = block.end_samples
        if not block.samples.size:
            return block
        return replace(block, samples=self._filtered(block.samples))

    def _filtered(self, samples: Samples) -> Samples:
        state = self._state
        if state is None:
            state = _chunk(_CHUNK_SAMPLES).settled * float(samples[0])
        n_whole = samples.size // _CHUNK_SAMPLES * _CHUNK_SAMPLES
        output = np.empty(samples.size)
        for start, end in ((0, n_whole), (n_whole, samples.size)):
            if end > start:
                chunk = _chunk(min(_CHUNK_SAMPLES, end - start))
                rows = samples[start:end].reshape(-1, len(chunk.response)).astype(np.float64)
                output[start:end], state = _apply(chunk, rows, state)
        self._state = state
        rounded: Samples = np.rint(output).clip(-FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
        return rounded


def _apply(chunk: _Chunk, rows: _Matrix, state: _Matrix) -> tuple[_Matrix, _Matrix]:
    """Filter chunks: float64, shape (n_chunks, n); returns all outputs, and the state after them."""
    added = rows @ chunk.to_state
    states = np.empty_like(added)
    for index, new in enumerate(added):
        states[index] = state
        state = state @ chunk.transition + new
    return (rows @ chunk.response + states @ chunk.from_state).reshape(-1), state


@lru_cache(maxsize=_CHUNK_SAMPLES)
def _chunk(n_samples: int) -> _Chunk:
    """The matrices for a chunk, measured with unit inputs and unit states."""
    n_states = 2 * len(SECTIONS)
    inputs, states = np.eye(n_samples), np.eye(n_states)
    response, to_state = _recursion(inputs, np.zeros((n_samples, n_states)))
    from_state, transition = _recursion(np.zeros((n_states, n_samples)), states)
    settled = np.linalg.solve((np.eye(n_states) - transition).T, to_state.sum(axis=0))
    return _Chunk(response, from_state, to_state, transition, settled)


def _recursion(inputs: _Matrix, states: _Matrix) -> tuple[_Matrix, _Matrix]:
    """Filter signals one sample after the other, in the transposed direct form II.

    Args:
        inputs: float64, shape (n_signals, n_samples).
        states: float64, shape (n_signals, 2 * len(SECTIONS)).

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

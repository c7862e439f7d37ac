"""Agreement of a converted network with the Keras model that it comes from, by precision."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Precision = Literal["float32", "dynamic", "int8"]
"""float32 throughout; int8 weights with float32 activations; int8 weights and activations."""

PRECISIONS: Final[tuple[Precision, ...]] = get_args(Precision)


Probabilities = NDArray[np.float32]
"""float32, shape (n_windows, n_labels)."""


def file_name(name: str, precision: Precision) -> str:
    """The file of a network in one precision."""
    return f"{name}.tflite" if precision == "float32" else f"{name}-{precision}.tflite"


@dataclass(frozen=True, kw_only=True, slots=True)
class Disagreement:
    """A window for which Keras and the converted network decide differently."""

    window: str
    """The clip and the number of the window."""
    keras: str
    """Decision of Keras."""
    network: str
    """Decision of the converted network."""
    keras_probabilities: tuple[float, float]
    """Probabilities of both classes in Keras."""
    network_probabilities: tuple[float, float]
    """Probabilities of both classes in the converted network."""

    def __str__(self) -> str:
        before, after = self.keras_probabilities, self.network_probabilities
        return (
            f"{self.window}: Keras {self.keras} {before[0]:.3f}, {self.network} {before[1]:.3f};"
            f" converted {self.keras} {after[0]:.3f}, {self.network} {after[1]:.3f}"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """Agreement of a converted network with Keras."""

    n_windows: int
    """Number of windows."""
    largest_difference: float
    """Largest difference of a probability."""
    disagreements: tuple[Disagreement, ...]
    """Windows with different decisions, the widest margin of the converted network first."""

    @property
    def share(self) -> float:
        """Share of windows with the same decision."""
        return 1.0 - len(self.disagreements) / self.n_windows


def compare(
    keras: Probabilities, network: Probabilities, windows: Sequence[str], labels: Sequence[str]
) -> Agreement:
    """Compare a converted network's probabilities with those of Keras.

    Args:
        keras: float32, shape (n_windows, n_labels).
        network: of the same shape.
        windows: name of each window.
        labels: name of each class.

    Raises:
        ValueError: there is no window.
    """
    if not len(windows):
        raise ValueError("Bad number of windows 0, expected 1 or more")
    disagreements = []
    for row in np.flatnonzero(keras.argmax(axis=1) != network.argmax(axis=1)).tolist():
        pair = [int(keras[row].argmax()), int(network[row].argmax())]
        disagreements.append(
            Disagreement(
                window=windows[row],
                keras=labels[pair[0]],
                network=labels[pair[1]],
                keras_probabilities=(float(keras[row, pair[0]]), float(keras[row, pair[1]])),
                network_probabilities=(float(network[row, pair[0]]), float(network[row, pair[1]])),
            )
        )
    disagreements.sort(key=lambda each: each.network_probabilities[0] - each.network_probabilities[1])
    return Agreement(
        n_windows=len(windows),
        largest_difference=float(np.abs(keras - network).max()),
        disagreements=tuple(disagreements),
    )

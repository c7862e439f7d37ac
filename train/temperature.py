"""Temperature scaling: logits divided by one number, so that a model is as sure as it is often right.

C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
"""

from typing import Final

import keras
import numpy as np
from numpy.typing import NDArray

from train.network import DENSE_LOGITS

_TEMPERATURES: Final = np.geomspace(0.2, 5.0, 401)


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The temperature at which the true classes are likeliest.

    Args:
        logits: float32, shape (n, n_labels), of windows whose speakers the networks never heard.
        labels: int64, shape (n,): the true classes.

    Returns:
        0.2 to 5, to about a hundredth; 1 where there is no window.
    """
    if not len(labels):
        return 1.0
    true = np.arange(len(labels)), labels
    losses = []
    for temperature in _TEMPERATURES:
        scaled = logits.astype(np.float64) / temperature
        scaled -= scaled.max(axis=1, keepdims=True)
        losses.append(float((np.log(np.exp(scaled).sum(axis=1)) - scaled[true]).mean()))
    return float(_TEMPERATURES[int(np.argmin(losses))])


def cool(model: keras.Model, temperature: float) -> None:
    """Divide the logits of a network, in the layers that give them, by a temperature."""
    for layer in _dense_logits(model):
        layer.set_weights([weights / temperature for weights in layer.get_weights()])


def _dense_logits(model: keras.Model) -> list[keras.layers.Layer]:
    """Those of the network itself, or of each of its members."""
    found = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found += _dense_logits(layer)
        elif layer.name == DENSE_LOGITS:
            found.append(layer)
    return found

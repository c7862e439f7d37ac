"""Sound while it is altered: float32, full scale being 1."""

import numpy as np
from numpy.typing import NDArray

from serd.audio import FULL_SCALE, Samples

Sound = NDArray[np.float32]


def to_sound(samples: Samples) -> Sound:
    """Samples as a source gives them, in a form that can be altered without rounding.

    Args:
        samples: int16, shape (n_samples,).

    Returns:
        float32, shape (n_samples,), from -1 up to but not including 1.
    """
    sound: Sound = samples.astype(np.float32) / np.float32(FULL_SCALE)
    return sound

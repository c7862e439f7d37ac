"""The protocol of front ends, which compute frames of features from speech, and their registry.

A network's card names its front end with all parameters, so that training and serving compute the same
features. A new front end is a class with the ``FrontEnd`` protocol and an entry in ``FRONT_ENDS``; a
name never changes its meaning.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from serd.audio.format import Samples
from serd.model.mfcc import MFCC40_V1

Features = NDArray[np.float32]
"""Frames of features: float32, shape (n_frames, n_features)."""


class FeatureStream(Protocol):
    """Computes the features of a signal in blocks of any size.

    The frames do not depend on the boundaries of the blocks.
    """

    def push(self, samples: Samples) -> Features:
        """Return the frames that the next samples complete.

        Args:
            samples: int16, shape (n_samples,), 16 kHz mono, any length.

        Returns:
            float32, shape (n_frames, n_features); n_frames may be 0.
        """
        ...

    def reset(self) -> None:
        """Clear the state; the next sample is the first of a new signal."""
        ...


class FrontEnd(Protocol):
    """A front end and its parameters; hashable, and equal to others with the same features."""

    @property
    def name(self) -> str:
        """Versioned name, written into every model card."""
        ...

    @property
    def frame_hop_samples(self) -> int:
        """Distance from one frame's start to the next, in samples of 16 kHz."""
        ...

    @property
    def n_features(self) -> int:
        """Number of features of a frame; the card has a mean and a standard deviation for each."""
        ...

    def n_frames(self, n_samples: int) -> int:
        """Return the number of whole frames in ``n_samples`` samples."""
        ...

    def parameters(self) -> Mapping[str, Any]:
        """Return every parameter by its name, including ``name``, with values that JSON can hold."""
        ...

    def stream(self) -> FeatureStream:
        """Create a stream, which computes the features of a signal block by block."""
        ...


FRONT_ENDS: Final[dict[str, FrontEnd]] = {MFCC40_V1.name: MFCC40_V1}
"""Front ends of this version, by name."""

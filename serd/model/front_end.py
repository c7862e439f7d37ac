"""The seam between sound and network: what a front end is, and which ones there are.

A front end turns speech into frames of features. The network's card names it with all its parameters,
so that training and serving compute the same. A new one is a file with the ``FrontEnd`` protocol and a
line in ``FRONT_ENDS``; a name never changes its meaning.
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
    """Computes the features of a signal that arrives in blocks of any size.

    The frames that ``push`` gives do not depend on where the blocks are cut.
    """

    def push(self, samples: Samples) -> Features:
        """Take the next samples, give the frames that they complete.

        Args:
            samples: int16, shape (n_samples,), 16 kHz mono, any length.

        Returns:
            float32, shape (n_frames, n_features); n_frames may be 0.
        """
        ...

    def reset(self) -> None:
        """Forget the signal; the next sample is the first of a new one."""
        ...


class FrontEnd(Protocol):
    """The parameters of a front end, hashable and equal where they give the same features."""

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
        """Features of a frame; the card has a mean and a standard deviation for each."""
        ...

    def n_frames(self, n_samples: int) -> int:
        """Number of frames that lie wholly inside ``n_samples`` samples."""
        ...

    def parameters(self) -> Mapping[str, Any]:
        """Every parameter by its name, ``name`` among them, as JSON can hold it."""
        ...

    def stream(self) -> FeatureStream:
        """What computes the features of a signal that arrives in blocks."""
        ...


FRONT_ENDS: Final[dict[str, FrontEnd]] = {MFCC40_V1.name: MFCC40_V1}
"""Every front end that this version can compute, by name."""

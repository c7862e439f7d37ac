"""From windows of speech to the feature matrices that the network takes."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np

from serd.model.features import FeatureSet, Mfccs, MfccStream
from serd.speech.segments import SpeechWindow

Padding = Literal["repeat"]
"""How a short window fills the network's input: "repeat" starts its frames over again."""

PADDINGS: Final[tuple[Padding, ...]] = get_args(Padding)


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureWindow:
    """A window of speech with the features of it."""

    window: SpeechWindow
    mfccs: Mfccs
    """float32, shape (n_frames, n_mfcc), n_frames as the model's card names it."""


class WindowFeatures:
    """Computes each frame once, however many windows of an utterance it falls into."""

    def __init__(self, feature_set: FeatureSet, *, window_samples: int, padding: Padding) -> None:
        self._n_frames = feature_set.n_frames(window_samples)
        self._hop_samples = feature_set.frame_hop_samples
        self._padding: Padding = padding
        self._stream = MfccStream(feature_set)
        self._frames: Mfccs = np.empty((0, feature_set.n_mfcc), np.float32)
        self._first_frame = 0
        self._utterance = 0
        self._end_samples = 0

    def process(self, window: SpeechWindow) -> FeatureWindow:
        """Features of a window, which must not begin before the last one given."""
        end_samples = window.position_samples + window.samples.size
        if window.utterance != self._utterance or window.position_samples > self._end_samples:
            self._stream.reset()
            self._frames = self._frames[:0]
            self._first_frame = window.position_samples // self._hop_samples
            self._utterance = window.utterance
            self._end_samples = window.position_samples
        new = window.samples[self._end_samples - window.position_samples :]
        n_old = window.position_samples // self._hop_samples - self._first_frame
        # A window that begins behind the frames computed so far skips some of those to come.
        self._frames = np.concatenate((self._frames, self._stream.push(new)))[n_old:]
        self._first_frame += n_old
        self._end_samples = end_samples
        mfccs = pad(self._frames[: self._n_frames], self._n_frames, self._padding)
        return FeatureWindow(window=window, mfccs=mfccs)


def pad(mfccs: Mfccs, n_frames: int, padding: Padding) -> Mfccs:
    """Bring a window to ``n_frames`` frames.

    Args:
        mfccs: float32, shape (n, n_mfcc), 1 <= n <= n_frames.
        n_frames: frames of the network's input.
        padding: how; one of ``PADDINGS``.

    Returns:
        float32, shape (n_frames, n_mfcc); the window itself where it is long enough.
    """
    if padding not in PADDINGS:
        raise ValueError(f"Bad padding {padding!r}, expected one of {list(PADDINGS)}")
    return mfccs if len(mfccs) == n_frames else mfccs[np.arange(n_frames) % len(mfccs)]

"""From windows of speech to the feature matrices that the network takes."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np

from serd.model.front_end import Features, FrontEnd
from serd.speech.segments import SpeechWindow

Padding = Literal["repeat"]
"""How a short window fills the network's input: "repeat" starts its frames over again."""

PADDINGS: Final[tuple[Padding, ...]] = get_args(Padding)


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureWindow:
    """A window of speech and its features."""

    speech: SpeechWindow
    """The window of speech."""
    features: Features
    """float32, shape (n_frames, n_features), n_frames as the model's card names it."""


class WindowFeatures:
    """Computes each frame once, however many windows of an utterance it falls into."""

    def __init__(self, front_end: FrontEnd, *, window_samples: int, padding: Padding) -> None:
        self._n_frames = front_end.n_frames(window_samples)
        self._hop_samples = front_end.frame_hop_samples
        self._padding: Padding = padding
        self._stream = front_end.stream()
        self._frames: Features = np.empty((0, front_end.n_features), np.float32)
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
        features = pad(self._frames[: self._n_frames], self._n_frames, self._padding)
        return FeatureWindow(speech=window, features=features)


def pad(features: Features, n_frames: int, padding: Padding) -> Features:
    """Bring a window to ``n_frames`` frames.

    Args:
        features: float32, shape (n, n_features), 1 <= n <= n_frames.
        n_frames: frames of the network's input.
        padding: how; one of ``PADDINGS``.

    Returns:
        float32, shape (n_frames, n_features); the window itself where it is long enough.
    """
    if padding not in PADDINGS:
        raise ValueError(f"Bad padding {padding!r}, expected one of {list(PADDINGS)}")
    return features if len(features) == n_frames else features[np.arange(n_frames) % len(features)]

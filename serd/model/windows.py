"""Computes the feature matrices that the network takes from windows of speech."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np

from serd.model.front_end import Features, FrontEnd
from serd.speech.segments import SpeechWindow

Padding = Literal["repeat"]
"""How a short window fills the network's input: "repeat" repeats its frames."""

PADDINGS: Final[tuple[Padding, ...]] = get_args(Padding)


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureWindow:
    """A window of speech and its features."""

    speech: SpeechWindow
    """The window of speech."""
    features: Features
    """float32, shape (n_frames, n_features), n_frames from the model's card."""


class WindowFeatures:
    """Computes the features of overlapping windows of one source, each frame only once."""

    def __init__(self, front_end: FrontEnd, *, window_samples: int, padding: Padding) -> None:
        """Create the stream of the source's features.

        Args:
            front_end: computes the features of a frame.
            window_samples: length of a full window, in samples.
            padding: padding of a shorter window.
        """
        self._n_frames = front_end.n_frames(window_samples)
        self._hop_samples = front_end.frame_hop_samples
        self._padding: Padding = padding
        self._stream = front_end.stream()
        self._frames: Features = np.empty((0, front_end.n_features), np.float32)
        self._first_frame = 0
        self._utterance = 0
        self._end_samples = 0

    def process(self, window: SpeechWindow) -> FeatureWindow:
        """Return a window with its features; it must not start before the previous one."""
        end_samples = window.position_samples + window.samples.size
        if window.utterance != self._utterance or window.position_samples > self._end_samples:
            self._stream.reset()
            self._frames = self._frames[:0]
            self._first_frame = window.position_samples // self._hop_samples
            self._utterance = window.utterance
            self._end_samples = window.position_samples
        new = window.samples[self._end_samples - window.position_samples :]
        n_old = window.position_samples // self._hop_samples - self._first_frame
        # A window that starts after the frames so far skips some of the next frames.
        self._frames = np.concatenate((self._frames, self._stream.push(new)))[n_old:]
        self._first_frame += n_old
        self._end_samples = end_samples
        features = pad(self._frames[: self._n_frames], self._n_frames, self._padding)
        return FeatureWindow(speech=window, features=features)


def amplified(features: Features, min_log_energy: float | None) -> Features:
    """The features of a window, amplified if it is fainter than ``min_log_energy``.

    Args:
        features: float32, shape (n_frames, n_features); the first feature is a frame's log energy, to
            which a gain of g adds 2 ln g.
        min_log_energy: least mean of that feature; None to amplify nothing.

    Returns:
        float32, shape (n_frames, n_features); ``features`` itself if the window is loud enough.
    """
    missing = 0.0 if min_log_energy is None else min_log_energy - float(features[:, 0].mean())
    if missing <= 0.0:
        return features
    louder = features.copy()
    louder[:, 0] += missing
    return louder


def pad(features: Features, n_frames: int, padding: Padding) -> Features:
    """Pad a window to ``n_frames`` frames.

    Args:
        features: float32, shape (n, n_features), 1 <= n <= n_frames.
        n_frames: frames of the network's input.
        padding: one of ``PADDINGS``.

    Returns:
        float32, shape (n_frames, n_features); ``features`` itself if it is long enough.

    Raises:
        ValueError: the padding is unknown.
    """
    if padding not in PADDINGS:
        raise ValueError(f"Bad padding {padding!r}, expected one of {list(PADDINGS)}")
    return features if len(features) == n_frames else features[np.arange(n_frames) % len(features)]

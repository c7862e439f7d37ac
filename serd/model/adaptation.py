"""Speaker adaptation: the mean of a source's speech so far is brought nearer to the training mean.

Only past sound counts. What a voice, a room and a microphone leave in the mean of the features is no
emotion; subtracting it is cepstral mean normalization: B. S. Atal, "Effectiveness of linear prediction
characteristics of the speech wave for automatic speaker identification and verification", Journal of the
Acoustical Society of America 55, 1974.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from serd.model.card import ModelCard
from serd.model.windows import FeatureWindow


@dataclass(frozen=True, kw_only=True, slots=True)
class AdaptationSettings:
    """Speaker adaptation of each live source."""

    enabled: bool = False
    """Whether a source adapts to its speakers. The mean of their speech is kept over restarts; a message
    to forget/set clears it."""
    strength: float = 0.5
    """Share of the difference from the training mean that is taken away in the end; 0 to 1."""
    settle_s: float = 30.0
    """Speech after which half of that share is taken away, in seconds."""
    memory_s: float = 600.0
    """Speech that is remembered, in seconds; what is older fades."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what was expected) for each value that cannot work."""
        if not 0.0 <= self.strength <= 1.0:
            yield "strength", "0 to 1"
        if self.settle_s <= 0:
            yield "settle_s", "more than 0 seconds"
        if self.memory_s <= 0:
            yield "memory_s", "more than 0 seconds"


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeakerMean:
    """The mean of a source's speech."""

    speech_s: float
    """Speech that it is taken over, in seconds; 0 or more."""
    mean: tuple[float, ...]
    """Mean of each feature, n_features of them."""


class Adaptation:
    """Adapts to the speakers of one source, utterance by utterance."""

    def __init__(
        self, settings: AdaptationSettings, card: ModelCard, speakers: SpeakerMean | None = None
    ) -> None:
        """Begin from an earlier mean, or from none.

        Args:
            settings: how far and how fast.
            card: of the model; it holds the training mean.
            speakers: mean of earlier speech; None, or one of another number of features, for none.
        """
        self._settings = settings
        self._target = np.array(card.mean, np.float64)
        self._mean = np.zeros_like(self._target)
        self._speech_s = 0.0
        if speakers is not None and len(speakers.mean) == len(self._target):
            self._mean, self._speech_s = np.array(speakers.mean), speakers.speech_s
        self._pending = np.zeros_like(self._target)
        self._pending_s = 0.0
        self._shift = self._new_shift()

    @property
    def speakers(self) -> SpeakerMean:
        """The mean of the speech so far."""
        return SpeakerMean(speech_s=self._speech_s, mean=tuple(self._mean.tolist()))

    def adapted(self, window: FeatureWindow) -> FeatureWindow:
        """The window, shifted towards the training mean as far as the speakers are known."""
        if not self._settings.enabled or not self._speech_s:
            return window
        return replace(window, features=window.features - self._shift)

    def observe(self, window: FeatureWindow, new_speech_s: float) -> None:
        """Take a window as it was before ``adapted``; it counts once its utterance is over.

        Args:
            window: the window.
            new_speech_s: speech in it that no earlier window held, in seconds.
        """
        if self._settings.enabled:
            self._pending += window.features.mean(axis=0, dtype=np.float64) * new_speech_s
            self._pending_s += new_speech_s

    def close(self, *, is_speech: bool) -> None:
        """End the utterance.

        Args:
            is_speech: whether it counts; an utterance that the model rejects as no speech does not.
        """
        if is_speech and self._pending_s:
            known_s = min(self._speech_s, self._settings.memory_s)
            total_s = known_s + self._pending_s
            self._mean = (known_s * self._mean + self._pending) / total_s
            self._speech_s = min(total_s, self._settings.memory_s)
            self._shift = self._new_shift()
        self._pending[:] = 0.0
        self._pending_s = 0.0

    def reset(self) -> None:
        """Forget the speakers."""
        self._mean[:] = 0.0
        self._speech_s = 0.0
        self.close(is_speech=False)

    def _new_shift(self) -> NDArray[np.float32]:
        known = self._speech_s / (self._speech_s + self._settings.settle_s)
        shift = self._settings.strength * known * (self._mean - self._target)
        return shift.astype(np.float32)

"""Speaker adaptation: shifts the features of a source towards the training mean.

The shift depends on past speech only. The influence of a voice, a room and a microphone on the mean of
the features is not emotion; subtracting it is cepstral mean normalization: B. S. Atal, "Effectiveness
of linear prediction characteristics of the speech wave for automatic speaker identification and
verification", Journal of the Acoustical Society of America 55, 1974.
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
    """Whether a source adapts to its speakers. The mean of their speech is saved over restarts; a
    message to forget/set clears it."""
    strength: float = 0.5
    """Share of the difference from the training mean that is removed after much speech; 0 to 1."""
    settle_s: float = 30.0
    """Speech after which half of that share is removed, in seconds."""
    memory_s: float = 600.0
    """Weight of past speech in the mean, in seconds; the influence of older speech fades."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, expected values) for each bad value."""
        if not 0.0 <= self.strength <= 1.0:
            yield "strength", "0 to 1"
        if self.settle_s <= 0:
            yield "settle_s", "more than 0 seconds"
        if self.memory_s <= 0:
            yield "memory_s", "more than 0 seconds"


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeakerMean:
    """The mean features of a source's speech."""

    speech_s: float
    """Weight of the mean, in seconds of speech; 0 or more."""
    mean: tuple[float, ...]
    """Mean of each of the n_features features."""


class Adaptation:
    """Adapts to the speakers of one source, utterance by utterance."""

    def __init__(
        self, settings: AdaptationSettings, card: ModelCard, speakers: SpeakerMean | None = None
    ) -> None:
        """Prepare the mean of the speech and the shift that follows from it.

        Args:
            settings: settings of the adaptation.
            card: card of the model, which holds the training mean.
            speakers: mean of earlier speech, or None; ignored if it has another number of features.
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

    def use_card(self, card: ModelCard) -> None:
        """Go on with another model of the same features, whose training mean differs."""
        self._target = np.array(card.mean, np.float64)
        self._shift = self._new_shift()

    @property
    def speakers(self) -> SpeakerMean:
        """Mean of the speech so far."""
        return SpeakerMean(speech_s=self._speech_s, mean=tuple(self._mean.tolist()))

    def adapted(self, window: FeatureWindow) -> FeatureWindow:
        """Return the window with its features shifted; the same window if there is no shift."""
        if not self._settings.enabled or not self._speech_s:
            return window
        return replace(window, features=window.features - self._shift)

    def observe(self, window: FeatureWindow, new_speech_s: float) -> None:
        """Add a window, as it was before ``adapted``; it affects the mean at the end of its utterance.

        Args:
            window: the window.
            new_speech_s: voiced sound that no earlier window holds, in seconds.
        """
        if self._settings.enabled:
            self._pending += window.features.mean(axis=0, dtype=np.float64) * new_speech_s
            self._pending_s += new_speech_s

    def close(self, *, is_speech: bool) -> None:
        """End the utterance, and update the mean.

        Args:
            is_speech: whether the model accepts the utterance as speech; if not, the mean stays.
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
        """Clear the mean, including the current utterance."""
        self._mean[:] = 0.0
        self._speech_s = 0.0
        self.close(is_speech=False)

    def _new_shift(self) -> NDArray[np.float32]:
        weight = self._speech_s / (self._speech_s + self._settings.settle_s)
        shift = self._settings.strength * weight * (self._mean - self._target)
        return shift.astype(np.float32)

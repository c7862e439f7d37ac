"""Getting used to voices: the mean of the speech heard so far is brought nearer to the training mean.

Only past sound counts. What is left of a voice, a room and a microphone in the mean of its MFCCs is no
emotion; subtracting it is cepstral mean normalisation: B. S. Atal, "Effectiveness of linear prediction
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
    """Whether a source gets used to the voices that it hears."""

    enabled: bool = False
    """Whether it does. What it is used to is kept over restarts; a message to forget/set clears it."""
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
    """What has been heard of a source."""

    speech_s: float
    """How much speech, in seconds; 0 or more."""
    mean: tuple[float, ...]
    """Mean of each MFCC over it, n_mfcc of them."""


class Adaptation:
    """Gets used to the voices of one source, utterance by utterance."""

    def __init__(
        self, settings: AdaptationSettings, card: ModelCard, heard: SpeakerMean | None = None
    ) -> None:
        """Set up.

        Args:
            settings: how far and how fast.
            card: of the model, whose training mean is what voices are brought nearer to.
            heard: what was heard before; None, or of another number of MFCCs, for nothing.
        """
        self._settings = settings
        self._target = np.array(card.mean, np.float64)
        self._mean = np.zeros_like(self._target)
        self._speech_s = 0.0
        if heard is not None and len(heard.mean) == len(self._target):
            self._mean, self._speech_s = np.array(heard.mean), heard.speech_s
        self._pending = np.zeros_like(self._target)
        self._pending_s = 0.0
        self._shift = self._new_shift()

    @property
    def heard(self) -> SpeakerMean:
        """What has been heard so far."""
        return SpeakerMean(speech_s=self._speech_s, mean=tuple(self._mean.tolist()))

    def adapted(self, window: FeatureWindow) -> FeatureWindow:
        """The window as the training mean's voice would have spoken it, as far as is known."""
        if not self._settings.enabled or not self._speech_s:
            return window
        return replace(window, mfccs=window.mfccs - self._shift)

    def hear(self, window: FeatureWindow, new_speech_s: float) -> None:
        """Take a window as it was before ``adapted``; it counts once its utterance is over.

        Args:
            window: the window.
            new_speech_s: how much speech it holds that none before it held, in seconds.
        """
        if self._settings.enabled:
            self._pending += window.mfccs.mean(axis=0, dtype=np.float64) * new_speech_s
            self._pending_s += new_speech_s

    def close(self, *, is_speech: bool) -> None:
        """The utterance is over.

        Args:
            is_speech: whether it counts; what the model takes for no speech is no voice.
        """
        if is_speech and self._pending_s:
            known_s = min(self._speech_s, self._settings.memory_s)
            total_s = known_s + self._pending_s
            self._mean = (known_s * self._mean + self._pending) / total_s
            self._speech_s = min(total_s, self._settings.memory_s)
            self._shift = self._new_shift()
        self._pending[:] = 0.0
        self._pending_s = 0.0

    def forget(self) -> None:
        """Be as new."""
        self._mean[:] = 0.0
        self._speech_s = 0.0
        self.close(is_speech=False)

    def _new_shift(self) -> NDArray[np.float32]:
        known = self._speech_s / (self._speech_s + self._settings.settle_s)
        shift = self._settings.strength * known * (self._mean - self._target)
        return shift.astype(np.float32)

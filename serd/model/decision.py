"""The decision on a segment of sound, and the summary of the decisions on a recording."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from serd.audio.format import SAMPLE_RATE_HZ, SILENCE_DBFS, UNTIMED, AudioBlock
from serd.model.card import ModelCard
from serd.model.labels import NONE
from serd.model.smoothing import Estimate, make_estimate
from serd.speech.segments import Segment, SpeechWindow, UtteranceEnd

Kind = Literal["window", "utterance", "file"]
"""``window`` during speech, ``utterance`` at its end, ``file`` for a whole recording."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """The emotion in one window, utterance or recording."""

    kind: Kind
    """Kind of the sound."""
    sound: Segment
    """The window, or the span of the utterance or recording."""
    estimate: Estimate
    """The emotion and its probabilities."""
    is_speech: bool
    """Whether the model accepts the sound as speech; a rejected segment has no event."""


class RecordingSummary:
    """Sums up the decisions on a recording in constant memory.

    The recording's probabilities are the mean over its utterances, weighted by the speech in each.
    """

    def __init__(self, card: ModelCard) -> None:
        self._card = card
        self._weights = np.zeros(len(card.labels))
        self._energy = 0.0
        self._end_samples = 0
        self._captured = UNTIMED
        self.speech_s = 0.0
        """Voiced sound of the utterances that the model accepts as speech, in seconds."""

    def measure(self, block: AudioBlock) -> AudioBlock:
        """Add the length of the recording's next block, and return the block."""
        self._end_samples = block.end_samples
        self._captured = block.captured
        return block

    def add(self, decision: Decision) -> None:
        """Add a decision; only utterances that are accepted as speech count."""
        if decision.kind != "utterance" or not decision.is_speech:
            return
        sound = decision.sound
        self.speech_s += sound.speech_s
        self._energy += sound.speech_s * 10.0 ** (sound.level_dbfs / 10.0)
        self._weights += sound.speech_s * np.array(list(decision.estimate.scores.values()))

    @property
    def probabilities(self) -> NDArray[np.float64] | None:
        """float64, shape (n_labels,), sums to 1; None without speech."""
        return self._weights / self._weights.sum() if self._weights.any() else None

    def decision(self, threshold: float) -> Decision:
        """Return the decision on the whole recording.

        Args:
            threshold: the ``threshold`` of ``SmoothingSettings``.
        """
        is_speech = bool(self._weights.any())
        if is_speech:
            whole = make_estimate(self._card.labels, self._weights, self._card.naming_rule(threshold))
        else:
            whole = Estimate(emotion=NONE, likeliest=NONE, confidence=0.0, scores={}, no_speech=1.0)
        return Decision(kind="file", sound=self._span(), estimate=whole, is_speech=is_speech)

    def _span(self) -> UtteranceEnd:
        level = 10.0 * np.log10(self._energy / self.speech_s) if self.speech_s else SILENCE_DBFS
        return UtteranceEnd(
            utterance=0,
            start_s=0.0,
            end_s=self._end_samples / SAMPLE_RATE_HZ,
            speech_s=self.speech_s,
            level_dbfs=float(level),
            captured=self._captured,
        )


def kind_of(sound: Segment) -> Kind:
    """Return the kind of a segment."""
    return "window" if isinstance(sound, SpeechWindow) else "utterance"

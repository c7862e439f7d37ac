"""Decisions with fixed content, made without a model."""

import numpy as np

from serd.audio.format import UNTIMED
from serd.model.decision import Decision, Kind
from serd.model.smoothing import Estimate
from serd.speech.segments import Segment, SpeechWindow, UtteranceEnd


def made_decision(
    kind: Kind,
    *,
    is_speech: bool = True,
    scores: dict[str, float] | None = None,
    speech_s: float = 2.0,
    level_dbfs: float = -20.0,
) -> Decision:
    """A decision about one window or utterance of three seconds."""
    scores = scores or {"happy": 0.75, "sad": 0.25}
    best = max(scores, key=lambda label: scores[label])
    estimate = Estimate(
        emotion=best, likeliest=best, confidence=scores[best], scores=scores, no_speech=0.0
    )
    sound: Segment = UtteranceEnd(
        utterance=1, start_s=0.0, end_s=3.0, speech_s=speech_s, level_dbfs=level_dbfs, captured=UNTIMED
    )
    if kind == "window":
        sound = SpeechWindow(
            samples=np.zeros(48_000, np.int16),
            utterance=1,
            position_samples=0,
            start_s=0.0,
            end_s=3.0,
            speech_s=speech_s,
            new_speech_s=speech_s,
            level_dbfs=level_dbfs,
            is_last=False,
            captured=UNTIMED,
        )
    return Decision(kind=kind, sound=sound, estimate=estimate, is_speech=is_speech)

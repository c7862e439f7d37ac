"""The whole of a recording is the mean of its utterances."""

import numpy as np
import pytest

from serd.audio.format import UNTIMED, AudioBlock
from serd.model.decision import RecordingSummary
from testkit.made_decisions import made_decision
from testkit.models import made_card

_CARD = made_card(labels=("happy", "sad"))


def test_each_second_of_speech_has_the_same_weight() -> None:
    """In the probabilities, and in the level, which is a mean of powers."""
    summary = RecordingSummary(_CARD)
    summary.add(made_decision("utterance", scores={"happy": 0.75, "sad": 0.25}, speech_s=3.0))
    summary.add(
        made_decision("utterance", scores={"happy": 0.0, "sad": 1.0}, speech_s=1.0, level_dbfs=-10.0)
    )
    whole = summary.decision(0.0)
    assert whole.estimate.scores == pytest.approx({"happy": 0.5625, "sad": 0.4375})
    assert whole.sound.speech_s == 4.0
    assert whole.sound.level_dbfs == pytest.approx(10.0 * np.log10((3 * 0.01 + 1 * 0.1) / 4))


def test_windows_and_rejected_utterances_do_not_count() -> None:
    """Without others the recording has no speech, and the emotion none."""
    summary = RecordingSummary(_CARD)
    summary.add(made_decision("window"))
    summary.add(made_decision("utterance", is_speech=False))
    whole = summary.decision(0.0)
    assert not whole.is_speech
    assert (whole.estimate.emotion, whole.estimate.scores) == ("none", {})
    assert (whole.sound.speech_s, whole.sound.level_dbfs) == (0.0, -100.0)


def test_the_length_is_that_of_the_sound() -> None:
    """Speech or not; blocks are handed on."""
    summary = RecordingSummary(_CARD)
    block = AudioBlock(samples=np.zeros(8_000, np.int16), offset_samples=16_000, captured=UNTIMED)
    assert summary.measure(block) is block
    sound = summary.decision(0.0).sound
    assert (sound.start_s, sound.end_s) == (0.0, 1.5)


def test_the_threshold_decides_on_the_name() -> None:
    """The likeliest label stays known."""
    summary = RecordingSummary(_CARD)
    summary.add(made_decision("utterance", scores={"happy": 0.75, "sad": 0.25}))
    for threshold, emotion in ((0.7, "happy"), (0.8, "uncertain")):
        estimate = summary.decision(threshold).estimate
        assert (estimate.emotion, estimate.likeliest) == (emotion, "happy")

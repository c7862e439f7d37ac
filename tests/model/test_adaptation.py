"""Speaker adaptation: depends on past speech only, and shifts features no further than its strength."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from serd.audio.format import CaptureTime
from serd.model.adaptation import Adaptation, AdaptationSettings, SpeakerMean
from serd.model.windows import FeatureWindow
from serd.speech.segments import SpeechWindow
from testkit.models import made_card

CARD = made_card(labels=("angry", "calm"), window_s=1.5)
TARGET = np.array(CARD.mean)
ON = AdaptationSettings(enabled=True)


def _window(mfccs: NDArray[np.float32]) -> FeatureWindow:
    window = SpeechWindow(
        samples=np.zeros(24_000, np.int16),
        position_samples=0,
        utterance=1,
        start_s=0.0,
        end_s=1.5,
        speech_s=1.5,
        new_speech_s=1.5,
        level_dbfs=-20.0,
        is_last=True,
        captured=CaptureTime(epoch_s=0.0, arrived_s=0.0),
    )
    return FeatureWindow(speech=window, features=mfccs)


def _voice(offset: float, seed: int = 0) -> FeatureWindow:
    """Return a window whose mean differs from the training mean by ``offset`` in each coefficient."""
    noise = np.random.default_rng(seed).standard_normal((148, len(TARGET)))
    return _window((noise - noise.mean(axis=0) + TARGET + offset).astype(np.float32))


def _add_utterance(
    adaptation: Adaptation, window: FeatureWindow, speech_s: float, *, is_speech: bool = True
) -> None:
    adaptation.observe(window, speech_s)
    adaptation.close(is_speech=is_speech)


def test_nothing_changes_before_the_end_of_an_utterance() -> None:
    """The shift depends on complete utterances only."""
    adaptation = Adaptation(ON, CARD)
    window = _voice(2.0)
    adaptation.observe(window, 1.5)
    assert adaptation.adapted(window) is window
    adaptation.close(is_speech=True)
    assert not np.array_equal(adaptation.adapted(window).features, window.features)


@pytest.mark.parametrize(("speech_s", "share"), [(10.0, 0.25), (30.0, 0.5), (270.0, 0.9)])
def test_the_shift_grows_with_speech(speech_s: float, share: float) -> None:
    """After settle_s of speech, it is half of the share that strength allows."""
    adaptation = Adaptation(ON, CARD)
    _add_utterance(adaptation, _voice(2.0), speech_s)
    window = _voice(2.0, seed=1)
    offset = adaptation.adapted(window).features.mean(axis=0) - TARGET
    assert offset == pytest.approx(2.0 - 0.5 * share * 2.0, abs=1e-3)


def test_rejected_utterances_do_not_count() -> None:
    """An utterance that the model rejects as no speech does not affect the mean."""
    adaptation = Adaptation(ON, CARD)
    _add_utterance(adaptation, _voice(9.0), 30.0, is_speech=False)
    assert adaptation.speakers.speech_s == 0.0
    _add_utterance(adaptation, _voice(2.0), 30.0)
    assert adaptation.speakers.mean == pytest.approx(TARGET + 2.0, abs=1e-4)


def test_older_speech_fades() -> None:
    """After memory_s of a second speaker, each speaker has half the weight in the mean."""
    adaptation = Adaptation(ON, CARD)
    for _ in range(100):
        _add_utterance(adaptation, _voice(4.0), 60.0)
    assert adaptation.speakers.speech_s == ON.memory_s
    _add_utterance(adaptation, _voice(0.0), ON.memory_s)
    assert adaptation.speakers.mean == pytest.approx(TARGET + 2.0, abs=1e-3)


def test_the_mean_can_be_saved_and_reset() -> None:
    """A saved mean continues the adaptation; a reset clears the current utterance as well."""
    first = Adaptation(ON, CARD)
    _add_utterance(first, _voice(2.0), 20.0)
    window = _voice(1.0, seed=2)
    again = Adaptation(ON, CARD, first.speakers)
    assert np.array_equal(again.adapted(window).features, first.adapted(window).features)
    again.observe(window, 1.0)
    again.reset()
    assert again.adapted(window) is window
    again.close(is_speech=True)
    assert again.speakers.speech_s == 0.0, "the current utterance is cleared as well"


def test_another_model_has_a_training_mean_of_its_own() -> None:
    """The mean of the speech stays, and is as far from the new one as it is."""
    adaptation = Adaptation(ON, CARD)
    _add_utterance(adaptation, _voice(2.0), 30.0)
    adaptation.use_card(replace(CARD, mean=tuple(TARGET + 1.0)))
    offset = adaptation.adapted(_voice(2.0, seed=1)).features.mean(axis=0) - TARGET
    assert offset == pytest.approx(2.0 - 0.5 * 0.5 * 1.0, abs=1e-3)
    assert adaptation.speakers.mean == pytest.approx(TARGET + 2.0, abs=1e-4)


def test_adaptation_is_disabled_by_default() -> None:
    """Windows are unchanged, and a saved mean is neither used nor updated."""
    saved = SpeakerMean(speech_s=100.0, mean=tuple(TARGET + 1.0))
    adaptation = Adaptation(AdaptationSettings(), CARD, saved)
    window = _voice(2.0)
    _add_utterance(adaptation, window, 10.0)
    assert adaptation.adapted(window) is window
    assert adaptation.speakers.speech_s == 100.0


def test_a_mean_of_other_features_is_ignored() -> None:
    """A saved mean with another number of coefficients is not used."""
    adaptation = Adaptation(ON, CARD, SpeakerMean(speech_s=10.0, mean=(1.0, 2.0)))
    window = _voice(2.0)
    assert adaptation.adapted(window) is window


@given(
    st.lists(st.tuples(st.floats(-20.0, 20.0), st.floats(0.01, 400.0)), max_size=8),
    st.floats(0.0, 1.0),
)
def test_the_shift_is_bounded(utterances: list[tuple[float, float]], strength: float) -> None:
    """For any speech, the shift is between 0 and strength times the largest offset."""
    adaptation = Adaptation(AdaptationSettings(enabled=True, strength=strength), CARD)
    for offset, speech_s in utterances:
        _add_utterance(adaptation, _voice(offset), speech_s)
    window = _voice(0.0, seed=3)
    shift = window.features - adaptation.adapted(window).features
    offsets = [0.0, *(offset for offset, _ in utterances)]
    assert shift.min() >= strength * min(offsets) - 1e-2
    assert shift.max() <= strength * max(offsets) + 1e-2


@pytest.mark.parametrize(
    ("key", "value"), [("strength", 1.1), ("strength", -0.1), ("settle_s", 0.0), ("memory_s", -1.0)]
)
def test_bad_settings_are_named(key: str, value: float) -> None:
    """A bad value gives one problem, under its key."""
    (problem,) = AdaptationSettings(**{key: value}).problems()
    assert problem[0] == key

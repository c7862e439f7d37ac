"""Getting used to voices: past speech alone counts, the mean moves as far as is said, and no further."""

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
    """A window whose mean lies so far from the training mean, in each coefficient."""
    noise = np.random.default_rng(seed).standard_normal((148, len(TARGET)))
    return _window((noise - noise.mean(axis=0) + TARGET + offset).astype(np.float32))


def _say(
    adaptation: Adaptation, window: FeatureWindow, speech_s: float, *, is_speech: bool = True
) -> None:
    adaptation.observe(window, speech_s)
    adaptation.close(is_speech=is_speech)


def test_nothing_changes_before_an_utterance_is_over() -> None:
    """Nobody is heard with what has not been said yet."""
    adaptation = Adaptation(ON, CARD)
    window = _voice(2.0)
    adaptation.observe(window, 1.5)
    assert adaptation.adapted(window) is window
    adaptation.close(is_speech=True)
    assert not np.array_equal(adaptation.adapted(window).features, window.features)


@pytest.mark.parametrize(("speech_s", "share"), [(10.0, 0.25), (30.0, 0.5), (270.0, 0.9)])
def test_the_mean_comes_nearer_as_more_is_heard(speech_s: float, share: float) -> None:
    """After settle_s of speech half of the way that strength allows."""
    adaptation = Adaptation(ON, CARD)
    _say(adaptation, _voice(2.0), speech_s)
    heard = _voice(2.0, seed=1)
    left = adaptation.adapted(heard).features.mean(axis=0) - TARGET
    assert left == pytest.approx(2.0 - 0.5 * share * 2.0, abs=1e-3)


def test_what_is_no_speech_does_not_count() -> None:
    """A voice is learnt as if what the model took for noise had never been heard."""
    adaptation = Adaptation(ON, CARD)
    _say(adaptation, _voice(9.0), 30.0, is_speech=False)
    assert adaptation.speakers.speech_s == 0.0
    _say(adaptation, _voice(2.0), 30.0)
    assert adaptation.speakers.mean == pytest.approx(TARGET + 2.0, abs=1e-4)


def test_what_is_old_fades() -> None:
    """Somebody else moves in: after as much speech as is remembered, half of what is known is theirs."""
    adaptation = Adaptation(ON, CARD)
    for _ in range(100):
        _say(adaptation, _voice(4.0), 60.0)
    assert adaptation.speakers.speech_s == ON.memory_s
    _say(adaptation, _voice(0.0), ON.memory_s)
    assert adaptation.speakers.mean == pytest.approx(TARGET + 2.0, abs=1e-3)


def test_what_was_heard_can_be_kept_and_forgotten() -> None:
    """With what was kept it goes on as before; forgetting takes what is under way too."""
    first = Adaptation(ON, CARD)
    _say(first, _voice(2.0), 20.0)
    window = _voice(1.0, seed=2)
    again = Adaptation(ON, CARD, first.speakers)
    assert np.array_equal(again.adapted(window).features, first.adapted(window).features)
    again.observe(window, 1.0)
    again.reset()
    assert again.adapted(window) is window
    again.close(is_speech=True)
    assert again.speakers.speech_s == 0.0, "what was under way is forgotten too"


def test_whoever_has_not_enabled_it_hears_as_before() -> None:
    """By default windows stay as they are, and nothing is added to what was kept."""
    heard = SpeakerMean(speech_s=100.0, mean=tuple(TARGET + 1.0))
    adaptation = Adaptation(AdaptationSettings(), CARD, heard)
    window = _voice(2.0)
    _say(adaptation, window, 10.0)
    assert adaptation.adapted(window) is window
    assert adaptation.speakers.speech_s == 100.0


def test_what_was_kept_of_other_features_is_not_used() -> None:
    """A mean of another number of coefficients counts as none."""
    adaptation = Adaptation(ON, CARD, SpeakerMean(speech_s=10.0, mean=(1.0, 2.0)))
    window = _voice(2.0)
    assert adaptation.adapted(window) is window


@given(
    st.lists(st.tuples(st.floats(-20.0, 20.0), st.floats(0.01, 400.0)), max_size=8),
    st.floats(0.0, 1.0),
)
def test_the_mean_is_never_moved_past_its_goal(said: list[tuple[float, float]], strength: float) -> None:
    """Whatever is heard: the shift lies between nothing and strength times the largest offset."""
    adaptation = Adaptation(AdaptationSettings(enabled=True, strength=strength), CARD)
    for offset, speech_s in said:
        _say(adaptation, _voice(offset), speech_s)
    window = _voice(0.0, seed=3)
    shift = window.features - adaptation.adapted(window).features
    offsets = [0.0, *(offset for offset, _ in said)]
    assert shift.min() >= strength * min(offsets) - 1e-2
    assert shift.max() <= strength * max(offsets) + 1e-2


@pytest.mark.parametrize(
    ("key", "value"), [("strength", 1.1), ("strength", -0.1), ("settle_s", 0.0), ("memory_s", -1.0)]
)
def test_bad_settings_are_named(key: str, value: float) -> None:
    """A value that cannot work gives one problem, under its key."""
    (problem,) = AdaptationSettings(**{key: value}).problems()
    assert problem[0] == key

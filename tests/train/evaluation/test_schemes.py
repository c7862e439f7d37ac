"""Groups of classes sum what their emotions were given, and refuse what they cannot decide."""

import numpy as np
import pytest
from evaluation_helpers import made_clip
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from serd.errors import InputError
from serd.model.labels import EMOTIONS
from train.evaluation.schemes import SCHEMES, scheme_for

FIVE = ("angry", "calm", "fearful", "happy", "sad")
TEN = tuple(f"{gender}_{emotion}" for gender in ("female", "male") for emotion in FIVE)


@given(arrays(float, 8, elements=st.floats(0.0, 1.0)), st.sampled_from(["8", "6", "5", "3", "2"]))
def test_probabilities_are_summed_and_divided_by_the_rest(shares: np.ndarray, name: str) -> None:
    """They sum to 1; where nothing is given to any class, all are alike."""
    scheme = scheme_for(EMOTIONS, name)
    got = scheme.probabilities(shares)
    groups = SCHEMES[name]
    summed = {each: sum(shares[EMOTIONS.index(part)] for part in groups[each]) for each in groups}
    total = sum(summed.values())
    expected = [each / total if total else 1 / len(groups) for each in summed.values()]
    assert scheme.classes == tuple(groups)
    assert got == pytest.approx(expected)
    assert got.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("8", "neutral calm happy sad angry fearful disgust surprised"),
        ("6", "neutral - happy sad angry fearful - surprised"),
        ("5", "- calm happy sad angry fearful - -"),
        ("3", "neutral neutral positive negative negative negative - -"),
        ("2", "- positive positive negative negative negative - -"),
    ],
)
def test_a_clip_belongs_to_the_class_of_its_group(name: str, classes: str) -> None:
    """For each emotion and scheme; clips of some emotions have no class."""
    scheme = scheme_for(EMOTIONS, name)
    truths = [scheme.truth(made_clip(emotion)) for emotion in EMOTIONS]
    got = ["-" if truth is None else scheme.classes[truth] for truth in truths]
    assert got == classes.split()


def test_labels_of_no_class_are_named() -> None:
    """Calm and disgust with nEMO's six classes; none with the model's own."""
    assert scheme_for(EMOTIONS, "6").dropped(EMOTIONS) == ("calm", "disgust")
    assert scheme_for(EMOTIONS).dropped(EMOTIONS) == ()
    assert scheme_for(TEN, "5").dropped(TEN) == ()


def test_the_models_own_labels_are_the_default() -> None:
    """In the model's order, each for itself, under the number of them."""
    for labels in (EMOTIONS, FIVE, TEN, ("negative", "positive", "neutral"), ("positive", "negative")):
        scheme = scheme_for(labels)
        assert scheme.classes == labels
        assert scheme.name == str(len(labels))
        assert np.array_equal(scheme.weights, np.eye(len(labels)))


def test_models_of_gender_and_emotion_are_judged_by_both_or_by_emotion() -> None:
    """By emotion both genders are summed; by both, a clip of unknown gender has no class."""
    woman, unknown = (made_clip("sad", gender=gender) for gender in ("female", "unknown"))
    ten = scheme_for(TEN[::-1], "10")
    assert ten.classes == TEN
    truth = ten.truth(woman)
    assert truth is not None
    assert ten.classes[truth] == "female_sad"
    assert ten.truth(unknown) is None
    five = scheme_for(TEN, "8")
    assert set(five.classes) == set(FIVE)
    shares = np.zeros(10)
    shares[[TEN.index("female_sad"), TEN.index("male_sad")]] = 0.3, 0.5
    shares[TEN.index("male_calm")] = 0.2
    assert five.probabilities(shares)[five.classes.index("sad")] == pytest.approx(0.8)
    assert five.truth(unknown) == five.classes.index("sad")
    assert scheme_for(TEN, "2").weights.sum() == 10


def test_five_emotions_can_be_judged_as_three_classes() -> None:
    """Though three of the eight are not among them."""
    assert scheme_for(FIVE, "3").classes == ("positive", "neutral", "negative")


@pytest.mark.parametrize(
    ("labels", "name", "message"),
    [
        (EMOTIONS, "10", "carries the gender"),
        (FIVE, "10", "carries the gender"),
        (("happy", "sad", "angry"), "5", "nothing in the model says calm, fearful"),
        (FIVE, "6", "nothing in the model says neutral, surprised"),
        (("positive", "neutral", "negative"), "2", "means calm or neutral"),
        (("positive", "neutral", "negative"), "8", "nothing in the model says neutral, calm"),
        (("cat", "happy"), None, "Bad labels cat"),
        (("child_happy", "happy"), None, "Bad labels child_happy"),
        (("female_sad", "male_sad"), "8", "more than one class"),
    ],
)
def test_what_a_model_cannot_decide_is_refused(
    labels: tuple[str, ...], name: str | None, message: str
) -> None:
    """The error says what the labels lack."""
    with pytest.raises(InputError, match=message):
        scheme_for(labels, name)

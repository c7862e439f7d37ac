"""The condition of an alert compares shares and dimensions, and every other text is refused."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.errors import InputError
from serd.events.condition import OPERATORS, Comparison, Condition, parse_condition
from serd.events.mood import RecentSpeech, SpanMood
from testkit.made_moods import heard

MOOD = SpanMood(
    span_s=60.0,
    speech_s=30.0,
    emotion="angry",
    shares={"angry": 0.5, "sad": 0.25, "uncertain": 0.25},
    arousal=0.4,
    valence=-0.3,
)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("angry >= 0.5", True),
        ("angry > 0.5", False),
        ("angry <= 0.5", True),
        ("angry < 0.5", False),
        ("angry>=0.4", True),
        ("  angry   >=   0.6  ", False),
        ("happy > 0", False),
        ("happy <= 0.1", True),
        ("uncertain < 0.3", True),
        ("arousal > 0.3", True),
        ("valence <= -0.3", True),
        ("valence < -0.3", False),
        ("angry + sad >= 0.75", True),
        ("angry + sad + uncertain < 1", False),
        ("angry >= 0.5 and valence < 0", True),
        ("angry >= 0.5 and arousal > 0.5", False),
    ],
)
def test_a_condition_compares_the_mood(text: str, *, holds: bool) -> None:
    """An emotion without a share has the share 0; all comparisons must hold."""
    assert parse_condition(text).holds(MOOD) is holds


@pytest.mark.parametrize(
    ("text", "slack", "holds"),
    [
        ("angry + sad + fearful >= 1", 0.0, True),
        ("sad + fearful <= 0.3", 0.0, True),
        ("sad + fearful > 0.3", 0.0, False),
        ("angry >= 0.8", 0.1, True),
        ("sad > 0.3", 0.1, False),
    ],
)
def test_decimal_fractions_are_compared_as_they_are_written(
    text: str, slack: float, *, holds: bool
) -> None:
    """0.1 and 0.2 are 0.3, which their binary fractions are not."""
    mood = replace(MOOD, shares={"angry": 0.7, "sad": 0.2, "fearful": 0.1})
    assert parse_condition(text).holds(mood, slack) is holds


def test_the_room_is_the_decimal_fraction() -> None:
    """With a slack of 0.3 a share of 0.7 at most would always hold."""
    assert parse_condition("angry <= 0.7").room == 0.3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "an emotion, arousal or valence at character 1, got the end"),
        ("   ", "an emotion, arousal or valence at character 4, got the end"),
        ("angry", "one of >=, >, <=, < at character 6, got the end"),
        ("angry = 0.5", "one of >=, >, <=, < at character 7, got '='"),
        ("angry >= ", "a number from 0 to 1 at character 10, got the end"),
        ("angry >= half", "a number from 0 to 1 at character 10, got 'half'"),
        ("angry >= 1.5", "a number from 0 to 1 at character 10, got '1.5'"),
        ("angry >= -0.1", "a number from 0 to 1 at character 10, got '-0.1'"),
        ("valence < -2", "a number from -1 to 1 at character 11, got '-2'"),
        ("angry >= 50%", "a number from 0 to 1 at character 10, got '50'"),
        ("angry >= 0.5 or sad >= 0.5", "\"and\" or the end at character 14, got 'or'"),
        ("angry >= 0.5 0.6", "\"and\" or the end at character 14, got '0.6'"),
        ("angry >= 0.5 and", "an emotion, arousal or valence at character 17, got the end"),
        ("0.5 <= angry", "an emotion, arousal or valence at character 1, got '0.5'"),
        ("angry + >= 0.5", "an emotion, arousal or valence at character 9, got '>='"),
        ("angry + angry >= 0.5", "another emotion at character 9, got 'angry'"),
        ("angry + arousal >= 0.5", "emotions alone can be added"),
        ("valence + angry >= 0.5", "emotions alone can be added"),
        ("angry >= 0", "a limit above 0 ('>= 0' is always true) at character 10, got '0'"),
        ("angry > 1", "a limit below 1 ('> 1' is never true) at character 9, got '1'"),
        ("valence <= 1", "a limit below 1 ('<= 1' is always true) at character 12, got '1'"),
        ("arousal < -1", "a limit above -1 ('< -1' is never true) at character 11, got '-1'"),
        ("__import__('os') > 0", "one of >=, >, <=, < at character 11, got '('"),
        ("x" * 201, "at most 200 characters, got 201"),
        ("angry >= 0." + "1" * 60 + "x", "\"and\" or the end at character 72, got 'x'"),
    ],
)
def test_another_text_is_refused_with_its_position(text: str, reason: str) -> None:
    """The message says what was expected, at which character, and what is there."""
    with pytest.raises(InputError) as caught:
        parse_condition(text)
    assert reason in str(caught.value)


@given(st.text(max_size=250))
def test_any_text_is_a_condition_or_refused(text: str) -> None:
    """In one short line; nothing else can happen."""
    try:
        condition = parse_condition(text)
    except InputError as exc:
        reason = str(exc)
    else:
        reason = ""
        assert condition.comparisons
    assert len(reason) < 200
    assert "\n" not in reason


comparisons = st.tuples(
    st.one_of(
        st.sampled_from([("arousal",), ("valence",)]),
        st.lists(
            st.sampled_from(["angry", "sad", "uncertain"]), min_size=1, max_size=3, unique=True
        ).map(tuple),
    ),
    st.sampled_from(OPERATORS),
    st.integers(1, 99).map(lambda each: each / 100),
).map(lambda parts: Comparison(*parts))


@given(st.lists(comparisons, min_size=1, max_size=4))
def test_a_condition_that_is_written_can_be_read(parts: list[Comparison]) -> None:
    """Names, operators and limits survive."""
    text = " and ".join(f"{' + '.join(each.names)} {each.operator} {each.limit}" for each in parts)
    if len(text) <= 200:
        assert parse_condition(text) == Condition(tuple(parts))


@given(comparisons, st.floats(0, 1), st.floats(0, 1))
def test_more_slack_never_ends_a_condition(each: Comparison, slack: float, more: float) -> None:
    """A relaxed limit lets through what the limit does."""
    if each.holds(MOOD, slack):
        assert each.holds(MOOD, slack + more)


@given(comparisons)
def test_nothing_holds_without_speech(each: Comparison) -> None:
    """Not even that a share is small."""
    assert not each.holds(RecentSpeech(60.0).mood)


@given(comparisons, st.floats(0.001, 1.0))
def test_with_less_slack_than_room_some_mood_ends_the_condition(each: Comparison, part: float) -> None:
    """Otherwise an alert that is on would never turn off."""
    slack = each.room * part * 0.99
    recent = RecentSpeech(60.0)
    extreme = -1.0 if each.is_minimum else 1.0
    emotion = "other" if each.is_minimum else each.names[0]
    recent.add(heard(emotion, 1.0, arousal=extreme, valence=extreme), 0.0)
    assert not each.holds(recent.mood, slack)

"""The mood is the shares of the emotions in the speech of the last minutes, whatever the clock does."""

import json
from dataclasses import fields
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.events.mood import (
    N_SLOTS,
    HeardSpeech,
    MoodSettings,
    MoodTracker,
    RecentSpeech,
    SourceMood,
    SpanMood,
    mood_json,
)
from serd.events.schema import mood_schema
from testkit.made_moods import heard

speeches = st.builds(
    heard,
    emotion=st.sampled_from(["angry", "sad", "uncertain"]),
    speech_s=st.integers(1, 3000).map(lambda ms: ms / 1000),
    arousal=st.integers(-1000, 1000).map(lambda each: each / 1000),
    valence=st.integers(-1000, 1000).map(lambda each: each / 1000),
)
times = st.floats(0, 2e9, allow_nan=False)
timelines = st.lists(st.tuples(st.floats(0, 40), speeches), max_size=60)
"""Pauses in seconds, and the speech after each."""


def filled(span_s: float, timeline: list[tuple[float, HeardSpeech]]) -> tuple[RecentSpeech, float]:
    """Recent speech after a timeline, and the time of its end."""
    recent, now_s = RecentSpeech(span_s), 0.0
    for pause_s, speech in timeline:
        now_s += pause_s
        recent.add(speech, now_s)
    return recent, now_s


@given(timelines)
def test_the_mood_equals_one_computed_anew(timeline: list[tuple[float, HeardSpeech]]) -> None:
    """Adding and removing leaves the same as a sum over the windows that are in the span."""
    recent, end_s = filled(60.0, timeline)
    now_s, kept = 0.0, []
    for pause_s, speech in timeline:
        now_s += pause_s
        if int(now_s) > int(end_s) - 60:
            kept.append(speech)
    total_s = sum(each.speech_s for each in kept)
    mood = recent.mood
    assert mood.speech_s == pytest.approx(total_s)
    for emotion in ("angry", "sad", "uncertain"):
        share = sum(each.speech_s for each in kept if each.emotion == emotion) / max(total_s, 1e-9)
        assert mood.shares.get(emotion, 0.0) == pytest.approx(share)
    if kept:
        assert mood.arousal == pytest.approx(
            sum(each.speech_s * each.dimensions.arousal for each in kept) / total_s, abs=1e-6
        )
        assert mood.valence == pytest.approx(
            sum(each.speech_s * each.dimensions.valence for each in kept) / total_s, abs=1e-6
        )


@given(timelines)
def test_shares_add_up_to_one_and_the_emotion_has_the_largest(
    timeline: list[tuple[float, HeardSpeech]],
) -> None:
    """Without speech there are no shares, no dimensions, and the emotion is none."""
    mood = filled(60.0, timeline)[0].mood
    if not mood.speech_s:
        assert (mood.shares, mood.emotion, mood.arousal, mood.valence) == ({}, "none", None, None)
        return
    assert sum(mood.shares.values()) == pytest.approx(1.0)
    assert mood.shares[mood.emotion] == max(mood.shares.values())
    assert min(mood.shares.values()) > 0.0


@given(timelines, st.floats(60, 1e9))
def test_all_speech_is_forgotten_after_the_span(
    timeline: list[tuple[float, HeardSpeech]], later_s: float
) -> None:
    """Exactly: no rest of a sum stays, and no memory."""
    recent, end_s = filled(60.0, timeline)
    recent.advance(end_s + later_s + 1.0)
    assert recent.mood == RecentSpeech(60.0).mood
    assert len(recent) == 0


@given(st.lists(st.tuples(times, speeches), max_size=60))
def test_a_clock_that_jumps_breaks_nothing(jumps: list[tuple[float, HeardSpeech]]) -> None:
    """A time before the latest counts as the latest, so the mood is that of the sorted times' maxima."""
    jumping, steady, latest_s = RecentSpeech(60.0), RecentSpeech(60.0), 0.0
    for now_s, speech in jumps:
        latest_s = max(latest_s, now_s)
        jumping.add(speech, now_s)
        steady.add(speech, latest_s)
    assert jumping.mood == steady.mood


def test_memory_is_bounded_by_the_span() -> None:
    """The same for a hop of 0.05 s, and for a span of an hour."""
    for span_s in (60.0, 3600.0):
        recent = RecentSpeech(span_s)
        for number in range(2000):
            recent.add(heard(speech_s=0.01), number * span_s / 1200)
        assert len(recent) == N_SLOTS
        assert recent.mood.speech_s == pytest.approx(12.0)


@given(st.floats(10, 3600), st.floats(0, 1e9))
def test_speech_stays_for_its_span_but_a_slot(span_s: float, now_s: float) -> None:
    """Never longer than the span, and not shorter by more than a sixtieth of it."""
    recent = RecentSpeech(span_s)
    recent.add(heard(), now_s)
    recent.advance(now_s + span_s * (1 - 1 / N_SLOTS) - 0.001)
    assert recent.mood.speech_s == 1.0
    recent.advance(now_s + span_s + 0.001)
    assert recent.mood.speech_s == 0.0


def test_windows_count_with_their_speech() -> None:
    """Three seconds of anger outweigh one of joy and one of doubt."""
    recent = RecentSpeech(60.0)
    recent.add(heard("angry", 3.0, arousal=0.8, valence=-0.5), 3.0)
    recent.add(heard("happy", 1.0, arousal=0.3, valence=0.5), 4.0)
    recent.add(heard("uncertain", 1.0), 5.0)
    mood = recent.mood
    assert mood.shares == {"angry": 0.6, "happy": 0.2, "uncertain": 0.2}
    assert (mood.emotion, mood.speech_s) == ("angry", 5.0)
    assert mood.arousal == pytest.approx(0.54)
    assert mood.valence == pytest.approx(-0.2)


def reports(tracker: MoodTracker, *times_s: float) -> list[SourceMood | None]:
    """What a tracker reports at some times."""
    return [tracker.due(now_s) for now_s in times_s]


def test_a_mood_is_reported_on_change_and_not_more_often_than_the_interval() -> None:
    """The first at once; later ones 5 s apart; none while nothing changes."""
    tracker = MoodTracker(MoodSettings())
    assert reports(tracker, 0.0) != [None]
    assert reports(tracker, 6.0, 60.0) == [None, None]
    tracker.add(heard(), 61.0)
    assert reports(tracker, 61.0) != [None]
    tracker.add(heard("sad"), 62.0)
    assert reports(tracker, 62.0, 65.9) == [None, None]
    (late,) = reports(tracker, 66.0)
    assert late is not None
    assert late.short.shares == {"angry": 0.5, "sad": 0.5}


def test_the_spans_forget_one_after_the_other() -> None:
    """After two minutes the last minute is without speech, the last five are not."""
    tracker = MoodTracker(MoodSettings())
    tracker.add(heard(), 0.0)
    later = tracker.due(120.0)
    assert later is not None
    assert (later.short.emotion, later.medium.emotion, later.long.emotion) == ("none", "angry", "angry")
    last = tracker.due(1000.0)
    assert last is not None
    assert last.long.speech_s == 0.0


def test_an_interval_of_zero_reports_nothing() -> None:
    """As level_s does for the level."""
    tracker = MoodTracker(MoodSettings(interval_s=0.0))
    tracker.add(heard(), 0.0)
    assert reports(tracker, 0.0, 1000.0) == [None, None]


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"short_s": 9.0}, "short_s"),
        ({"medium_s": 60.0}, "medium_s"),
        ({"long_s": 300.0}, "long_s"),
        ({"long_s": 3601.0}, "long_s"),
        ({"interval_s": 0.5}, "interval_s"),
        ({"interval_s": -1.0}, "interval_s"),
    ],
)
def test_bad_settings_are_named(changes: dict[str, float], key: str) -> None:
    """One problem, under its key; the defaults have none."""
    assert [name for name, _ in MoodSettings(**changes).problems()] == [key]
    assert not list(MoodSettings().problems())


_TIME = "2026-11-29T02:00:00+01:00"


def test_the_schema_in_the_documentation_is_up_to_date() -> None:
    """The file in docs is the one generated from the code (make schema), and is a schema."""
    text = (Path(__file__).parents[2] / "docs" / "mood.schema.json").read_text("utf-8")
    assert text == json.dumps(mood_schema(), indent=2) + "\n"
    jsonschema.Draft202012Validator.check_schema(mood_schema())


def test_the_schema_has_every_field() -> None:
    """Version, time and the three spans, each with all its fields; all are required."""
    schema = mood_schema()
    names = ["schema", "time", *(item.name for item in fields(SourceMood))]
    assert list(schema["properties"]) == schema["required"] == names
    for span in ("short", "medium", "long"):
        body = schema["properties"][span]
        assert body["required"] == [item.name for item in fields(SpanMood)]


@given(st.lists(st.tuples(st.floats(0, 200), speeches), max_size=20))
def test_every_mood_fits_the_schema(timeline: list[tuple[float, HeardSpeech]]) -> None:
    """With speech or without."""
    tracker, now_s = MoodTracker(MoodSettings()), 0.0
    for pause_s, speech in timeline:
        now_s += pause_s
        tracker.add(speech, now_s)
    body = json.loads(mood_json(tracker.mood, _TIME))
    jsonschema.validate(body, mood_schema())
    assert body["time"] == _TIME

"""Alerts turn on within seconds of their condition, hold, and turn off; nothing else moves them."""

from bisect import bisect_right

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from serd.errors import SettingsError
from serd.events.alert import MAX_ALERTS, Alert, AlertSettings, check_alerts, check_emotions
from serd.model.labels import EMOTIONS
from testkit.made_moods import Moment, heard, household


def changes_of(
    alert: Alert, moments: list[Moment], end_s: float, start_s: float = 0.0
) -> list[tuple[float, bool]]:
    """The changes of an alert, with their times, if it is advanced each second."""
    changes, waiting = [], list(reversed(moments))
    for second in range(int(start_s), int(end_s) + 1):
        while waiting and waiting[-1].now_s <= second:
            alert.add(waiting.pop().speech, second)
        if alert.advance(float(second)):
            changes.append((float(second), alert.is_on))
    return changes


def steady(emotion: str, start_s: int, end_s: int) -> list[Moment]:
    """One second of speech in each second of a stretch."""
    return [Moment(float(second), heard(emotion)) for second in range(start_s, end_s)]


def times_at_which_it_holds(moments: list[Moment], end_s: float) -> list[float]:
    """The seconds with speech after which half of that of the last minute, 10 s or more, is angry."""
    times, heard_s = [], [each.now_s for each in moments]
    for second in range(int(end_s) + 1):
        latest = moments[bisect_right(heard_s, second - 60) : bisect_right(heard_s, second)]
        total_ms = sum(round(1000 * each.speech.speech_s) for each in latest)
        angry = (each.speech.speech_s for each in latest if each.speech.emotion == "angry")
        is_heard = bool(latest) and latest[-1].now_s > second - 1
        if is_heard and total_ms >= 10_000 and 2 * sum(round(1000 * each) for each in angry) >= total_ms:
            times.append(float(second))
    return times


@pytest.mark.parametrize("seed", range(4))
def test_alerts_of_hours_come_within_10_s_of_their_condition_and_at_no_other_time(seed: int) -> None:
    """Each angry stretch has its alert, and no other minute of the hours has one."""
    moments, angry = household(seed, hours=2)
    end_s = moments[-1].now_s + 400.0
    holds = times_at_which_it_holds(moments, end_s)
    changes = changes_of(Alert(AlertSettings()), moments, end_s)
    turned_on = [now_s for now_s, is_on in changes if is_on]
    for now_s in turned_on:
        assert any(0.0 <= now_s - each <= 10.0 for each in holds)
        assert any(start_s <= now_s <= stop_s + 60.0 for start_s, stop_s in angry)
    turned_off = [now_s for now_s, is_on in changes if not is_on]
    spans = list(zip(turned_on, turned_off, strict=True))
    assert all(any(on_s - 10.0 <= now_s <= off_s for on_s, off_s in spans) for now_s in holds)
    assert all(
        any(on_s < stop_s and off_s > start_s for on_s, off_s in spans) for start_s, stop_s in angry
    )


def test_one_surprised_word_raises_nothing_and_another_word_ends_nothing() -> None:
    """What an automation on the topic state gets wrong."""
    word = [Moment(1.0, heard("angry", 3.0))]
    assert changes_of(Alert(AlertSettings()), word, 120.0) == []
    minute = [*steady("angry", 0, 30), Moment(30.0, heard("neutral", 2.0)), *steady("angry", 31, 90)]
    ((turned_on_s, is_on),) = changes_of(Alert(AlertSettings()), minute, 90.0)
    assert is_on
    assert turned_on_s <= 10.0


def test_an_alert_holds_and_then_turns_off() -> None:
    """The condition ends once less than 10 s of anger are in the last minute; 300 s later it is off."""
    changes = changes_of(Alert(AlertSettings()), steady("angry", 0, 60), 500.0)
    assert changes == [(9.0, True), (60.0 + 49.0 + 300.0, False)]


def test_without_new_speech_no_alert_turns_on() -> None:
    """As where a source is muted: calm speech leaves the span before angry speech does."""
    alert = Alert(AlertSettings())
    assert changes_of(alert, [*steady("neutral", 0, 30), *steady("angry", 30, 50)], 300.0) == []
    alert.add(heard("angry", 12.0), 300.0)
    assert alert.advance(300.0)


def test_too_little_speech_raises_nothing() -> None:
    """All of it is angry, but it is less than min_speech_s."""
    assert changes_of(Alert(AlertSettings()), steady("angry", 0, 9), 200.0) == []


def test_a_value_close_to_the_limit_does_not_switch_the_alert() -> None:
    """Its share moves between 0.45 and 0.55, within the hysteresis, and the alert stays on."""
    pattern = ["angry"] * 11 + ["sad"] * 9 + ["angry"] * 9 + ["sad"] * 11
    moments = [Moment(float(n), heard(pattern[n % 40])) for n in range(1000)]
    changes = changes_of(Alert(AlertSettings(hold_s=0.0, over_s=40.0)), moments, 999.0)
    assert len(changes) == 1
    bare = Alert(AlertSettings(hold_s=0.0, over_s=30.0, hysteresis=0.0))
    assert len(changes_of(bare, moments, 999.0)) > 10


@given(st.integers(0, 10_000), st.integers(0, 300))
def test_an_alert_without_any_speech_ends_after_its_hold(start_s: int, before_s: int) -> None:
    """As after a restart in a quiet room: it stays on for exactly the rest of hold_s."""
    alert = Alert(AlertSettings(), held_at_s=float(start_s - before_s))
    changes = changes_of(alert, [], start_s + 301.0, start_s)
    assert changes == [(float(start_s + 300 - before_s), False)]


def test_an_alert_that_was_on_stays_on_if_the_anger_goes_on() -> None:
    """A restart in the middle of it shows as nothing at all."""
    alert = Alert(AlertSettings(hold_s=30.0), held_at_s=0.0)
    assert changes_of(alert, steady("angry", 2, 200), 199.0) == []


@given(st.lists(st.floats(32, 200), max_size=20))
@example([75.0])
def test_a_jump_of_the_clock_turns_nothing_on(times_s: list[float]) -> None:
    """Only new speech does, also where calm speech has left the span and angry speech has not."""
    alert = Alert(AlertSettings())
    assert changes_of(alert, [*steady("neutral", 0, 20), *steady("angry", 20, 32)], 32.0) == []
    for now_s in sorted(times_s):
        assert not alert.advance(now_s)


@given(st.floats(69, 1e9))
def test_speech_from_before_a_jump_of_the_clock_does_not_count(now_s: float) -> None:
    """8 s of anger before it and 9 s after it raise nothing; one more second does."""
    alert = Alert(AlertSettings())
    assert changes_of(alert, steady("angry", 0, 8), 8.0) == []
    alert.add(heard("angry", 9.0), now_s)
    assert not alert.advance(now_s)
    alert.add(heard("angry", 1.0), now_s)
    assert alert.advance(now_s)


@pytest.mark.parametrize(
    ("changes", "key", "text"),
    [
        ({"name": ""}, "name", "letters"),
        ({"name": "a/b"}, "name", "letters"),
        ({"name": "a b"}, "name", "letters"),
        ({"when": "angry"}, "when", "at character 6, got the end"),
        ({"over_s": 9.0, "min_speech_s": 5.0}, "over_s", "10 to 3600"),
        ({"over_s": 3601.0}, "over_s", "10 to 3600"),
        ({"min_speech_s": 0.0}, "min_speech_s", "more than 0"),
        ({"min_speech_s": 61.0}, "min_speech_s", "60"),
        ({"hold_s": -1.0}, "hold_s", "0 to 86400"),
        ({"hysteresis": -0.1}, "hysteresis", "0 or more"),
        ({"hysteresis": 0.5}, "hysteresis", "less than 0.5"),
        ({"when": "angry >= 0.1"}, "hysteresis", "less than 0.1"),
        ({"when": "angry >= 0.5 and valence <= 0.95"}, "hysteresis", "less than 0.05"),
        ({"when": "angry <= 0.7", "hysteresis": 0.3}, "hysteresis", "less than 0.3"),
    ],
)
def test_bad_settings_are_named(changes: dict[str, object], key: str, text: str) -> None:
    """One problem, under its key, with what was expected; the defaults have none."""
    ((name, expected),) = AlertSettings(**changes).problems()  # type: ignore[arg-type]
    assert name == key
    assert text in expected
    assert not list(AlertSettings().problems())


@pytest.mark.parametrize(
    ("alerts", "text"),
    [
        ([AlertSettings(), AlertSettings()], "two [[alert]] are named 'angry'"),
        ([AlertSettings(source="attic")], "source = 'attic', expected one of: mic, door"),
        ([AlertSettings(name=str(n)) for n in range(MAX_ALERTS + 1)], "expected 32 at most"),
    ],
)
def test_alerts_fit_each_other_and_the_sources(alerts: list[AlertSettings], text: str) -> None:
    """Each has a name of its own and a source that exists."""
    with pytest.raises(SettingsError) as caught:
        check_alerts(alerts, ["mic", "door"])
    assert text in str(caught.value)
    door = AlertSettings(name="at-the_door.2", source="door")
    assert not list(door.problems())
    check_alerts([AlertSettings(), door], ["mic", "door"])


def test_an_emotion_that_the_model_does_not_know_is_refused() -> None:
    """The message names it and the labels; uncertain and the dimensions are always known."""
    with pytest.raises(
        SettingsError, match=r"got 'furious', expected arousal, valence or one of: neutral"
    ):
        check_emotions([AlertSettings(when="furious > 0.5")], EMOTIONS)
    check_emotions([AlertSettings(when="uncertain + sad > 0.5 and arousal > 0.2")], EMOTIONS)

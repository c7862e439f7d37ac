"""The state of a source: the last emotion, the level, and the cooldown of events."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.audio.format import CaptureTime
from serd.events.state import Cooldown, LastEmotion, LevelMeter, ReportSettings
from serd.model.labels import NONE, UNCERTAIN
from serd.speech.segments import VoicedFrames
from testkit.made_events import make_event


def test_the_last_emotion_lasts_until_it_is_quiet_for_long_enough() -> None:
    """Uncertain events change nothing, and speech restarts the quiet time."""
    last = LastEmotion(quiet_s=10.0)
    assert last.update(make_event(emotion="happy", end_s=3.0))
    assert not last.update(make_event(emotion="happy", end_s=4.0))
    assert not last.update(make_event(emotion=UNCERTAIN, end_s=5.0))
    assert last.emotion == "happy"
    assert not last.advance(14.9, is_speaking=False)
    assert not last.advance(15.5, is_speaking=True)
    assert not last.advance(25.4, is_speaking=False)
    assert last.advance(25.6, is_speaking=False)
    assert last.emotion == NONE
    assert not last.advance(99.0, is_speaking=False)


def test_the_cooldown_suppresses_a_repeated_emotion() -> None:
    """Events of another emotion or kind are not affected."""
    cooldown = Cooldown()
    events = [("window", "sad", 1.0), ("window", "sad", 2.0), ("window", "happy", 2.5)]
    events += [("utterance", "sad", 3.0), ("window", "sad", 5.9), ("window", "sad", 6.0)]
    accepted = [
        (kind, emotion, end_s)
        for kind, emotion, end_s in events
        if cooldown.accepts(make_event(kind=kind, emotion=emotion, end_s=end_s), 5.0)
    ]
    assert accepted == [events[0], events[2], events[3], events[5]]


def test_a_provisional_event_suppresses_only_provisional_events() -> None:
    """A subscriber to full windows misses none."""
    cooldown = Cooldown()
    first = make_event(kind="window", provisional=True, end_s=1.0)
    assert cooldown.accepts(first, 60.0)
    assert cooldown.accepts(make_event(kind="window", end_s=3.0), 60.0)
    assert not cooldown.accepts(make_event(kind="window", provisional=True, end_s=10.0), 60.0)


@given(st.lists(st.floats(0.0, 1e5)))
def test_without_a_cooldown_every_event_is_accepted(ends_s: list[float]) -> None:
    """Repeated emotions at any time are accepted."""
    cooldown = Cooldown()
    assert all(cooldown.accepts(make_event(end_s=end_s), 0.0) for end_s in ends_s)


def _frames(level: float, n_frames: int) -> VoicedFrames:
    samples = np.full(480 * n_frames, round(32768 * level), np.int16)
    return VoicedFrames(
        samples=samples,
        voiced=(False,) * n_frames,
        mean_square=tuple(
            np.square(samples.reshape(n_frames, 480), dtype=np.float64).mean(axis=1).tolist()
        ),
        offset_samples=0,
        captured=CaptureTime(epoch_s=0.0, arrived_s=0.0),
    )


def test_the_level_is_that_of_each_interval() -> None:
    """Half a second at -20 dBFS, then half a second at -40 dBFS, measured over half a second each."""
    meter = LevelMeter(0.48)
    levels = [meter.measure(_frames(level, 4)) for level in [0.1] * 4 + [0.01] * 4]
    assert [level.dbfs for level in levels if level is not None] == [
        pytest.approx(-20.0, abs=0.1),
        pytest.approx(-40.0, abs=0.1),
    ]
    assert levels[3] is not None
    assert meter.missing_samples == 0.48 * 16_000
    meter.measure(_frames(0.1, 1))
    assert meter.missing_samples == 0.45 * 16_000


@pytest.mark.parametrize(
    ("period_s", "n_due_in_30_s"), [(0.0, 0), (0.3, 100), (1.0, 29), (2.5, 11), (10.0, 2)]
)
def test_a_level_is_due_each_period_and_comes_each_second(period_s: float, n_due_in_30_s: int) -> None:
    """A meter gives a level each second or more often, and marks one in each period as due."""
    meter = LevelMeter(period_s)
    levels = [level for _ in range(1000) if (level := meter.measure(_frames(0.1, 1))) is not None]
    assert len(levels) >= 29
    assert sum(level.is_due for level in levels) == n_due_in_30_s


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("quiet_s", 0.0),
        ("cooldown_s", -1.0),
        ("cooldown_s", 3601.0),
        ("provisional_s", 0.2),
        ("provisional_s", -1.0),
        ("level_s", 0.01),
        ("stats_s", 0.0),
    ],
)
def test_a_bad_setting_is_named(key: str, value: float) -> None:
    """A bad value gives one problem, under its key."""
    problems = list(replace(ReportSettings(), **{key: value}).problems())
    assert [name for name, _ in problems] == [key]

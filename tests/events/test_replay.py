"""The JSON of a waiting event changes in its mark and its time alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.events.event import Event
from serd.events.replay import as_replayed, move_time
from testkit.made_events import make_event

events = st.builds(
    replace,
    st.builds(make_event, node=st.text(max_size=20), provisional=st.booleans()),
    file=st.none() | st.text(max_size=20),
)


@given(events)
def test_a_replayed_event_is_marked(event: Event) -> None:
    """No other field changes, whatever it holds."""
    assert Event.from_json(as_replayed(event.to_json())) == replace(event, replayed=True)


@given(events, st.integers(-(10**6), 10**6))
def test_the_time_moves_with_a_step_of_the_clock(event: Event, step_s: int) -> None:
    """By the step; no other field changes."""
    time = datetime.fromisoformat(event.time)
    moved = Event.from_json(move_time(event.to_json(), step_s, time.timestamp()))
    assert datetime.fromisoformat(moved.time) == time + timedelta(seconds=step_s)
    assert replace(moved, time=event.time) == event


LINE = '{"id": "1", "time": "2019-01-01T00:00:10.250+00:00"}'
TAKEN_S = datetime(2019, 1, 1, 0, 0, 11, tzinfo=UTC).timestamp()


def test_a_time_after_the_step_stays() -> None:
    """The event was made just after the clock was set, and queued by the clock before."""
    assert move_time(LINE, 3600.0, TAKEN_S - 3600.0) == LINE
    assert move_time(LINE, 3600.0, TAKEN_S) != LINE


@pytest.mark.parametrize(
    "text", ['{"id": "1"}', '{"time": 7}', '{"time": "soon"}', "[]", "rubbish", LINE]
)
def test_a_text_whose_time_cannot_be_moved_stays(text: str) -> None:
    """No time, no event, or a step beyond all dates."""
    assert move_time(text, 1e18, TAKEN_S) == text

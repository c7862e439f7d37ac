"""Absences begin and end with changes of state."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from serd.publishers.history.absences import absences
from serd.publishers.history.records import SourceState, StateChange


def change(time_s: float, state: SourceState, source: str = "mic", reason: str = "") -> StateChange:
    """A change of state."""
    return StateChange(time_s=time_s, source=source, state=state, reason=reason)


def test_two_sources_and_both_kinds() -> None:
    """Each ends with its own counterpart; those that last are the last, without an end."""
    changes = [
        change(1, "online"),
        change(2, "offline", reason="unplugged"),
        change(3, "offline", "door"),
        change(4, "muted"),
        change(5, "online"),
        change(6, "unmuted", "door"),
    ]
    found = [(each.source, each.kind, each.start_s, each.end_s) for each in absences(changes)]
    assert found == [
        ("mic", "offline", 2, 5),
        ("door", "offline", 3, None),
        ("mic", "muted", 4, None),
    ]
    assert absences(changes)[0].reason == "unplugged"


def test_a_state_told_again_changes_nothing() -> None:
    """As at each start."""
    changes = [change(1, "offline"), change(2, "offline"), change(3, "online"), change(4, "online")]
    assert [(each.start_s, each.end_s) for each in absences(changes)] == [(1, 3)]


def test_the_part_within_a_span() -> None:
    """An absence is counted from the start of the span to its end, and never less than nothing."""
    (absence,) = absences([change(100, "muted"), change(200, "unmuted")])
    spans = [(0, 1000), (150, 1000), (0, 150), (120, 130), (300, 400)]
    assert [absence.duration_s(*span) for span in spans] == [100, 50, 50, 10, 0]
    (lasting,) = absences([change(100, "muted")])
    assert lasting.duration_s(0, 1000) == 900


@given(states=st.lists(st.sampled_from(["online", "offline", "muted", "unmuted"])))
def test_absences_of_a_kind_never_overlap(states: list[SourceState]) -> None:
    """Whatever the order of the changes, and at most one of each kind lasts."""
    found = absences(change(number, state) for number, state in enumerate(states))
    for kind in ("offline", "muted"):
        spans = [(each.start_s, each.end_s) for each in found if each.kind == kind]
        for (_, end_s), (start_s, _) in itertools.pairwise(spans):
            assert end_s is not None
            assert end_s < start_s

"""The daemon counts as alive only while each of its sources shows signs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.daemon.watchdog import ProgressGuard

NAMES = st.sampled_from(["mic", "door", "hall"])
TIMES_S = st.floats(0.0, 1e6)


def test_one_silent_source_of_two_is_enough() -> None:
    """A source that works does not hide one that is stuck."""
    guard = ProgressGuard(["mic", "door"], limit_s=10.0, at_s=0.0)
    for at_s in range(30):
        guard.progress("mic", at_s)
        assert guard.is_alive(at_s) == (at_s <= 10)
    assert guard.stuck(29.0) == ("door",)


def test_a_sign_makes_alive_again() -> None:
    """A source that was stuck and goes on is alive."""
    guard = ProgressGuard(["mic"], limit_s=10.0, at_s=0.0)
    assert not guard.is_alive(10.1)
    guard.progress("mic", 11.0)
    assert guard.is_alive(21.0)


def test_a_source_that_ended_owes_nothing() -> None:
    """A file has an end; with no source left nothing can be stuck."""
    guard = ProgressGuard(["file"], limit_s=10.0, at_s=0.0)
    guard.forget("file")
    guard.forget("file")
    assert guard.is_alive(1e9)


@pytest.mark.parametrize("limit_s", [0.0, -1.0, float("nan")])
def test_a_limit_must_be_above_zero(limit_s: float) -> None:
    """Anything else would never, or always, be alive."""
    with pytest.raises(ValueError, match="limit_s"):
        ProgressGuard([], limit_s=limit_s, at_s=0.0)


@given(st.lists(st.tuples(NAMES, TIMES_S)), TIMES_S, st.floats(0.001, 1e4))
def test_alive_means_that_each_latest_sign_is_young(
    signs: list[tuple[str, float]], at_s: float, limit_s: float
) -> None:
    """In whatever order the signs arrive, only the latest of each source counts."""
    guard = ProgressGuard(["mic"], limit_s=limit_s, at_s=0.0)
    latest_s = {"mic": 0.0}
    for name, sign_s in signs:
        guard.progress(name, sign_s)
        latest_s[name] = max(sign_s, latest_s.get(name, 0.0))
    expected = {name for name, seen_s in latest_s.items() if at_s - seen_s > limit_s}
    assert set(guard.stuck(at_s)) == expected
    assert guard.is_alive(at_s) == (not expected)

"""A source without progress for longer than the limit is stuck."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.daemon.watchdog import ProgressGuard

NAMES = st.sampled_from(["mic", "door", "hall"])
TIMES_S = st.floats(0.0, 1e6)


def test_one_stuck_source_of_two_is_found() -> None:
    """Progress of one source does not hide another that is stuck."""
    guard = ProgressGuard(["mic", "door"], limit_s=10.0, at_s=0.0)
    for at_s in range(30):
        guard.progress("mic", at_s)
        assert bool(guard.stuck(at_s)) == (at_s > 10)
    assert guard.stuck(29.0) == ("door",)


def test_progress_frees_a_stuck_source() -> None:
    """The limit counts from the latest progress."""
    guard = ProgressGuard(["mic"], limit_s=10.0, at_s=0.0)
    assert guard.stuck(10.1)
    guard.progress("mic", 11.0)
    assert not guard.stuck(21.0)


def test_a_source_that_ended_is_not_stuck() -> None:
    """A file ends; to forget it twice is no error."""
    guard = ProgressGuard(["file"], limit_s=10.0, at_s=0.0)
    guard.forget("file")
    guard.forget("file")
    assert not guard.stuck(1e9)


@pytest.mark.parametrize("limit_s", [0.0, -1.0, float("nan")])
def test_a_limit_must_be_above_zero(limit_s: float) -> None:
    """A limit of zero, a negative one and NaN are refused."""
    with pytest.raises(ValueError, match="limit_s"):
        ProgressGuard([], limit_s=limit_s, at_s=0.0)


@given(st.lists(st.tuples(NAMES, TIMES_S)), TIMES_S, st.floats(0.001, 1e4))
def test_only_the_latest_progress_of_each_source_counts(
    progress: list[tuple[str, float]], at_s: float, limit_s: float
) -> None:
    """The order of the calls does not matter."""
    guard = ProgressGuard(["mic"], limit_s=limit_s, at_s=0.0)
    latest_s = {"mic": 0.0}
    for name, progress_s in progress:
        guard.progress(name, progress_s)
        latest_s[name] = max(progress_s, latest_s.get(name, 0.0))
    expected = {name for name, last_s in latest_s.items() if at_s - last_s > limit_s}
    assert set(guard.stuck(at_s)) == expected

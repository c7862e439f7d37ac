"""A stream from a real RTSP server that dies and comes back.

scripts/check_rtsp.py repeats this ten times and measures it.
"""

from dataclasses import replace
from typing import Any

import check_rtsp
import pytest
from check_rtsp import Recovery

from testkit.rtsp import missing_packages


@pytest.mark.skipif(bool(missing_packages()), reason=missing_packages())
def test_a_server_that_is_killed_and_comes_back_is_heard_again() -> None:
    """The source is offline within seconds, then online, and the voice gives events again."""
    # The promise is 5 s and 10 s on an idle machine; the slack is for a busy one.
    assert check_rtsp.main(["--rounds", "1", "--slack", "2"]) == 0


STEADY = Recovery(offline_s=1.0, online_s=3.0, parts=(4, 11, 1))


@pytest.mark.parametrize(
    ("changes", "is_passed"),
    [
        ({}, True),
        ({"offline_s": 5.1}, False),
        ({"online_s": 10.1}, False),
        ({"parts": (5, 11, 1)}, False),
        ({"parts": (4, 12, 1)}, False),
        ({"parts": (4, 11, 2)}, False),
    ],
)
def test_a_recovery_that_is_late_or_leaves_something_fails_the_check(
    changes: dict[str, Any],
    is_passed: bool,  # noqa: FBT001
) -> None:
    """The limits of scripts/check_rtsp.py: time, threads, files and children."""
    assert check_rtsp.is_passed([STEADY, replace(STEADY, **changes)], 1.0) is is_passed

"""The resources of a daemon that hears sound for a long time do not grow.

scripts/check_soak.py sends a day of sound; this is its short form.
"""

from dataclasses import replace
from typing import Any

import check_soak
import pytest
from check_soak import Snapshot


def test_half_an_hour_of_sound_leaves_memory_threads_and_files_as_they_are() -> None:
    """From the tenth minute of sound to the thirtieth, at full speed, with a broker."""
    assert check_soak.main(["--hours", "0.5"]) == 0


STEADY = Snapshot(
    sound_s=600.0, n_events=100, rss_mb=70.0, real_time_factor=0.002, n_threads=6, n_files=12
)


@pytest.mark.parametrize(
    ("changes", "code", "is_passed"),
    [
        ({}, 0, True),
        ({"rss_mb": 72.9}, 0, True),
        ({"rss_mb": 73.1}, 0, False),
        ({"n_threads": 7}, 0, False),
        ({"n_files": 13}, 0, False),
        ({}, 1, False),
    ],
)
def test_a_daemon_that_grows_fails_the_check(
    changes: dict[str, Any],
    code: int,
    is_passed: bool,  # noqa: FBT001
) -> None:
    """The limits of scripts/check_soak.py: memory, threads, files and the exit code."""
    assert check_soak.is_passed([STEADY, replace(STEADY, **changes)], code) is is_passed

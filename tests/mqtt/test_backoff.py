"""The pauses between attempts to connect to a broker."""

import random

from hypothesis import given
from hypothesis import strategies as st

from serd.mqtt.backoff import Backoff


def pauses_of(n: int, value: float = 0.5) -> list[float]:
    """The first n pauses, in seconds, with the same random number each time."""
    backoff = Backoff(first_s=1.0, max_s=60.0, random=lambda: value)
    return [backoff.next_s() for _ in range(n)]


def test_pauses_double_up_to_the_longest() -> None:
    """On average 1, 2, 4 seconds and so on, and 40 seconds from then on."""
    assert pauses_of(9) == [1, 2, 4, 8, 16, 32, 40, 40, 40]


@given(value=st.floats(0, 1, exclude_max=True))
def test_no_pause_is_longer_than_the_longest_or_shorter_than_half_the_first(value: float) -> None:
    """With any random number."""
    assert all(0.5 <= pause_s <= 60.0 for pause_s in pauses_of(20, value))


def test_an_hour_without_a_broker_has_about_a_hundred_attempts() -> None:
    """About 100 attempts in the first hour, and 12 in the first five minutes."""
    backoff = Backoff(first_s=1.0, max_s=60.0, random=random.Random(1).random)  # noqa: S311
    times_s = [0.0]
    while times_s[-1] < 3600.0:
        times_s.append(times_s[-1] + backoff.next_s())
    assert 80 <= len(times_s) <= 110
    assert 8 <= sum(time_s <= 300.0 for time_s in times_s) <= 15


def test_a_hundred_machines_do_not_come_back_at_once() -> None:
    """Their first attempts differ by up to a second, their fifth by up to 16."""
    chance = random.Random(2)  # noqa: S311
    machines = [Backoff(first_s=1.0, max_s=60.0, random=chance.random) for _ in range(100)]
    rounds = [[machine.next_s() for machine in machines] for _ in range(5)]
    assert max(rounds[0]) - min(rounds[0]) > 0.9
    assert max(rounds[4]) - min(rounds[4]) > 14.0


def test_pauses_are_short_again_after_a_reset() -> None:
    """The next pause is as short as the first."""
    backoff = Backoff(first_s=1.0, max_s=60.0, random=lambda: 0.5)
    assert [backoff.next_s(), backoff.next_s()] == [1, 2]
    backoff.reset()
    assert backoff.next_s() == 1

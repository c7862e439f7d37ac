"""Pauses between attempts: they grow, they end somewhere, and no two machines have the same."""

import random

from hypothesis import given
from hypothesis import strategies as st

from serd.mqtt.link import Backoff


def pauses_of(n: int, value: float = 0.5) -> list[float]:
    """The first n pauses, in seconds, where chance always says the same."""
    made = Backoff(first_s=1.0, most_s=60.0, random=lambda: value)
    return [made.next_s() for _ in range(n)]


def test_they_double_up_to_the_longest() -> None:
    """In the middle of their spread: 1, 2, 4 and so on, and 40 seconds for ever."""
    assert pauses_of(9) == [1, 2, 4, 8, 16, 32, 40, 40, 40]


@given(value=st.floats(0, 1, exclude_max=True))
def test_none_is_longer_than_the_longest_or_shorter_than_half_the_first(value: float) -> None:
    """Whatever chance says."""
    assert all(0.5 <= pause_s <= 60.0 for pause_s in pauses_of(20, value))


def test_a_broker_away_for_an_hour_is_asked_about_a_hundred_times() -> None:
    """No storm: 100 attempts in the first hour, and some 12 in the first five minutes."""
    made = Backoff(first_s=1.0, most_s=60.0, random=random.Random(1).random)  # noqa: S311
    times_s = [0.0]
    while times_s[-1] < 3600.0:
        times_s.append(times_s[-1] + made.next_s())
    assert 80 <= len(times_s) <= 110
    assert 8 <= sum(time_s <= 300.0 for time_s in times_s) <= 15


def test_a_hundred_machines_do_not_come_back_at_once() -> None:
    """Their first attempts are spread over a second, their fifth over 16."""
    chance = random.Random(2)  # noqa: S311
    machines = [Backoff(first_s=1.0, most_s=60.0, random=chance.random) for _ in range(100)]
    rounds = [[machine.next_s() for machine in machines] for _ in range(5)]
    assert max(rounds[0]) - min(rounds[0]) > 0.9
    assert max(rounds[4]) - min(rounds[4]) > 14.0


def test_they_begin_anew() -> None:
    """After a reset the next is as short as the first."""
    made = Backoff(first_s=1.0, most_s=60.0, random=lambda: 0.5)
    assert [made.next_s(), made.next_s()] == [1, 2]
    made.reset()
    assert made.next_s() == 1

"""Worker processes give the results of one process, and a killed worker ends the work with one error."""

import os
import signal

import pytest

from serd.daemon.worker_pool import MIN_ITEMS, map_in_order
from serd.errors import OperationError


@pytest.fixture(autouse=True)
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processors, so that workers are used on every machine."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


def square(number: int) -> int:
    """The work of a worker."""
    return number * number


def die(number: int) -> int:
    """The work of a worker that the kernel kills."""
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def process_id(_item: object) -> int:
    """The id of the process that does the work."""
    return os.getpid()


@pytest.mark.parametrize("n_items", [0, 3, MIN_ITEMS + 1])
def test_results_come_in_the_order_of_the_items(n_items: int) -> None:
    """The order is the same with and without worker processes."""
    assert list(map_in_order(square, range(n_items))) == [n * n for n in range(n_items)]


def test_few_items_need_no_workers_unless_their_number_is_given() -> None:
    """Fewer than MIN_ITEMS items are done in this process, and so is all work of one worker."""
    assert set(map_in_order(process_id, range(3))) == {os.getpid()}
    assert set(map_in_order(process_id, range(MIN_ITEMS), n_workers=1)) == {os.getpid()}
    assert os.getpid() not in set(map_in_order(process_id, range(3), n_workers=2))


@pytest.mark.parametrize("n_workers", [None, 2])
def test_a_killed_worker_ends_the_work_with_one_error(n_workers: int | None) -> None:
    """Nothing hangs, and the one-line message gives the next step."""
    with pytest.raises(OperationError, match=r"^a worker process was killed, .* run the same command"):
        list(map_in_order(die, range(100), n_workers=n_workers))

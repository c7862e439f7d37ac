"""Worker processes give what one process would, and end the command if one of them is killed."""

import os
import signal
from collections.abc import Callable

import pytest

from serd.errors import OperationError
from train.features import processes
from train.features.processes import map_in_order
from train.model.jobs import run_jobs


@pytest.fixture(autouse=True)
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are used whatever machine this is."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


def square(number: int) -> int:
    """The work of a worker that lives."""
    return number * number


def die(number: int) -> int:
    """The work of a worker that the kernel kills."""
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_results_come_in_the_order_of_the_jobs() -> None:
    """Whether there are enough jobs for worker processes or not."""
    for n_jobs in (3, processes._MIN_JOBS + 1):  # noqa: SLF001
        assert list(map_in_order(square, range(n_jobs))) == [n * n for n in range(n_jobs)]


@pytest.mark.parametrize(
    "run",
    [
        lambda: list(map_in_order(die, range(100))),
        lambda: list(run_jobs(die, range(4), n_processes=2)),
    ],
)
def test_a_killed_worker_ends_the_command_with_one_line(run: Callable[[], object]) -> None:
    """Nothing hangs, and the message says what to do."""
    with pytest.raises(OperationError, match=r"^a worker process was killed, .* run the same command"):
        run()

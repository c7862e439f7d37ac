"""Training jobs in processes of this machine."""

import os
import signal

import pytest

from serd.errors import OperationError
from train.model.jobs import run_jobs


def die(number: int) -> int:
    """The job of a worker that the kernel kills."""
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_a_killed_worker_ends_the_jobs_with_one_error() -> None:
    """Nothing hangs, and the one-line message gives the next step."""
    with pytest.raises(OperationError, match=r"^a worker process was killed, .* run the same command"):
        list(run_jobs(die, range(4), n_processes=2))

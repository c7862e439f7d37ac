"""The same work on many jobs, on all processors."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

_MIN_JOBS = 50
"""Fewer jobs are done before other processes would have started."""


def map_in_order(work: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterator[Result]:
    """Results in the order of the jobs; processes only where there is enough to do for them.

    Args:
        work: what is done with each job; picklable, as is what it takes and gives.
        jobs: the jobs.
    """
    n_processes = os.cpu_count() or 1
    if len(jobs) < _MIN_JOBS or n_processes == 1:
        yield from map(work, jobs)
        return
    # A forked TensorFlow would deadlock; a spawned process has never seen it.
    with multiprocessing.get_context("spawn").Pool(n_processes, _leave_interrupts) as pool:
        yield from pool.imap(work, jobs, chunksize=8)


def _leave_interrupts() -> None:
    """Ctrl-C is the parent's to handle; it ends the pool."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

"""The same work on many jobs, on all processors."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from serd.errors import OperationError

Job = TypeVar("Job")
Result = TypeVar("Result")

_MIN_JOBS: Final = 50
"""Fewer jobs are done before worker processes would have started."""


def map_in_order(work: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterator[Result]:
    """Results in the order of the jobs, from worker processes if there are enough jobs.

    Args:
        work: a function of one job; picklable, as are the jobs and results.
        jobs: the jobs.

    Raises:
        OperationError: a worker process was killed.
    """
    n_processes = os.cpu_count() or 1
    if len(jobs) < _MIN_JOBS or n_processes == 1:
        yield from map(work, jobs)
        return
    with process_pool(n_processes) as pool:
        yield from pool.map(work, jobs, chunksize=8)


def ignore_interrupts() -> None:
    """Leave Ctrl-C to the parent process, which ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def process_pool(
    n_processes: int,
    initializer: Callable[..., None] = ignore_interrupts,
    initargs: tuple[Any, ...] = (),
) -> Iterator[ProcessPoolExecutor]:
    """A pool of worker processes, which are terminated if anything goes wrong.

    Args:
        n_processes: number of workers.
        initializer: called in each worker first.
        initargs: its arguments.

    Raises:
        OperationError: a worker was killed.
    """
    pool = ProcessPoolExecutor(
        n_processes,
        mp_context=multiprocessing.get_context("spawn"),  # a forked TensorFlow would deadlock
        initializer=initializer,
        initargs=initargs,
    )
    try:
        yield pool
    except BaseException as exc:
        for child in multiprocessing.active_children():  # or Ctrl-C would wait for their ends
            child.terminate()
        if isinstance(exc, BrokenProcessPool):
            raise OperationError(
                "a worker process was killed, perhaps for lack of memory; run the same command again"
            ) from exc
        raise
    finally:
        pool.shutdown(cancel_futures=True)

"""Work on many items in worker processes."""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from serd.daemon.process import end_with_parent, keep_freed_memory
from serd.errors import OperationError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

MIN_ITEMS: Final = 50
"""Fewer items are usually done before worker processes would have started."""
_PENDING_PER_WORKER: Final = 4
"""Items that are submitted ahead of the next result, for each worker."""


def map_in_order(
    work: Callable[[_Item], _Result], items: Iterable[_Item], *, n_workers: int | None = None
) -> Iterator[_Result]:
    """Yield the result of each item, in the order of the items.

    Args:
        work: a function of one item; picklable, as are the items and results.
        items: the items; a few are submitted ahead of the next result.
        n_workers: number of worker processes; with 1 the work is done in this process. None for one a
            core, or for this process if there are fewer than ``MIN_ITEMS`` items.

    Raises:
        OperationError: a worker was killed.
    """
    if n_workers is None:
        items = list(items)
        n_workers = (os.cpu_count() or 1) if len(items) >= MIN_ITEMS else 1
    if n_workers <= 1:
        yield from map(work, items)
        return
    pending: deque[Future[_Result]] = deque()
    with process_pool(n_workers, keep_freed_memory) as pool:
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) >= _PENDING_PER_WORKER * n_workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


@contextmanager
def process_pool(
    n_workers: int, initializer: Callable[..., None], initargs: tuple[Any, ...] = ()
) -> Iterator[ProcessPoolExecutor]:
    """A pool of worker processes, which are terminated if anything goes wrong.

    A worker leaves Ctrl-C to this process, and ends with it even if it is killed.

    Args:
        n_workers: number of workers.
        initializer: called in each worker first.
        initargs: its arguments.

    Raises:
        OperationError: a worker was killed.
    """
    pool = ProcessPoolExecutor(
        n_workers,
        mp_context=multiprocessing.get_context("spawn"),  # a forked TensorFlow would deadlock
        initializer=_start_worker,
        initargs=(initializer, *initargs),
    )
    try:
        yield pool
    except BaseException as exc:
        for child in multiprocessing.active_children():  # or Ctrl-C would wait for their ends
            child.terminate()
        if isinstance(exc, BrokenProcessPool):
            raise OperationError(
                "a worker process was killed, perhaps for lack of memory; run the same command again,"
                " with fewer processes if it has --jobs"
            ) from exc
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker(initializer: Callable[..., None], *initargs: Any) -> None:  # noqa: ANN401
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    initializer(*initargs)

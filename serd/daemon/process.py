"""Processes: how memory is kept, where C libraries print, and work spread over several processes."""

import ctypes
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TextIO, TypeVar

from serd.errors import OperationError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_AHEAD: Final = 4
"""Items a process that are handed out before the first of them is due."""

_MIB: Final = 2**20
_PARAMETERS: Final = {"trim_threshold": -1, "top_pad": -2, "mmap_threshold": -3, "arena_max": -8}
"""Numbers that malloc.h of glibc gives them."""


def keep_freed_memory() -> None:
    """Keep the few megabytes that a window needs within the process.

    What lies between sound and MFCCs is a megabyte for a moment, once a window. glibc gives such memory
    back to the kernel and asks for it again with the next window, and each page that comes anew must be
    cleared: 200 of them cost half as much again as the features themselves.
    """
    set_malloc(mmap_threshold=_MIB, trim_threshold=4 * _MIB)


def set_malloc(**values: int) -> None:
    """Set parameters of glibc's malloc for this process; another C library is left as it is.

    Args:
        values: by name, each one of "trim_threshold" (free memory at the top of the heap beyond which
            it goes back to the kernel, in bytes), "top_pad" (by how much more than is needed the heap
            grows, in bytes), "mmap_threshold" (size from which a block is the kernel's own, in bytes; 32
            MiB at most) and "arena_max" (number of heaps).
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for name, value in values.items():
        mallopt(_PARAMETERS[name], value)


def own_stderr() -> TextIO:
    """Take standard error for this process's Python alone; C libraries write to /dev/null from now on.

    PortAudio and ALSA write a dozen lines to file descriptor 2 each time that a device does not open.
    None of them says more than the error that serd raises.

    Returns:
        A stream on what standard error was, line by line; ``sys.stderr`` is the same.
    """
    stream = os.fdopen(os.dup(sys.stderr.fileno()), "w", buffering=1, errors="backslashreplace")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stderr.fileno())
    os.close(nowhere)
    sys.stderr = stream
    return stream


def map_in_order(
    work: Callable[[_Item], _Result], items: Iterable[_Item], *, jobs: int
) -> Iterator[_Result]:
    """Yield the results of some work on each item, in the order of the items.

    Args:
        work: a function that can be pickled.
        items: what it is called with, one by one; a few are taken ahead.
        jobs: number of processes, 1 or more.

    Raises:
        OperationError: a process was killed, so that results are missing.
    """
    from concurrent.futures import Future, ProcessPoolExecutor  # noqa: PLC0415 - the daemon has none
    from concurrent.futures.process import BrokenProcessPool  # noqa: PLC0415
    from multiprocessing import get_context  # noqa: PLC0415

    pending: deque[Future[_Result]] = deque()
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), keep_freed_memory)
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) >= _AHEAD * jobs:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except BrokenProcessPool as exc:
        raise OperationError(
            "a process was killed, perhaps for want of memory; try again with fewer (--jobs 1)"
        ) from exc
    finally:
        pool.shutdown(wait=True, cancel_futures=True)

"""Training jobs in processes of this machine, or on machines through Dask."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, as_completed
from typing import TypeVar

from serd.daemon.worker_pool import process_pool
from serd.errors import LibraryError, OperationError
from train.model.tensorflow_import import keep_freed_memory, tensorflow_for

Job = TypeVar("Job")
Result = TypeVar("Result")


def run_jobs(
    work: Callable[[Job], Result], jobs: Sequence[Job], *, n_processes: int = 1, dask: str = ""
) -> Iterator[tuple[Job, Result]]:
    """Yield each job with its result, in the order in which they finish.

    Args:
        work: a function of one job, importable by other processes.
        jobs: the jobs.
        n_processes: processes on this machine; 1 works in this one.
        dask: address of a Dask scheduler whose workers are used in place of processes.

    Raises:
        OperationError: a process was killed, or there is no scheduler at the address.
        LibraryError: Dask is not installed.
        Exception: an error of a job; jobs that have not begun are canceled.
    """
    if dask:
        yield from _on_dask(work, jobs, dask)
    elif n_processes == 1 or len(jobs) < 2:
        for job in jobs:
            yield job, work(job)
    else:
        yield from _in_processes(work, jobs, min(n_processes, len(jobs)))


def _in_processes(
    work: Callable[[Job], Result], jobs: Sequence[Job], n_processes: int
) -> Iterator[tuple[Job, Result]]:
    n_threads = max(1, (os.cpu_count() or 1) // n_processes)
    with process_pool(n_processes, _start_process, (n_threads,)) as pool:
        pending: dict[Future[Result], Job] = {pool.submit(work, job): job for job in jobs}
        for future in as_completed(pending):
            yield pending[future], future.result()


def _start_process(n_threads: int) -> None:
    """Prepare a worker; the processors are shared out, since two networks a core are slower."""
    keep_freed_memory()
    for variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ[variable] = str(n_threads)
    with tensorflow_for("training"):
        import keras  # noqa: F401, PLC0415 - or the first job would import it, and not in silence


def _on_dask(
    work: Callable[[Job], Result], jobs: Sequence[Job], address: str
) -> Iterator[tuple[Job, Result]]:
    try:
        from distributed import CancelledError, Client, KilledWorker, as_completed  # noqa: PLC0415
    except ImportError as exc:
        raise LibraryError(f"--dask needs Dask ({exc}): pip install '.[dask]'") from exc
    try:
        client = Client(address, timeout="10s", set_as_default=False)
    except (OSError, TimeoutError, ValueError) as exc:
        raise OperationError(f"no Dask scheduler at {address}: {exc}") from exc
    with client:
        pending = {client.submit(work, job, pure=False): job for job in jobs}
        try:
            for future in as_completed(pending, loop=client.loop):
                yield pending[future], future.result()
        except (CancelledError, ImportError, KilledWorker, OSError) as exc:
            raise OperationError(
                f"a Dask worker failed: {exc}; each needs serd with its train extra. The same command"
                " takes up what is left"
            ) from exc
        finally:
            if left := [future for future in pending if not future.done()]:
                client.cancel(left)

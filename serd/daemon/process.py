"""A process: memory allocation, standard error of C libraries, and the end of a worker process."""

import ctypes
import os
import signal
import sys
from typing import Final, TextIO

_MIB: Final = 2**20
_PR_SET_PDEATHSIG: Final = 1  # include/uapi/linux/prctl.h
_PARAMETERS: Final = {"trim_threshold": -1, "top_pad": -2, "mmap_threshold": -3, "arena_max": -8}
"""Parameter numbers from malloc.h of glibc."""


def keep_freed_memory() -> None:
    """Keep freed blocks of up to a megabyte in the process, instead of returning them to the kernel.

    The features of each window need about a megabyte of temporary arrays. By default glibc returns this
    memory to the kernel and requests it again for the next window. The kernel must clear each new page,
    and 200 pages cost half as much time as the features themselves.
    """
    set_malloc(mmap_threshold=_MIB, trim_threshold=4 * _MIB)


def set_malloc(**values: int) -> None:
    """Set parameters of glibc's malloc for this process; do nothing under another C library.

    Args:
        values: by name, each one of "trim_threshold" (free memory at the top of the heap beyond which
            it is returned to the kernel, in bytes), "top_pad" (extra bytes by which the heap grows),
            "mmap_threshold" (size in bytes from which a block is mapped on its own; 32 MiB at most) and
            "arena_max" (number of heaps).
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for name, value in values.items():
        mallopt(_PARAMETERS[name], value)


def end_with_parent() -> None:
    """End this worker process when the process that started it ends, also by SIGKILL.

    A worker of a process pool would otherwise wait for work forever, since it holds both ends of the
    pipe of its tasks. Only Linux can do this.
    """
    if not sys.platform.startswith("linux"):
        return
    from multiprocessing import parent_process  # noqa: PLC0415 - the daemon has no workers

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    parent = parent_process()
    if parent is not None and os.getppid() != parent.pid:  # it ended before the call
        os._exit(1)


def own_stderr() -> TextIO:
    """Reserve standard error for Python; the output of C libraries goes to /dev/null.

    PortAudio and ALSA write a dozen lines to file descriptor 2 whenever a device does not open, and none
    of them adds to the error that serd raises.

    Returns:
        A line-buffered stream to the original standard error, which is also the new ``sys.stderr``.
    """
    stream = os.fdopen(os.dup(sys.stderr.fileno()), "w", buffering=1, errors="backslashreplace")
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stderr.fileno())
    os.close(devnull)
    sys.stderr = stream
    return stream

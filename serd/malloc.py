"""Keeps memory that is freed within the process.

What lies between sound and MFCCs is a megabyte for a moment, once a window. glibc gives such memory back
to the kernel and asks for it again with the next window, and each page that comes anew must be cleared:
200 of them cost half as much again as the features themselves.
"""

import ctypes
import sys
from typing import Final

_MIB: Final = 2**20
_PARAMETERS: Final = {"trim_threshold": -1, "top_pad": -2, "mmap_threshold": -3, "arena_max": -8}
"""Numbers that malloc.h of glibc gives them."""


def keep_freed_memory() -> None:
    """Keep as much as a window needs, a few megabytes."""
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

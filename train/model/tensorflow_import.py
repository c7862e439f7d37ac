"""TensorFlow: its import, which takes seconds and may fail, its memory, and the versions in use."""

import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

import serd
from serd.daemon.process import set_malloc
from serd.errors import LibraryError

_MIB = 2**20


def keep_freed_memory() -> None:
    """Let malloc reuse large blocks, which halves the time of an epoch.

    TensorFlow allocates each activation anew. glibc returns blocks of that size to the kernel at once,
    and the next allocation pays for clearing every page again.
    """
    set_malloc(
        arena_max=1,
        mmap_threshold=32 * _MIB,
        trim_threshold=2**31 - 1,
        top_pad=256 * _MIB,
    )


@contextmanager
def tensorflow_for(work: str) -> Iterator[None]:
    """Import within what needs TensorFlow.

    What its libraries say on the standard error while they load is for their developers, and
    TF_CPP_MIN_LOG_LEVEL does not reach what they say before their log is set up
    (https://github.com/tensorflow/tensorflow/issues/100442). It is shown if anything goes wrong.

    Args:
        work: what it is needed for, as the message has it.

    Raises:
        LibraryError: it is not installed.
    """
    try:
        with _said_if_it_fails():
            yield
    except ImportError as exc:
        raise LibraryError(f"{work} needs TensorFlow ({exc}): pip install '.[train]'") from exc


@contextmanager
def _said_if_it_fails() -> Iterator[None]:
    if sys.stderr is None:  # whoever started the program closed it
        yield
        return
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        except BaseException:
            said.seek(0)
            os.write(stderr, said.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def versions() -> dict[str, str]:
    """Versions of what a network is made with."""
    return {
        "serd": serd.__version__,
        "tensorflow": _version("tensorflow", "tensorflow-cpu"),
        "keras": _version("keras"),
        "numpy": _version("numpy"),
        "python": platform.python_version(),
    }


def _version(*names: str) -> str:
    """Version of the first of the packages that is installed."""
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "unknown"

"""TensorFlow: its import, which takes seconds and may fail, its memory, and the versions in use."""

import logging
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

    TensorFlow allocates each activation again for every batch. glibc returns blocks of that size to the
    kernel at once, and the next allocation pays for clearing every page again.
    """
    set_malloc(
        arena_max=1,
        mmap_threshold=32 * _MIB,
        trim_threshold=2**31 - 1,
        top_pad=256 * _MIB,
    )


@contextmanager
def tensorflow_for(work: str) -> Iterator[None]:
    """Import TensorFlow within this context.

    Its libraries write messages for developers to stderr while they load, some of them before
    TF_CPP_MIN_LOG_LEVEL applies (https://github.com/tensorflow/tensorflow/issues/100442). They are shown
    only if an import fails. Its warnings are silent from then on: a process that trains a sixth network
    is told that it traces the same function too often.

    Args:
        work: the purpose, for the message.

    Raises:
        LibraryError: it is not installed.
    """
    try:
        with _shown_if_it_fails():
            yield
            logging.getLogger("tensorflow").setLevel(logging.ERROR)
    except ImportError as exc:
        raise LibraryError(f"{work} needs TensorFlow ({exc}): pip install '.[train]'") from exc


@contextmanager
def _shown_if_it_fails() -> Iterator[None]:
    if sys.stderr is None:  # it was closed by the parent process
        yield
        return
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as messages:
        os.dup2(messages.fileno(), 2)
        try:
            yield
        except BaseException:
            messages.seek(0)
            os.write(stderr, messages.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def versions() -> dict[str, str]:
    """Versions of the software that trains a network."""
    return {
        "serd": serd.__version__,
        "tensorflow": _version("tensorflow", "tensorflow-cpu"),
        "keras": _version("keras"),
        "numpy": _version("numpy"),
        "python": platform.python_version(),
    }


def _version(*names: str) -> str:
    """Version of the first installed package."""
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "unknown"

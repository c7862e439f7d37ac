"""Cuts a function at one of its steps: the changes of files and the runs of programs.

Python announces each change of a file to audit hooks (PEP 578), so that the code under test needs no
seam. After a cut nothing changes any more until the end of the block, as after ``kill -9``.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Literal

Cut = Literal["kill", "fail"]
"""Whether everything ends at a step, or the step fails and the function goes on."""

_CHANGES = {
    "os.chmod",
    "os.chown",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "os.truncate",
}


class CutError(BaseException):
    """The function was killed; no ``except Exception`` sees it."""


class Steps:
    """Counts the steps of a function, and cuts it at one of them."""

    def __init__(self) -> None:
        """Add the hook, which stays as long as the process and does nothing outside of ``cut``."""
        self.n = 0
        """Number of steps so far."""
        self._at = 0
        self._how: Cut = "kill"
        self._is_on = False
        sys.addaudithook(self._hook)

    @contextlib.contextmanager
    def cut(self, at: int, how: Cut = "kill") -> Iterator[None]:
        """Cut at a step, counted from 1; 0 for none."""
        self.n, self._at, self._how, self._is_on = 0, at, how, True
        try:
            yield
        finally:
            self._is_on = False

    def step(self) -> None:
        """Note a step, such as the run of a program.

        Raises:
            CutError: the function is killed here.
            OSError: the step fails.
        """
        if not self._is_on:
            return
        self.n += 1
        if self._at and self.n >= self._at and self._how == "kill":
            raise CutError
        if self.n == self._at:
            raise OSError(28, "No space left on device")

    def _hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if self._is_on and (event in _CHANGES or (event == "open" and _writes(arguments))):
            self.step()


def _writes(arguments: tuple[object, ...]) -> bool:
    """Whether the arguments of an "open" event are those of a file that is created or written."""
    flags = arguments[2]
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))

"""The threads of the daemon, as seen by modules that need one.

``serd.daemon.supervisor`` starts them all: the other modules are given ``Threads``. A test checks this.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final, Protocol

_SIGN_S: Final = 1.0
"""Time between two signs of life of an asyncio loop, in seconds."""


class Thread(Protocol):
    """A supervised thread. It must give signs of life: progress, or what it waits for."""

    def progress(self) -> None:
        """Record that some work is done; any thread may call it."""
        ...

    def waiting(self, what: str, at_most_s: float | None = None) -> AbstractContextManager[None]:
        """Record that the thread waits until the end of the block.

        Args:
            what: what it waits for, such as "events".
            at_most_s: longest time that this takes, in seconds; None if it may take any time.
        """
        ...

    def end(self, timeout_s: float) -> bool:
        """Wait for the end, which the caller has requested, and return whether the thread has ended.

        From now on it is neither watched nor restarted.
        """
        ...


class Threads(Protocol):
    """Starts supervised threads, and says how they are."""

    def start(self, name: str, run: Callable[[Thread], None]) -> Thread:
        """Start a thread.

        Args:
            name: name of the part of the daemon that runs in it.
            run: its work. If it raises anything, it is called again after a pause.
        """
        ...

    def silent(self) -> Sequence[str]:
        """Names of the parts that give no sign of life."""
        ...

    def states(self) -> Mapping[str, str]:
        """The state of each part, in words."""
        ...

    def n_restarts(self) -> Mapping[str, int]:
        """How often each part was restarted; parts that never failed are missing."""
        ...


async def signs_of_life(thread: Thread) -> None:
    """Report progress for as long as the asyncio loop of a thread runs its tasks; never returns."""
    import asyncio  # noqa: PLC0415

    while True:
        thread.progress()
        await asyncio.sleep(_SIGN_S)

"""Does what blocks, such as reading the disk, in a thread of its own, so that the pages go on."""

import asyncio
import contextlib
import queue
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from serd.mqtt.threads import Thread, Threads

_MAX_WAITING: Final = 16
_WORK_S: Final = 60.0
"""Longest time that a piece of work may take, in seconds."""

_T = TypeVar("_T")


class BusyError(Exception):
    """Too much work waits already."""


@dataclass(frozen=True, slots=True)
class _Work:
    run: Callable[[], Any]
    done: Callable[[Any, BaseException | None], None]


class Worker:
    """Does one piece of work after another; at most 16 wait."""

    def __init__(self, threads: Threads) -> None:
        """Start the thread."""
        self._waiting: queue.Queue[_Work | None] = queue.Queue(_MAX_WAITING)
        self._thread = threads.start("web-disk", self._run)

    async def do(self, work: Callable[[], _T]) -> _T:
        """The result of some work; whatever it raises is raised here.

        Raises:
            BusyError: too much work waits already.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_T] = loop.create_future()

        def settle(result: _T, error: BaseException | None) -> None:
            if future.cancelled():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        def done(result: _T, error: BaseException | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody awaits the result
                loop.call_soon_threadsafe(settle, result, error)

        try:
            self._waiting.put_nowait(_Work(work, done))
        except queue.Full:
            raise BusyError from None
        return await future

    def stop(self, timeout_s: float) -> None:
        """Do what waits, and end the thread."""
        with contextlib.suppress(queue.Full):
            self._waiting.put(None, timeout=timeout_s)
        self._thread.end(timeout_s)

    def _run(self, thread: Thread) -> None:
        while True:
            with thread.waiting("questions"):
                work = self._waiting.get()
            if work is None:
                return
            with thread.waiting("the disk", _WORK_S):
                self._do(work)

    @staticmethod
    def _do(work: _Work) -> None:
        try:
            result = work.run()
        except Exception as exc:  # noqa: BLE001 - raised where the result is awaited
            work.done(None, exc)
        else:
            work.done(result, None)

"""A stop flag that a signal handler may set while the same thread waits on it."""

import contextlib
import queue


class StopFlag:
    """Like ``threading.Event``, but safe to set from a signal handler.

    The handler may interrupt its own thread while that holds the event's lock, and wait for ever;
    ``SimpleQueue.put`` is documented as reentrant.
    """

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.is_set = False

    def set(self) -> None:
        """Raise the flag and wake whoever waits."""
        self.is_set = True
        self._queue.put(None)

    def wait(self, timeout_s: float) -> bool:
        """Wait for the flag for at most ``timeout_s`` seconds; whether it is raised."""
        if not self.is_set and timeout_s > 0.0:
            with contextlib.suppress(queue.Empty):
                self._queue.get(timeout=timeout_s)
        return self.is_set

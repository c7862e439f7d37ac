"""The disk of an event queue: stores and reads the events that the state of the queue asks for.

Only the sender uses it (``serd.mqtt.queue``). It works in the same three steps: decide under the lock of
the queue, use the spool without it, note the result under the lock.
"""

import contextlib
import logging
import threading
from typing import TYPE_CHECKING, Final

from serd.errors import SpoolError
from serd.mqtt.disk_state import DiskChange
from serd.mqtt.outage import Outage
from serd.mqtt.queue_state import QueueState
from serd.mqtt.spool import Spool

if TYPE_CHECKING:
    from serd.mqtt.threads import Thread

_log = logging.getLogger("serd.mqtt")

_READ_BATCH: Final = 50
"""Events that are read from the disk at a time."""
_WORK_S: Final = 600.0
"""Longest time that one use of the disk takes, in seconds: 100,000 events of a damaged file are copied
one by one, which may take a small board a few milliseconds each."""


class QueueDisk:
    """Uses the spool for an event queue, and logs when the disk begins or ceases to fail."""

    def __init__(self, spool: Spool, state: QueueState, changed: threading.Condition) -> None:
        """Prepare; ``open`` and ``update`` open the file.

        Args:
            spool: the file, which belongs to this object from now on.
            state: the state of the queue.
            changed: holds the lock of the state, and is notified of changes.
        """
        self._spool = spool
        self._state = state
        self._changed = changed
        self.thread: Thread | None = None
        """The thread of the sender, for its signs of life; None before it runs."""

    def open(self) -> None:
        """Open the spool if an earlier run left one."""
        spool = self._spool
        if not spool.exists:
            return
        try:
            with self._working():
                spool.open()
        except Exception as exc:  # noqa: BLE001 - see ``_failed``
            self._failed(self._state.disk.reading, exc, "events of an earlier run cannot be read")
            return
        with self._changed:
            self._copy_counts()
        if spool.n_stored:
            _log.info("%d events of an earlier run are sent first", spool.n_stored)
        self._close_if_empty()

    def update(self, change: DiskChange) -> None:
        """Store the new events of a change, and remove the answered ones."""
        spool = self._spool
        n_dropped = spool.n_dropped
        try:
            with self._working():
                spool.update(store=change.new, remove=change.answered)
        except Exception as exc:  # noqa: BLE001 - see ``_failed``
            about = "events cannot be stored on the disk and wait in memory"
            self._failed(self._state.disk.writing, exc, about)
            return
        with self._changed:
            self._state.written(change)
            has_recovered = self._state.disk.writing.worked()
            self._copy_counts()
        if has_recovered:
            _log.info("events are stored in %s again", spool.path)
        if spool.n_dropped and not n_dropped:
            _log.warning("%d events are stored on the disk: the oldest are dropped", spool.n_stored)
        self._close_if_empty()

    def follow_clock(self) -> None:
        """Move the times of the events on the disk after a step of the clock, as any use of it does."""
        if self._spool.n_stored:
            self.update(DiskChange((), ()))

    def read_if_due(self) -> bool:
        """Read the next events if they come next; return whether to look again."""
        with self._changed:
            after = self._state.read_position
            epoch = self._state.connection.epoch
        if after is None:
            return False
        try:
            with self._working():
                events = self._spool.read(_READ_BATCH, after=after)
        except Exception as exc:  # noqa: BLE001 - see ``_failed``
            self._failed(self._state.disk.reading, exc, "events on the disk cannot be read")
            return False
        with self._changed:
            self._state.read(events, epoch, self._spool.last_number)
            has_recovered = self._state.disk.reading.worked()
            self._copy_counts()
        if has_recovered:
            _log.info("events are read from %s again", self._spool.path)
        return True

    def close(self) -> None:
        """Close the spool."""
        self._spool.close()

    def _working(self) -> contextlib.AbstractContextManager[None]:
        """In the block the disk works: the thread may give no sign of life for a while."""
        if self.thread is None:
            return contextlib.nullcontext()
        return self.thread.waiting("the disk", _WORK_S)

    def _failed(self, outage: Outage, error: Exception, about: str) -> None:
        """Begin or continue an outage of the disk, and log its first failure.

        An unexpected exception is logged with its traceback, and the spool is closed: it is reopened
        at the next attempt.
        """
        is_expected = isinstance(error, SpoolError)
        if not is_expected:
            with contextlib.suppress(Exception):
                self._spool.close()
        with self._changed:
            is_first_failure = outage.failed()
            self._copy_counts()
        if is_first_failure:
            _log.warning("%s: %s", about, error, exc_info=None if is_expected else error)

    def _copy_counts(self) -> None:
        """Locked: copy the counts of the spool for the other threads, after each use of it."""
        spool = self._spool
        self._state.disk.copy_counts(
            n_stored=spool.n_stored, last_stored=spool.last_number, n_dropped=spool.n_dropped
        )
        self._changed.notify_all()

    def _close_if_empty(self) -> None:
        if not self._spool.n_stored and not self._state.stores_every_event:
            self._spool.close()

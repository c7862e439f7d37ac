"""A lock on the state folder, so that two daemons neither open nor delete each other's spool."""

import fcntl
import logging
import os
from pathlib import Path

_log = logging.getLogger("serd.mqtt")


class FolderLock:
    """The lock of one folder; it is released when the process ends, too."""

    def __init__(self, folder: Path) -> None:
        """Prepare the lock; ``acquire`` takes it."""
        self._folder = folder
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Lock the folder, unless this object has locked it already.

        Raises:
            BlockingIOError: another daemon has locked it.
            OSError: it does not exist or cannot be read.
        """
        if self._descriptor is not None:
            return
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise
        except OSError:
            # A file system without such locks; SQLite has locks of its own.
            _log.debug("%s cannot be locked", self._folder, exc_info=True)
        self._descriptor = descriptor

    def release(self) -> None:
        """Unlock the folder."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

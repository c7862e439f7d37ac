"""Writes the events that can still be read from a broken spool to a new one."""

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from serd.mqtt import event_table
from serd.mqtt.rows import events_among
from serd.mqtt.sqlite_file import files_of
from serd.mqtt.sqlite_pages import read_rows


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What a broken spool still held."""

    n_events: int
    """Events in the new file."""
    n_numbers: int
    """Numbers from that of the first event to that of the last; more than events if some are lost."""


def salvage(broken: Path, new: Path) -> Salvaged:
    """Write the events of a broken spool to a new file, which replaces whatever is there.

    Memory does not depend on the length of the file: each event is written as it is read, and SQLite
    puts them in order. If this fails there is no new file.

    Raises:
        OSError: the broken file cannot be read, or the folder not be written.
        sqlite3.Error: the new file cannot be written; the disk may be full.
    """
    _delete(new)
    try:
        new.touch(mode=0o600)
        with contextlib.closing(sqlite3.connect(new)) as connection, connection:
            connection.execute(event_table.SCHEMA)
            event_table.overwrite(connection, events_among(read_rows(broken)))
            n_events, first, last = event_table.extent(connection)
            return Salvaged(n_events, 0 if first is None or last is None else last - first + 1)
    except BaseException:
        # It would keep a full disk full.
        _delete(new)
        raise


def _delete(path: Path) -> None:
    for each in files_of(path):
        each.unlink(missing_ok=True)

"""What people have heard in the sound of windows: marks, and a table of them for training.

A mark says of an event whether it was right, or what it really was. Its sound is kept in the folder
``marks`` beside the file of the history, for as long as the mark, since stored clips give way to newer
ones. There are at most ``MAX_MARKS``.
"""

import csv
import io
import math
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Final

from serd.audio.private_files import write_private
from serd.errors import HistoryError, InputError
from serd.publishers.clip_files import StoredClip, find_clip, time_s_of
from serd.publishers.history.reader import HistoryReader
from serd.publishers.history.schema import MARKS_SINCE
from serd.publishers.history.store import HistoryStore

MARKS_FOLDER: Final = "marks"
"""Name of the folder of their sounds, beside the file of the history."""
MAX_MARKS: Final = 1000
TABLE_FILE: Final = "marks.csv"
"""Name of the table, which is that of the corpus as well."""
TABLE_COLUMNS: Final = ("file", "emotion", "speaker")
"""The columns of a table of clips, as ``python -m train fit --table`` reads it."""
WRONG: Final = "wrong"
"""What is said of an event that is wrong, without what it really was."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """What somebody has heard in the sound of an event."""

    id: str
    """Id of the event."""
    time_s: float
    """End of the sound, in seconds since 1970."""
    source: str
    """Name of the source."""
    heard: str
    """Emotion of the event, as serd has named it."""
    emotion: str
    """What it was by ear; empty if it is only known that ``heard`` is wrong."""
    file: str
    """Name of the sound, a WAV file in the folder ``marks``."""

    @property
    def text(self) -> str:
        """The emotion that it was by ear, or ``WRONG``."""
        return self.emotion or WRONG


_COLUMNS: Final = ", ".join(item.name for item in fields(Mark))
_INSERT: Final = f"INSERT OR REPLACE INTO mark ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"


class Marks:
    """Reads and changes the marks in a file of the history, as other threads and processes may."""

    def __init__(self, history: Path) -> None:
        """Neither open nor create the file.

        Args:
            history: the file of the history.
        """
        self._path = history
        self.folder = history.with_name(MARKS_FOLDER)
        """The folder of their sounds, which may not exist yet."""

    def all(self) -> list[Mark]:
        """All marks, the oldest sound first; none without a file.

        Raises:
            HistoryError: the file cannot be read, or is damaged.
        """
        if not self._path.is_file() or not self._path.stat().st_size:
            return []
        with HistoryReader(self._path) as reader:
            if reader.version < MARKS_SINCE:
                return []
            rows = reader.rows(f"SELECT {_COLUMNS} FROM mark ORDER BY time_s, id", {})
        names = [item.name for item in fields(Mark)]
        return [Mark(**dict(zip(names, row, strict=True))) for row in rows]

    def with_sound(self) -> Iterator[tuple[Mark, StoredClip]]:
        """Yield the marks that name an emotion, and whose sound is there: those of a corpus.

        Raises:
            HistoryError: the file cannot be read, or is damaged.
        """
        for mark in self.all():
            if mark.emotion and (clip := find_clip(self.folder, mark.id)) is not None:
                yield mark, clip

    def put(self, clip: StoredClip, emotion: str) -> Mark:
        """Keep what a clip was by ear, and its sound; an earlier mark of the same event is replaced.

        Args:
            clip: the sound with its event.
            emotion: what it was; empty if it is only known that the event is wrong.

        Raises:
            InputError: there are ``MAX_MARKS`` already.
            HistoryError: the disk fails, or the file is damaged or of a later serd.
        """
        event = clip.event
        mark = Mark(
            id=event.id,
            time_s=time_s_of(event),
            source=event.source,
            heard=event.emotion,
            emotion=emotion,
            file=clip.path.name,
        )

        def insert(connection: sqlite3.Connection) -> None:
            n_others = connection.execute("SELECT count(*) FROM mark WHERE id != ?", (mark.id,))
            if n_others.fetchone()[0] >= MAX_MARKS:
                raise InputError(f"there are {MAX_MARKS} marks already; export them and remove some")
            if clip.path.parent != self.folder:
                self._keep(clip)
            connection.execute(_INSERT, astuple(mark))

        self._store().transaction(insert)
        return mark

    def remove(self, event_id: str) -> bool:
        """Forget the mark of an event, and its sound; return whether there was one.

        Raises:
            HistoryError: the disk fails, or the file is damaged or of a later serd.
        """

        def remove(connection: sqlite3.Connection) -> bool:
            return bool(connection.execute("DELETE FROM mark WHERE id = ?", (event_id,)).rowcount)

        was_there = self._store().transaction(remove)
        if (clip := find_clip(self.folder, event_id)) is not None:
            self._unlink([clip.path])
        return was_there

    def sweep(self) -> None:
        """Delete the sounds that no mark has.

        Raises:
            HistoryError: the file or the folder cannot be read or changed.
        """
        kept = {mark.file for mark in self.all()}
        self._unlink(path for path in self.folder.glob("*.wav") if path.name not in kept)

    def _store(self) -> HistoryStore:
        return HistoryStore(self._path, keep_s=math.inf, max_bytes=sys.maxsize)

    def _keep(self, clip: StoredClip) -> None:
        """Copy the sound and the event of a clip."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self.folder / clip.path.name
            write_private(path.with_suffix(".json"), clip.event.to_json().encode() + b"\n")
            write_private(path, clip.sound())
        except OSError as exc:
            raise HistoryError(
                f"{self.folder}: the sound cannot be kept: {exc.strerror or exc}"
            ) from exc

    def _unlink(self, sounds: Iterable[Path]) -> None:
        try:
            for path in sounds:
                for each in (path, path.with_suffix(".json")):
                    each.unlink(missing_ok=True)
        except OSError as exc:
            raise HistoryError(f"{self.folder}: a sound cannot be deleted: {exc.strerror}") from exc


def table(marks: Iterable[Mark]) -> str:
    """The marks that name an emotion, as a table of clips in CSV; paths are relative to the table.

    serd does not know who speaks, so all sounds of a source are those of one speaker, and stay on one
    side of a split.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, TABLE_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_table_row(mark) for mark in marks if mark.emotion)
    return text.getvalue()


def _table_row(mark: Mark) -> Mapping[str, str]:
    return {"file": mark.file, "emotion": mark.emotion, "speaker": mark.source}

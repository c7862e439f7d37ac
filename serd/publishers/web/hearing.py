"""What serd has heard: the sound of windows, and what people have marked in it.

Clips are those of ``[clips]``; the marked ones are kept by ``serd.publishers.history.marks``.
"""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from serd.errors import InputError, OperationError
from serd.model.labels import EMOTIONS
from serd.publishers import Context, clips, history
from serd.publishers.clip_files import StoredClip, clips_between, find_clip, time_s_of
from serd.publishers.history.marks import TABLE_FILE, WRONG, Mark, Marks, table

MAX_CLIPS: Final = 200
"""Most clips in one answer."""
NO_HISTORY: Final = "marks are kept in the history: set [history] enabled = true"


class NoSuchSoundError(Exception):
    """There is no sound of an event, or none any more."""


def clip_folder(context: Context) -> Path | None:
    """The folder of the clips; None if no sound is stored."""
    settings = context.sections.get(clips.SECTION)
    if settings is None or not settings.enabled:
        return None
    return clips.folder_of(settings, context.state_folder)


def keeps_events(context: Context) -> bool:
    """Whether there is a history, in which marks can be kept."""
    settings = context.sections.get(history.SECTION)
    return settings is not None and settings.enabled and context.state_folder is not None


@dataclass(frozen=True, slots=True)
class HeardClip:
    """A clip, and what somebody has heard in it."""

    clip: StoredClip
    """The sound with its event."""
    mark: str | None
    """An emotion, ``WRONG``, or None if it is not marked."""


class Hearing:
    """Reads clips, and keeps marks; its methods read and write the disk."""

    def __init__(self, context: Context) -> None:
        """Find the folders of clips and marks without reading them.

        Args:
            context: the daemon.
        """
        self._labels = {*context.labels, *EMOTIONS}
        self._folder = clip_folder(context)
        self._marks: Marks | None = None
        """None without a history."""
        if context.state_folder is not None and keeps_events(context):
            self._marks = Marks(context.state_folder / history.HISTORY_FILE)

    def between(self, source: str, since_s: float, until_s: float) -> list[HeardClip]:
        """The newest clips of a source in a time, at most ``MAX_CLIPS``, in the order of their times.

        Raises:
            HistoryError: the file of the history cannot be read.
        """
        found = {
            each.event.id: each
            for folder in self._folders()
            for each in clips_between(folder, since_s, until_s)
            if each.event.source == source
        }
        newest = sorted(found.values(), key=lambda each: time_s_of(each.event))[-MAX_CLIPS:]
        marks = {} if self._marks is None else {each.id: each.text for each in self._marks.all()}
        return [HeardClip(each, marks.get(each.event.id)) for each in newest]

    def sound(self, event_id: str) -> bytes:
        """The WAV file of an event.

        Raises:
            NoSuchSoundError: there is none.
        """
        try:
            return self._clip(event_id).sound()
        except OSError as exc:
            raise NoSuchSoundError(event_id) from exc

    def mark(self, event_id: str, emotion: str) -> None:
        """Mark what an event really was.

        Args:
            event_id: id of the event.
            emotion: an emotion; ``WRONG`` if it is not known; empty to remove the mark.

        Raises:
            InputError: another word, or there are too many marks already.
            OperationError: there is no history, or it cannot be written.
            NoSuchSoundError: there is no sound of the event.
        """
        if emotion not in {"", WRONG, *self._labels}:
            raise InputError(f"got {emotion[:40]!r}, expected {WRONG}, nothing or an emotion")
        marks = self._kept_marks()
        if emotion:
            marks.put(self._clip(event_id), "" if emotion == WRONG else emotion)
        else:
            marks.remove(event_id)

    def marks(self) -> list[Mark]:
        """All marks.

        Raises:
            OperationError: there is no history, or it cannot be read.
        """
        return self._kept_marks().all()

    def archive(self) -> Iterator[bytes]:
        """Yield the parts of a ZIP file with the table of the marks and their sounds.

        A part holds one sound, so the size of the whole does not matter.

        Raises:
            OperationError: there is no history, or it cannot be read.
        """
        pieces = _Pieces()
        with zipfile.ZipFile(pieces, mode="w") as archive:
            kept = []
            for mark, clip in self._kept_marks().with_sound():
                try:
                    sound = clip.sound()
                except OSError:
                    continue
                archive.writestr(mark.file, sound)
                kept.append(mark)
                yield pieces.take()
            archive.writestr(TABLE_FILE, table(kept))
        yield pieces.take()

    def _kept_marks(self) -> Marks:
        if self._marks is None:
            raise OperationError(NO_HISTORY)
        return self._marks

    def _folders(self) -> list[Path]:
        marked = None if self._marks is None else self._marks.folder
        return [folder for folder in (marked, self._folder) if folder is not None]

    def _clip(self, event_id: str) -> StoredClip:
        found = (find_clip(folder, event_id) for folder in self._folders())
        clip = next((each for each in found if each is not None), None)
        if clip is None:
            raise NoSuchSoundError(event_id)
        return clip


class _Pieces:
    """A file that keeps what was written since the last look, and cannot be rewound."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, content: bytes) -> int:
        """Keep some bytes."""
        self._written += content
        return len(content)

    def flush(self) -> None:
        """Do nothing: ``take`` has everything."""

    def close(self) -> None:
        """Do nothing: what was written can still be taken."""

    def take(self) -> bytes:
        """What was written since the last call."""
        taken = bytes(self._written)
        self._written.clear()
        return taken

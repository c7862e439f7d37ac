"""The files of stored sound: ``<time>-<source>-<emotion>-<id>.wav``, each with its event as ``.json``.

Only files that serd wrote are ever found, served or deleted: a ``.wav`` with the event of that name
beside it. Nothing that a client sends becomes part of a path.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from serd.errors import SerdError
from serd.events.event import MAX_JSON_CHARS, Event
from serd.mqtt.topics import topic_level

MAX_SOUND_BYTES: Final = 2_000_000
"""Largest sound that is read; a window of 3 s has 96 kB."""
_ID_CHARS: Final = 8
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT)(\d\d)(\d\d)(\d\d\.\d{3})([p-])(\d\d)(\d\d)-", re.ASCII
)  # of a name


@dataclass(frozen=True, slots=True)
class StoredClip:
    """A clip on the disk."""

    event: Event
    """Its event, of kind "window"."""
    path: Path
    """The WAV file."""

    def sound(self) -> bytes:
        """The WAV file as it is.

        Raises:
            OSError: it cannot be read, is no file of its own, or is larger than ``MAX_SOUND_BYTES``.
        """
        with os.fdopen(os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            content = file.read(MAX_SOUND_BYTES + 1)
        if len(content) > MAX_SOUND_BYTES:
            raise OSError(f"{self.path}: larger than {MAX_SOUND_BYTES} bytes")
        return content


def stem_of(event: Event) -> str:
    """The name of an event's files, without a suffix."""
    moment = (event.time or f"{event.end_s:010.3f}").replace(":", "").replace("+", "p")
    return f"{moment}-{topic_level(event.source)}-{event.emotion}-{event.id[:_ID_CHARS]}"


def time_s_of(event: Event) -> float:
    """Unix time of an event, in seconds; its position in the recording where it has no time."""
    return event.end_s if event.time is None else datetime.fromisoformat(event.time).timestamp()


def event_beside(path: Path) -> Event | None:
    """The event in the JSON file of a clip; None where there is none, or it is of another name."""
    try:
        with path.with_suffix(".json").open("rb") as file:
            event = Event.from_json(file.read(MAX_JSON_CHARS + 1))
            return event if stem_of(event) == path.stem else None
    except (OSError, SerdError, ValueError):
        return None


def find_clip(folder: Path, event_id: str) -> StoredClip | None:
    """The clip of an event; None if there is none, or none any more."""
    ending = f"-{event_id[:_ID_CHARS]}.wav"
    for path in sounds(folder):
        if path.name.endswith(ending):
            event = event_beside(path)
            if event is not None and event.id == event_id:
                return StoredClip(event, path)
    return None


def clips_between(folder: Path, since_s: float, until_s: float) -> Iterator[StoredClip]:
    """Yield the clips whose events are from ``since_s`` to ``until_s``, in seconds since 1970.

    The names tell the times, so only the events of these clips are read.
    """
    for path in sounds(folder):
        time_s = time_in(path.name)
        if time_s is not None and since_s <= time_s <= until_s:
            event = event_beside(path)
            if event is not None:
                yield StoredClip(event, path)


def sounds(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder that may be the sound of a clip; none where there is no folder."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".wav") and entry.is_file(follow_symlinks=False):
                yield Path(entry.path)


def time_in(name: str) -> float | None:
    """Unix time in the name of a clip; None if it has none."""
    found = _TIME.match(name)
    if found is None:
        return None
    day, hour, minute, second, sign, zone_h, zone_min = found.groups()
    zone = f"{'+' if sign == 'p' else '-'}{zone_h}:{zone_min}"
    try:
        return datetime.fromisoformat(f"{day}{hour}:{minute}:{second}{zone}").timestamp()
    except ValueError:
        return None

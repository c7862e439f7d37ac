"""Stores the sound of each window as a WAV file, with its event as JSON. Disabled by default."""

import bisect
import contextlib
import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from serd.audio.format import SAMPLE_RATE_HZ
from serd.audio.paths import expanded
from serd.audio.private_files import write_private
from serd.errors import SettingsError
from serd.events.reports import Report, SoundReport
from serd.publishers import Context
from serd.publishers.clip_files import event_beside, sounds, stem_of, time_in, time_s_of

SECTION: Final = "clips"
MARKER: Final = ".serd-clips"
"""Name of the file that marks a folder as one of clips."""

_MARKER_TEXT: Final = "serd stores clips in this folder, and deletes the oldest of them.\n"

_log = logging.getLogger("serd.clips")


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Sound on the disk, beside the events. The people who are recorded should know of it."""

    enabled: bool = False
    """Whether the sound of each window is stored; logged as a warning at each start."""
    folder: str = ""
    """Folder of the clips, a new or empty one; if not set, "clips" in the state folder."""
    max_clips: int = 100
    """Most clips that are stored, 1 to 100000; beyond it the oldest are deleted."""
    max_mb: float = 50.0
    """Most megabytes that are stored, above 0; beyond it the oldest clips are deleted."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what was expected) for each value that cannot work."""
        if not 1 <= self.max_clips <= 100_000:
            yield "max_clips", "1 to 100000"
        if self.max_mb <= 0.0:
            yield "max_mb", "more than 0 megabytes"


def create(settings: Settings, context: Context) -> "Clips | None":
    """A publisher that stores sound, or None if it is disabled.

    Raises:
        SettingsError: there is no folder, or it cannot be created.
    """
    if not settings.enabled:
        return None
    folder = folder_of(settings, context.state_folder)
    if folder is None:
        raise SettingsError("[clips] folder is empty, and there is no state folder: name one")
    try:
        _prepare(folder)
        clips = Clips(folder, max_clips=settings.max_clips, max_bytes=round(settings.max_mb * 1e6))
    except OSError as exc:
        raise SettingsError(
            f"[clips] folder = {str(folder)!r} cannot be created: {exc.strerror}"
        ) from exc
    _log.warning("[clips] is on: the sound of each window is stored in %s", folder)
    return clips


def folder_of(settings: Settings, state_folder: Path | None) -> Path | None:
    """The folder of the clips; None if none is named and there is no state folder."""
    if settings.folder:
        return expanded(settings.folder)
    return None if state_folder is None else state_folder / "clips"


def _prepare(folder: Path) -> None:
    """Create the folder and mark it as one that serd may delete clips from.

    Raises:
        OSError: it cannot be created, read or written.
        SettingsError: it holds files of somebody else.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (folder / MARKER).exists():
        return
    foreign = next((path.name for path in folder.iterdir() if not _is_ours(path)), None)
    if foreign is not None:
        raise SettingsError(
            f"[clips] folder = {str(folder)!r} holds other files, such as {foreign!r};"
            " expected a new or empty folder, since serd deletes the oldest clips in it"
        )
    write_private(folder / MARKER, _MARKER_TEXT.encode())


@dataclass(frozen=True, order=True, slots=True)
class _Clip:
    """A clip on the disk; clips are ordered by the time of their sound."""

    time_s: float
    stem: str
    n_bytes: int


class Clips:
    """Writes ``<time>-<source>-<emotion>-<id>.wav`` and ``.json``; deletes the oldest beyond a limit.

    Only files that serd wrote are ever deleted: a ``.wav`` with the event of that name beside it.
    """

    def __init__(self, folder: Path, *, max_clips: int, max_bytes: int) -> None:
        """Look at the names of the clips in the folder, which may be missing for now.

        Args:
            folder: folder of the clips.
            max_clips: most clips that are stored.
            max_bytes: most bytes of sound that are stored.

        Raises:
            OSError: the folder cannot be read.
        """
        self._folder = folder
        self._max_clips = max_clips
        self._max_bytes = max_bytes
        self._clips: list[_Clip] | None = sorted(_stored_clips(folder))
        """Clips in the folder, the oldest first; None after an error, until it has been read again."""
        self._can_write = self._can_delete = True

    def publish(self, report: Report) -> None:
        """Store the sound of a window, and delete the oldest; each kind of error is logged once."""
        if not isinstance(report, SoundReport):
            return
        clip = self._stored(report)
        if clip is None:
            return
        try:
            self._add(clip)
            self._can_delete = True
        except OSError as exc:
            if self._can_delete:
                _log.warning("old clips cannot be deleted in %s: %s", self._folder, exc)
            self._can_delete = False

    def adapt(self, context: Context) -> bool:  # noqa: ARG002
        """Do nothing: the state folder of a process stays the same."""
        return True

    def close(self, timeout_s: float) -> None:
        """Do nothing: each clip is written at once."""

    def _stored(self, report: SoundReport) -> _Clip | None:
        """Write the files of a clip; None if that fails, and none of them is left."""
        import soundfile  # noqa: PLC0415

        stem = stem_of(report.event)
        wav = io.BytesIO()
        soundfile.write(wav, report.samples, SAMPLE_RATE_HZ, format="WAV", subtype="PCM_16")
        try:
            write_private(self._folder / f"{stem}.json", report.event.to_json().encode() + b"\n")
            write_private(self._folder / f"{stem}.part", wav.getbuffer())
            (self._folder / f"{stem}.part").replace(self._folder / f"{stem}.wav")
        except OSError as exc:
            if self._can_write:
                _log.warning("clips cannot be stored in %s: %s", self._folder, exc)
            self._can_write = False
            self._clips = None
            for suffix in (".part", ".json"):
                with contextlib.suppress(OSError):
                    (self._folder / f"{stem}{suffix}").unlink()
            return None
        self._can_write = True
        return _Clip(time_s_of(report.event), stem, wav.tell())

    def _add(self, clip: _Clip) -> None:
        """Take a clip that was written, and delete the oldest beyond the limits.

        Raises:
            OSError: one cannot be deleted, and is tried again with the next clip.
        """
        if self._clips is None:
            self._clips = sorted(_stored_clips(self._folder))
        else:
            bisect.insort(self._clips, clip)
        n_bytes = sum(each.n_bytes for each in self._clips)
        while len(self._clips) > self._max_clips or (n_bytes > self._max_bytes and self._clips):
            self._delete(self._clips[0])
            n_bytes -= self._clips.pop(0).n_bytes

    def _delete(self, clip: _Clip) -> None:
        wav = self._folder / f"{clip.stem}.wav"
        if event_beside(wav) is not None:
            wav.unlink(missing_ok=True)
            wav.with_suffix(".json").unlink(missing_ok=True)


def _stored_clips(folder: Path) -> Iterator[_Clip]:
    """Yield the clips in a folder, by their names; ``event_beside`` tells whether serd wrote one.

    Reading all events would take seconds for the most clips that there can be.
    """
    for path in sounds(folder):
        time_s = time_in(path.name)
        if time_s is None and (event := event_beside(path)) is not None:
            time_s = time_s_of(event)
        if time_s is not None and path.with_suffix(".json").exists():
            try:
                n_bytes = path.stat().st_size
            except FileNotFoundError:  # somebody deletes it meanwhile
                continue
            yield _Clip(time_s, path.stem, n_bytes)


def _is_ours(path: Path) -> bool:
    return path.suffix in {".wav", ".json", ".part"} and event_beside(path) is not None

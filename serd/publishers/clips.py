"""Stores the sound of each window as a WAV file, with its event as JSON. Disabled by default."""

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from serd.audio.format import SAMPLE_RATE_HZ
from serd.errors import SettingsError
from serd.events.reports import Report, SoundReport
from serd.mqtt.topics import topic_level
from serd.publishers import Context

SECTION: Final = "clips"

_log = logging.getLogger("serd.clips")


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Sound on the disk, beside the events. The people who are recorded should know of it."""

    enabled: bool = False
    """Whether the sound of each window is stored; logged as a warning at each start."""
    folder: str = ""
    """Folder of the clips; empty for the folder "clips" in the state folder."""
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
    if settings.folder:
        folder = Path(settings.folder).expanduser()
    elif context.state_folder is not None:
        folder = context.state_folder / "clips"
    else:
        raise SettingsError("[clips] folder is empty, and there is no state folder: name one")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise SettingsError(f"[clips] folder = {str(folder)!r} cannot be made: {exc.strerror}") from exc
    _log.warning("[clips] is on: the sound of each window is stored in %s", folder)
    return Clips(folder, max_clips=settings.max_clips, max_bytes=round(settings.max_mb * 1e6))


class Clips:
    """Writes ``<time>-<source>-<emotion>-<id>.wav`` and ``.json``; deletes the oldest beyond a limit."""

    def __init__(self, folder: Path, *, max_clips: int, max_bytes: int) -> None:
        self._folder = folder
        self._max_clips = max_clips
        self._max_bytes = max_bytes
        self._can_write = True

    def publish(self, report: Report) -> None:
        """Store the sound of a window; an error of the disk is logged once."""
        if not isinstance(report, SoundReport):
            return
        import soundfile  # noqa: PLC0415

        event = report.event
        moment = (event.time or f"{event.end_s:010.3f}").replace(":", "").replace("+", "p")
        stem = f"{moment}-{topic_level(event.source)}-{event.emotion}-{event.id[:8]}"
        unfinished = self._folder / f"{stem}.part"
        try:
            (self._folder / f"{stem}.json").write_text(event.to_json() + "\n", "utf-8")
            soundfile.write(unfinished, report.samples, SAMPLE_RATE_HZ, format="WAV", subtype="PCM_16")
            unfinished.replace(self._folder / f"{stem}.wav")
            self._delete_oldest()
            self._can_write = True
        except (OSError, soundfile.LibsndfileError) as exc:
            if self._can_write:
                _log.warning("clips cannot be stored in %s: %s", self._folder, exc)
            self._can_write = False
            for suffix in (".part", ".json"):
                with contextlib.suppress(OSError):
                    (self._folder / f"{stem}{suffix}").unlink()

    def close(self, timeout_s: float) -> None:
        """Do nothing: each clip is written at once."""

    def _delete_oldest(self) -> None:
        clips = sorted(self._folder.glob("*.wav"))
        sizes = [clip.stat().st_size for clip in clips]
        n_bytes = sum(sizes)
        for number, (clip, size) in enumerate(zip(clips, sizes, strict=True)):
            if len(clips) - number <= self._max_clips and n_bytes <= self._max_bytes:
                break
            clip.unlink()
            clip.with_suffix(".json").unlink(missing_ok=True)
            n_bytes -= size

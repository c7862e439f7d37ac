"""Opens the source that the settings name."""

import logging
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from serd.audio.microphone import open_microphone
from serd.audio.pcm import PcmSource
from serd.audio.portaudio import PortAudio, portaudio_module
from serd.audio.source import MIX, Source, SourceSettings
from serd.errors import DeviceError, LibraryError

if TYPE_CHECKING:
    from serd.audio.files import FileSource

DEMO_PATH = Path(__file__).parent.parent / "data" / "demo.flac"
"""Speech made with espeak-ng by scripts/make_demo.py."""

SOUND_SUFFIXES = frozenset(
    {
        ".aif",
        ".aiff",
        ".au",
        ".caf",
        ".flac",
        ".m4a",
        ".mp3",
        ".oga",
        ".ogg",
        ".opus",
        ".wav",
        ".w64",
    }
)

_log = logging.getLogger("serd.sources")


class SourceOpener:
    """Opens the sources of one process."""

    def __init__(self, *, paced: bool = True) -> None:
        """Set up; PortAudio is loaded once a microphone is asked for.

        Args:
            paced: whether files are played at the pace of live sound.
        """
        self._paced = paced
        self._lock = threading.Lock()
        self._loaded: PortAudio | None = None
        self._had_microphone = False
        """Whether "auto" found a microphone; the demo does not take its place when that is lost."""

    def open(self, settings: SourceSettings) -> Source:
        """Open a microphone, a file, standard input or the demo.

        Raises:
            InputError: there is no such microphone, channel or file.
            LibraryError: PortAudio is needed and missing.
        """
        wanted = settings.input
        if wanted == "-":
            return PcmSource()
        if wanted == "demo":
            return _file(DEMO_PATH, paced=self._paced, loop=True)
        if wanted == "auto":
            return self._microphone_or_demo(settings)
        if is_microphone(settings):
            return open_microphone(settings, self._portaudio())
        path = Path(wanted).expanduser()
        return _file(path, channel=settings.channel, paced=self._paced, loop=settings.loop)

    def _microphone_or_demo(self, settings: SourceSettings) -> Source:
        try:
            source = open_microphone(replace(settings, input="default"), self._portaudio())
        except (DeviceError, LibraryError) as exc:
            if self._had_microphone:
                raise
            _log.warning("%s", exc)
            _log.warning("listening to the bundled recording instead, again and again")
            return _file(DEMO_PATH, paced=True, loop=True)
        self._had_microphone = True
        return source

    def _portaudio(self) -> PortAudio:
        with self._lock:
            if self._loaded is None:
                self._loaded = PortAudio(portaudio_module())
            return self._loaded


def _file(path: Path, *, channel: str = MIX, paced: bool, loop: bool) -> "FileSource":
    from serd.audio.files import FileSource  # noqa: PLC0415 - microphones need no libsndfile

    return FileSource(path, channel=channel, paced=paced, loop=loop)


def is_microphone(settings: SourceSettings) -> bool:
    """Whether the settings name a microphone, and neither a file nor standard input nor the demo."""
    wanted = settings.input
    path = Path(wanted).expanduser()
    is_file = "/" in wanted or path.suffix.lower() in SOUND_SUFFIXES or path.is_file()
    return wanted not in {"-", "demo", "auto"} and not is_file

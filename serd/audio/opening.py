"""Opens the sound source that the settings name."""

import logging
import threading
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

from serd.audio.demo import DEMO_PATH, demo_note
from serd.audio.microphone import open_microphone
from serd.audio.pcm import PcmSource
from serd.audio.portaudio import PortAudio, portaudio_module
from serd.audio.source import MIX, Source, SourceSettings
from serd.errors import DeviceError, LibraryError

SOUND_SUFFIXES: Final = frozenset(
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
"""Suffixes of sound files, in lower case."""

_log = logging.getLogger("serd.sources")


class SourceOpener:
    """Opens the sources of one process."""

    def __init__(self, *, paced: bool = True) -> None:
        """Create an opener; PortAudio is loaded with the first microphone.

        Args:
            paced: whether files are read at the pace of live sound.
        """
        self._paced = paced
        self._lock = threading.Lock()
        self._loaded: PortAudio | None = None
        # Once "auto" has found a microphone, a lost one is not replaced by the demo.
        self._had_microphone = False

    def open(self, settings: SourceSettings) -> Source:
        """Open a microphone, a file, standard input or the demo.

        Raises:
            InputError: there is no such microphone, channel or file.
            LibraryError: PortAudio is not installed.
        """
        if settings.input == "auto":
            return self._microphone_or_demo(settings)
        if is_microphone(settings):
            return open_microphone(settings, self._portaudio())
        return (_named_opener(settings.input) or _open_file)(settings, paced=self._paced)

    def _microphone_or_demo(self, settings: SourceSettings) -> Source:
        try:
            source = open_microphone(replace(settings, input="default"), self._portaudio())
        except (DeviceError, LibraryError) as exc:
            if self._had_microphone:
                raise
            _log.warning("%s", exc)
            _log.warning("listening to the bundled recording instead, in a loop")
            return _open_demo(settings, paced=True)
        self._had_microphone = True
        return source

    def _portaudio(self) -> PortAudio:
        with self._lock:
            if self._loaded is None:
                self._loaded = PortAudio(portaudio_module())
            return self._loaded


class OpenSource(Protocol):
    """A function that opens the source of one kind of input."""

    def __call__(self, settings: SourceSettings, /, *, paced: bool) -> Source:
        """Open a source.

        Args:
            settings: of the source; ``input`` names it.
            paced: whether a recording is read at the pace of live sound.

        Raises:
            SerdError: the source does not open.
        """
        ...


def _open_standard_input(_settings: SourceSettings, *, paced: bool) -> Source:  # noqa: ARG001
    return PcmSource()


def _open_demo(_settings: SourceSettings, *, paced: bool) -> Source:
    _log.info("%s", demo_note())
    return _file_source(DEMO_PATH, paced=paced, loop=True)


def _open_file(settings: SourceSettings, *, paced: bool) -> Source:
    path = Path(settings.input).expanduser()
    return _file_source(path, channel=settings.channel, paced=paced, loop=settings.loop)


def _file_source(path: Path, *, channel: str = MIX, paced: bool, loop: bool) -> Source:
    from serd.audio.files import FileSource  # noqa: PLC0415 - microphones need no libsndfile

    return FileSource(path, channel=channel, paced=paced, loop=loop)


OPENERS: Final[dict[str, OpenSource]] = {"-": _open_standard_input, "demo": _open_demo}
"""Opener of each input that is neither a microphone nor a file, by its name or by the scheme of its URL
(the part before "://"). A new source is a class with the ``Source`` protocol and an entry here."""


def _named_opener(wanted: str) -> OpenSource | None:
    scheme, separator, _ = wanted.partition("://")
    return OPENERS.get(scheme if separator else wanted)


def is_microphone(settings: SourceSettings) -> bool:
    """Whether the settings name a microphone, and neither a file nor a source in ``OPENERS``."""
    wanted = settings.input
    if wanted == "auto" or _named_opener(wanted):
        return False
    path = Path(wanted).expanduser()
    return "/" not in wanted and path.suffix.lower() not in SOUND_SUFFIXES and not path.is_file()

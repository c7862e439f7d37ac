"""Opens the sound source that the settings name."""

import logging
import weakref
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from serd.audio.demo import DEMO_PATH, demo_note
from serd.audio.listener import Listeners
from serd.audio.microphone import open_microphone
from serd.audio.paths import SOUND_SUFFIXES, expanded, printable
from serd.audio.pipe import PipeSource, fifo, piped_standard_input, sound_file_of, standard_input
from serd.audio.portaudio import shared_portaudio
from serd.audio.source import MIX, STANDARD_INPUTS, STREAM_SCHEMES, Source, SourceSettings
from serd.errors import DeviceError, LibraryError, SoundFileError, SourceError

_log = logging.getLogger("serd.sources")


class SourceOpener:
    """Opens the sources of one process."""

    def __init__(self, *, paced: bool = True) -> None:
        """Create an opener; ``paced`` is whether files are read at the pace of live sound."""
        self._shared = Shared(paced=paced)
        # Once "auto" has found a microphone, a lost one is not replaced by the demo.
        self._had_microphone = False

    def open(self, settings: SourceSettings) -> Source:
        """Open a microphone, a file, standard input, a FIFO or the demo.

        Raises:
            InputError: there is no such microphone, channel or file.
            LibraryError: PortAudio or ffmpeg is not installed.
            SourceError: a pipe, a port or a stream cannot be opened, or PortAudio hangs.
        """
        if settings.input == "auto":
            return self._microphone_or_demo(settings)
        if is_microphone(settings):
            return open_microphone(settings, shared_portaudio())
        return (_named_opener(settings.input) or _open_path)(settings, self._shared)

    def _microphone_or_demo(self, settings: SourceSettings) -> Source:
        try:
            source = open_microphone(replace(settings, input="default"), shared_portaudio())
        except (DeviceError, LibraryError) as exc:
            if self._had_microphone:
                raise
            _log.warning("%s", exc)
            _log.warning("listening to the bundled recording instead, in a loop")
            return _open_demo(settings, Shared(paced=True))
        self._had_microphone = True
        return source


class Shared:
    """What the sources of one process share."""

    def __init__(self, *, paced: bool) -> None:
        """Create it; ``paced`` is whether recordings are read at the pace of live sound."""
        self.paced = paced
        self.listeners = Listeners()
        """The ports on which sources listen."""
        self._pipes: weakref.WeakValueDictionary[str, PipeSource] = weakref.WeakValueDictionary()

    def pipe(self, name: str, opened: Callable[[], PipeSource]) -> PipeSource:
        """Open a pipe, unless a source that reads it is in the middle of a sound file.

        Args:
            name: of the pipe.
            opened: opens it.

        Raises:
            SourceError: it is in the middle of a sound file.
        """
        earlier = self._pipes.get(name)
        if earlier is not None and earlier.is_in_file:
            raise SourceError(f"{name} is in the middle of a sound file, and opens again at its end")
        self._pipes[name] = source = opened()
        return source


class OpenSource(Protocol):
    """A function that opens the source of one kind of input."""

    def __call__(self, settings: SourceSettings, shared: Shared, /) -> Source:
        """Open a source.

        Args:
            settings: of the source; ``input`` names it.
            shared: what the sources of this process share.

        Raises:
            SerdError: the source does not open.
        """
        ...


def _open_standard_input(settings: SourceSettings, shared: Shared) -> Source:
    if (path := sound_file_of(standard_input())) is not None:
        return _file_source(path, channel=settings.channel, paced=shared.paced, loop=settings.loop)
    return shared.pipe("standard input", partial(piped_standard_input, channel=settings.channel))


def _open_demo(_settings: SourceSettings, shared: Shared) -> Source:
    _log.info("%s", demo_note())
    return _file_source(DEMO_PATH, paced=shared.paced, loop=True)


def _open_stream(settings: SourceSettings, _shared: Shared) -> Source:
    from serd.audio.url import FfmpegSource  # noqa: PLC0415 - microphones need no child process

    return FfmpegSource(settings.input, channel=settings.channel)


def _open_tcp(settings: SourceSettings, shared: Shared) -> Source:
    from serd.audio.tcp import pcm_over_tcp  # noqa: PLC0415 - few sources need it

    return pcm_over_tcp(settings.input, channel=settings.channel, listeners=shared.listeners)


def _open_wyoming(settings: SourceSettings, shared: Shared) -> Source:
    from serd.audio.wyoming import wyoming_source  # noqa: PLC0415 - few sources need it

    return wyoming_source(settings.input, channel=settings.channel, listeners=shared.listeners)


def _open_path(settings: SourceSettings, shared: Shared) -> Source:
    path = expanded(settings.input)
    if path.is_fifo():
        return shared.pipe(printable(path), partial(fifo, path, channel=settings.channel))
    if path.is_socket():
        raise SoundFileError(f"{printable(path)}: is a socket, expected a sound file or a FIFO")
    return _file_source(path, channel=settings.channel, paced=shared.paced, loop=settings.loop)


def _file_source(path: Path, *, channel: str = MIX, paced: bool, loop: bool) -> Source:
    from serd.audio.files import FileSource  # noqa: PLC0415 - microphones need no libsndfile

    return FileSource(path, channel=channel, paced=paced, loop=loop)


OPENERS: Final[dict[str, OpenSource]] = {
    **dict.fromkeys(STANDARD_INPUTS, _open_standard_input),
    "demo": _open_demo,
    **dict.fromkeys(STREAM_SCHEMES, _open_stream),
    "tcp": _open_tcp,
    "wyoming": _open_wyoming,
}
"""Opener of each input that is neither a microphone nor a path, by its name or by the scheme of its URL
(the part before "://"). A new source is a class with the ``Source`` protocol and an entry here."""


def _named_opener(wanted: str) -> OpenSource | None:
    scheme = _scheme(wanted)
    if scheme and scheme not in OPENERS:
        schemes = ", ".join(name for name in OPENERS if name not in (*STANDARD_INPUTS, "demo"))
        raise SoundFileError(f"source {scheme}://...: expected a URL of one of: {schemes}")
    return OPENERS.get(scheme or wanted)


def _scheme(wanted: str) -> str:
    """The scheme of a URL; empty for other inputs."""
    scheme, separator, _ = wanted.partition("://")
    return scheme.lower() if separator and scheme.isalnum() else ""


def is_microphone(settings: SourceSettings) -> bool:
    """Whether the settings name a microphone, and neither a path nor a source in ``OPENERS``."""
    wanted = settings.input
    if wanted == "auto" or _named_opener(wanted):
        return False
    return (
        "/" not in wanted and Path(wanted).suffix.lower() not in SOUND_SUFFIXES and not _exists(wanted)
    )


def is_live(settings: SourceSettings) -> bool:
    """Whether a source that fails may come back: a microphone, a FIFO or a URL, and no recording."""
    wanted = settings.input
    is_url = bool(_scheme(wanted))
    return is_url or wanted == "auto" or is_microphone(settings) or expanded(wanted).is_fifo()


def _exists(wanted: str) -> bool:
    return any(check(expanded(wanted)) for check in (Path.is_file, Path.is_fifo, Path.is_socket))

"""Opens the source that the settings name."""

import logging
from pathlib import Path

from serd.errors import DeviceError, LibraryError
from serd.sources import Source, SourceSettings
from serd.sources.files import FileSource
from serd.sources.microphone import MicrophoneSource, portaudio
from serd.sources.pcm import PcmSource

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


def open_source(settings: SourceSettings, *, paced: bool = True) -> Source:
    """Open a microphone, a file, standard input or the demo.

    Args:
        settings: what to open.
        paced: whether a file is played at the pace of live sound.

    Raises:
        InputError: there is no such microphone, channel or file.
        LibraryError: PortAudio is needed and missing.
    """
    wanted = settings.input
    if wanted == "-":
        return PcmSource()
    if wanted == "demo":
        return FileSource(DEMO_PATH, paced=paced, loop=True)
    if wanted == "auto":
        return _microphone_or_demo(settings)
    path = Path(wanted).expanduser()
    if "/" in wanted or path.suffix.lower() in SOUND_SUFFIXES or path.is_file():
        return FileSource(path, channel=settings.channel, paced=paced)
    return MicrophoneSource(settings, portaudio())


def _microphone_or_demo(settings: SourceSettings) -> Source:
    default = SourceSettings(
        input="default",
        name=settings.name,
        channel=settings.channel,
        block_ms=settings.block_ms,
        queue_s=settings.queue_s,
    )
    try:
        return MicrophoneSource(default, portaudio())
    except (DeviceError, LibraryError) as exc:
        _log.warning("%s", exc)
        _log.warning("listening to the bundled recording instead, again and again")
        return FileSource(DEMO_PATH, paced=True, loop=True)

"""PortAudio as one process has it: the library, its list of devices, and the microphones open on it."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from serd.errors import DeviceError, LibraryError

_SOUND_CARDS = Path("/proc/asound/cards")


def portaudio_module() -> ModuleType:
    """PortAudio's bindings, the module sounddevice.

    Raises:
        LibraryError: PortAudio is not installed.
    """
    try:
        import sounddevice  # noqa: PLC0415
    except OSError as exc:
        raise LibraryError(
            "PortAudio is not installed, and a microphone needs it: sudo apt-get install libportaudio2"
        ) from exc
    module: ModuleType = sounddevice
    return module


class PortAudio:
    """Shared by all microphones of a process, because PortAudio lists devices once, when it starts.

    A device that is plugged in later is seen only if PortAudio is started afresh, and that closes every
    stream in the process. So each open microphone leaves word here how it is interrupted.
    """

    def __init__(self, module: Any, *, sound_cards: Path = _SOUND_CARDS) -> None:  # noqa: ANN401
        """Take the library over.

        Args:
            module: sounddevice, as ``portaudio_module`` gives it, or what stands in for it in a test.
            sound_cards: the kernel's list of sound cards.
        """
        self.module = module
        self._sound_cards = sound_cards
        self._listed = self._cards()
        self._lock = threading.RLock()
        self._open: dict[int, Callable[[], None]] = {}

    @contextlib.contextmanager
    def steady(self) -> Iterator[Any]:
        """The module, while no other thread opens a device or starts the library afresh.

        Raises:
            DeviceError: PortAudio failed in a way that nobody expected.
        """
        with self._lock:
            try:
                yield self.module
            except self.module.PortAudioError as exc:
                raise DeviceError(f"PortAudio failed: {exc}") from exc

    def opened(self, key: int, interrupt: Callable[[], None]) -> None:
        """A stream is open; ``interrupt`` closes it and lets its reader know."""
        with self._lock:
            self._open[key] = interrupt

    def closed(self, key: int) -> None:
        """The stream is closed."""
        with self._lock:
            self._open.pop(key, None)

    def refresh(self) -> bool:
        """Start PortAudio afresh if its list of devices may be out of date; whether it was.

        With no stream open that costs nothing. With others open they are interrupted, so it is done only
        where the kernel's list of sound cards has changed.
        """
        with self.steady() as module:
            if self._open and self._cards() == self._listed:
                return False
            for interrupt in list(self._open.values()):
                interrupt()
            self._open.clear()
            module._terminate()  # noqa: SLF001
            module._initialize()  # noqa: SLF001
            self._listed = self._cards()
        return True

    def _cards(self) -> str:
        try:
            return self._sound_cards.read_text("utf-8", errors="replace")
        except OSError:
            return ""

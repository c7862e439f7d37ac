"""PortAudio as one process has it: the library, its list of devices, and the microphones open on it."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from serd.errors import DeviceError, LibraryError, SourceHungError

_SOUND_CARDS = Path("/proc/asound/cards")
_END_S: Final = 1.0
"""How long a stream may take to end before PortAudio counts as hung, in seconds."""
_SETTLE_S: Final = 60.0
"""How long after a change what has come may not be ready to be listed, in seconds."""
_STALE_S: Final = 3600.0
"""Age at which a list counts as out of date though nothing has changed, in seconds."""


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

    def __init__(
        self,
        module: Any,  # noqa: ANN401
        *,
        signs: Sequence[Path] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the library over.

        Args:
            module: sounddevice, as ``portaudio_module`` gives it, or what stands in for it in a test.
            signs: files that change where a microphone comes or goes; by default ``device_signs``.
            monotonic: the clock, in seconds.
        """
        self.module = module
        self._signs = device_signs(os.environ) if signs is None else signs
        self._monotonic = monotonic
        self._listed = self._seen = self._look()
        self._listed_s = self._changed_s = monotonic()
        self._lock = threading.RLock()
        self._open: dict[int, Callable[[], None]] = {}
        self._is_hung = False

    @contextlib.contextmanager
    def steady(self) -> Iterator[Any]:
        """The module, while no other thread opens a device or starts the library afresh.

        Raises:
            DeviceError: PortAudio failed in a way that nobody expected.
            SourceHungError: it hangs.
        """
        with self._lock:
            self._refuse_if_hung()
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

    def end(self, stream: Any) -> None:  # noqa: ANN401
        """Abort a stream and close it, whatever state it is in.

        Where a sound server dies at the wrong moment, the thread that PortAudio 19.6 reads in goes round
        and round for ever (the label ``error`` of ``PaAlsaStream_WaitForFrames``), and whoever ends the
        stream waits for that thread.

        Raises:
            SourceHungError: PortAudio does not come back; it must not be called any more.
        """

        def run() -> None:
            stream.abort(ignore_errors=True)
            stream.close(ignore_errors=True)

        ending = threading.Thread(target=run, name="serd-portaudio-end", daemon=True)
        ending.start()
        ending.join(_END_S)
        self._is_hung = ending.is_alive()
        self._refuse_if_hung()

    def refresh(self) -> bool:
        """Start PortAudio afresh if its list of devices may be out of date; whether it was.

        That interrupts all streams that are open, so with any it is done only where something has
        changed since the list was made. With none it is done for a minute after each change, and once
        an hour: not at each try, since each start loads and unloads ALSA's plugins with all their
        libraries, and some of these lose memory (12 kB with those of Debian), which would add up over
        the weeks that a microphone may be away.
        """
        with self.steady() as module:
            if not self._is_stale():
                return False
            for interrupt in list(self._open.values()):
                interrupt()
            self._open.clear()
            module._terminate()  # noqa: SLF001
            module._initialize()  # noqa: SLF001
            self._listed = self._seen
            self._listed_s = self._monotonic()
        return True

    def _is_stale(self) -> bool:
        now_s = self._monotonic()
        if (signs := self._look()) != self._seen:
            self._seen, self._changed_s = signs, now_s
        if self._open or signs != self._listed:
            return signs != self._listed
        return self._listed_s < self._changed_s + _SETTLE_S or now_s > self._listed_s + _STALE_S

    def _refuse_if_hung(self) -> None:
        if self._is_hung:
            raise SourceHungError("PortAudio hangs and does not let go of a microphone")

    def _look(self) -> tuple[object, ...]:
        return tuple(_state(path) for path in self._signs)


def device_signs(environment: Mapping[str, str]) -> list[Path]:
    """What changes where a microphone comes or goes: the kernel's cards, sockets of sound servers."""
    runtime = Path(environment.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    sockets = [runtime / "pulse" / "native", runtime / "pipewire-0", Path("/run/pulse/native")]
    named = environment.get("PULSE_SERVER", "").removeprefix("unix:")
    return [_SOUND_CARDS, *sockets, *([Path(named)] if named.startswith("/") else [])]


def _state(path: Path) -> object:
    """The text of a file; what tells one socket from the next; None where there is nothing."""
    try:
        if path.is_file():
            return path.read_text("utf-8", errors="replace")
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_ctime_ns

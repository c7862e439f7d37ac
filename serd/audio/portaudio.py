"""The PortAudio library of a process: restarts it for new devices, and ends streams that may hang."""

import contextlib
import functools
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from serd.errors import DeviceError, LibraryError, SourceHungError

_SOUND_CARDS: Final = Path("/proc/asound/cards")
_CLOSE_TIMEOUT_S: Final = 1.0
"""Time to close a stream after which PortAudio counts as hung, in seconds."""
_SETTLE_S: Final = 60.0
"""Time after a change in which a new device may not be listed yet, in seconds."""
_STALE_S: Final = 3600.0
"""Age at which the list of devices is renewed even without a change, in seconds."""


def portaudio_module() -> ModuleType:
    """Import the module sounddevice, the bindings of PortAudio.

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
    """The PortAudio library, shared by all microphones of a process.

    PortAudio lists the devices once, when it is initialized. Finding a device that was connected later
    needs a restart, which closes every stream of the process; so each open microphone registers a
    function that interrupts it.
    """

    def __init__(
        self,
        module: Any,  # noqa: ANN401
        *,
        watched_paths: Sequence[Path] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Manage an initialized library.

        Args:
            module: sounddevice, from ``portaudio_module``, or a fake.
            watched_paths: files that change when a microphone comes or goes; by default those of
                ``device_paths``.
            monotonic: the clock, in seconds.
        """
        self.module = module
        self._watched_paths = device_paths(os.environ) if watched_paths is None else watched_paths
        self._monotonic = monotonic
        self._listed_state = self._latest_state = self._device_state()
        self._listed_s = self._changed_s = monotonic()
        self._lock = threading.RLock()
        self._interrupts: dict[int, Callable[[], None]] = {}
        self._is_initialized = True
        """False after a restart that failed in the middle: PortAudio refuses to be terminated twice."""
        self._is_hung = False

    @contextlib.contextmanager
    def locked(self) -> Iterator[Any]:
        """Lock the library against other threads; yields the module.

        Raises:
            DeviceError: PortAudio failed.
            SourceHungError: PortAudio hangs.
        """
        with self._lock:
            self._refuse_if_hung()
            try:
                yield self.module
            except self.module.PortAudioError as exc:
                raise DeviceError(f"PortAudio failed: {exc}") from exc

    def register(self, key: int, interrupt: Callable[[], None]) -> None:
        """Register an open stream; ``interrupt`` closes it and wakes its reader."""
        with self._lock:
            self._interrupts[key] = interrupt

    def unregister(self, key: int) -> None:
        """Unregister a stream that is closed."""
        with self._lock:
            self._interrupts.pop(key, None)

    def close(self, stream: Any) -> None:  # noqa: ANN401
        """Abort and close a stream in any state.

        If a sound server dies at the wrong moment, the reading thread of PortAudio 19.6 loops for ever
        (the label ``error`` of ``PaAlsaStream_WaitForFrames``), and closing the stream waits for it.

        Raises:
            SourceHungError: PortAudio does not return; it must not be called any more.
        """

        def abort_and_close() -> None:
            stream.abort(ignore_errors=True)
            stream.close(ignore_errors=True)

        closing = threading.Thread(target=abort_and_close, name="serd-portaudio-end", daemon=True)
        closing.start()
        closing.join(_CLOSE_TIMEOUT_S)
        self._is_hung = closing.is_alive()
        self._refuse_if_hung()

    def refresh(self) -> bool:
        """Restart PortAudio if its list of devices may be out of date, or if the last restart failed.

        A restart interrupts all open streams: if there are any, it happens only when the devices have
        changed since they were listed. Without open streams it happens for a minute after each change,
        and once an hour. It does not happen at each attempt, because each restart loads and unloads
        ALSA's plugins, and some of their libraries leak memory (12 kB with those of Debian), which adds
        up if a microphone is missing for weeks.

        Returns:
            Whether it was restarted.

        Raises:
            DeviceError: PortAudio does not start.
            SourceHungError: PortAudio hangs.
        """
        with self.locked() as module:
            if self._is_initialized and not self._is_stale():
                return False
            for interrupt in list(self._interrupts.values()):
                interrupt()
            self._interrupts.clear()
            if self._is_initialized:
                self._is_initialized = False
                module._terminate()  # noqa: SLF001
            module._initialize()  # noqa: SLF001
            self._is_initialized = True
            self._listed_state = self._latest_state
            self._listed_s = self._monotonic()
        return True

    def _is_stale(self) -> bool:
        now_s = self._monotonic()
        if (state := self._device_state()) != self._latest_state:
            self._latest_state, self._changed_s = state, now_s
        if self._interrupts or state != self._listed_state:
            return state != self._listed_state
        return self._listed_s < self._changed_s + _SETTLE_S or now_s > self._listed_s + _STALE_S

    def _refuse_if_hung(self) -> None:
        if self._is_hung:
            raise SourceHungError("PortAudio hangs and does not release a microphone")

    def _device_state(self) -> tuple[object, ...]:
        return tuple(_file_state(path) for path in self._watched_paths)


_sharing = threading.Lock()


def shared_portaudio() -> PortAudio:
    """Return the PortAudio library of this process; the first call loads it.

    Raises:
        LibraryError: PortAudio is not installed.
    """
    with _sharing:
        return _managed(portaudio_module())


@functools.cache
def _managed(module: ModuleType) -> PortAudio:
    return PortAudio(module)


def device_paths(environment: Mapping[str, str]) -> list[Path]:
    """Return the kernel's list of sound cards and the sockets of sound servers."""
    runtime = Path(environment.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    sockets = [runtime / "pulse" / "native", runtime / "pipewire-0", Path("/run/pulse/native")]
    named = environment.get("PULSE_SERVER", "").removeprefix("unix:")
    return [_SOUND_CARDS, *sockets, *([Path(named)] if named.startswith("/") else [])]


def _file_state(path: Path) -> object:
    """Return the text of a file or the identity of a socket; None if it does not exist."""
    try:
        if path.is_file():
            return path.read_text("utf-8", errors="replace")
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_ctime_ns

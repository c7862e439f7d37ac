"""A microphone that is none, for those who look at what PortAudio says."""

from types import SimpleNamespace
from typing import Any

import numpy as np

_BLOCK_SAMPLES = 480


class FakePortAudio:
    """Stands in for the module sounddevice: a microphone that gives the same block, again and again."""

    class PortAudioError(Exception):
        """What sounddevice raises."""

    def __init__(self, *, value: int = 1000, name: str = "USB", opens: bool = True) -> None:
        self.default = SimpleNamespace(device=[0, 0])
        self.n_closed = 0
        self._block = np.full(_BLOCK_SAMPLES, value, np.int16).tobytes()
        self._name = name
        self._opens = opens

    def _terminate(self) -> None:
        """End the library."""

    def _initialize(self) -> None:
        """Start it."""

    def get_portaudio_version(self) -> tuple[int, str]:
        """As the library says it."""
        return 1246976, "PortAudio V19.6.0-devel, revision 396fe4b669"

    def query_hostapis(self) -> list[dict[str, str]]:
        """One host API."""
        return [{"name": "ALSA"}]

    def query_devices(self) -> list[dict[str, object]]:
        """One microphone, or none."""
        if not self._name:
            return []
        device = {"index": 0, "name": self._name, "hostapi": 0, "max_input_channels": 1}
        return [device | {"default_samplerate": 16_000.0}]

    def RawInputStream(self, **options: Any) -> SimpleNamespace:  # noqa: N802, ANN401
        """A stream that gives five seconds of sound as soon as it starts."""
        if not self._opens:
            raise self.PortAudioError("Device unavailable")

        def start() -> None:
            for _ in range(5 * 16_000 // _BLOCK_SAMPLES):
                status = SimpleNamespace(input_overflow=False)
                options["callback"](self._block, _BLOCK_SAMPLES, None, status)

        def close(**_: object) -> None:
            self.n_closed += 1

        return SimpleNamespace(start=start, abort=lambda **_: None, close=close)

"""Helpers for the tests of ``serd doctor``: its findings, and a fake PortAudio."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from serd.cli.doctor import Finding

_BLOCK_SAMPLES = 480


def only(findings: Iterator[Finding]) -> Finding:
    """The single finding of a check; a ValueError if there is another number of them."""
    (finding,) = findings
    return finding


class FakePortAudio:
    """A substitute for the module sounddevice, with a microphone that repeats one block of sound."""

    class PortAudioError(Exception):
        """The error type of sounddevice."""

    def __init__(
        self, *, value: int = 1000, offset: int = 0, name: str = "USB", opens: bool = True
    ) -> None:
        self.default = SimpleNamespace(device=[0, 0])
        self.n_closed = 0
        is_high = np.arange(_BLOCK_SAMPLES) // 8 % 2 == 0  # a square wave of 1 kHz
        self._block = np.where(is_high, offset + value, offset - value).astype(np.int16).tobytes()
        self._name = name
        self._opens = opens

    def _terminate(self) -> None:
        """End the library; does nothing."""

    def _initialize(self) -> None:
        """Start the library; does nothing."""

    def get_portaudio_version(self) -> tuple[int, str]:
        """The version number and text of PortAudio."""
        return 1246976, "PortAudio V19.6.0-devel, revision 396fe4b669"

    def query_hostapis(self) -> list[dict[str, str]]:
        """A single host API."""
        return [{"name": "ALSA"}]

    def query_devices(self) -> list[dict[str, object]]:
        """The microphone, unless its name is empty."""
        if not self._name:
            return []
        device = {"index": 0, "name": self._name, "hostapi": 0, "max_input_channels": 1}
        return [device | {"default_samplerate": 16_000.0}]

    def RawInputStream(self, **options: Any) -> SimpleNamespace:  # noqa: N802, ANN401
        """A stream that delivers five seconds of sound as soon as it starts."""
        if not self._opens:
            raise self.PortAudioError("Device unavailable")

        def start() -> None:
            for _ in range(5 * 16_000 // _BLOCK_SAMPLES):
                status = SimpleNamespace(input_overflow=False)
                options["callback"](self._block, _BLOCK_SAMPLES, None, status)

        def close(**_: object) -> None:
            self.n_closed += 1

        return SimpleNamespace(start=start, abort=lambda **_: None, close=close)

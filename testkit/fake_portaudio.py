"""A microphone without a sound card: a fake of the module sounddevice."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

import numpy as np

_BLOCK_SAMPLES: Final = 480


class FakePortAudio:
    """A fake of the module sounddevice: one stereo device that may refuse rates and channels.

    Args:
        accepts: whether the device takes a sample rate, in hertz, and a number of channels.
        abort: called in place of the stream's method.
        sound: int16, shape (n_samples,); is given as soon as a stream starts.
    """

    class PortAudioError(Exception):
        """The exception of sounddevice."""

    def __init__(
        self,
        *,
        accepts: Callable[[int, int], bool],
        abort: Callable[..., None] = lambda **_: None,
        sound: np.ndarray | None = None,
    ) -> None:
        self.default = SimpleNamespace(device=[0, 0])
        self.tried: list[tuple[int, int]] = []
        self.starts = True
        self.n_terminated = 0
        self.n_opened = 0
        self.n_closed = 0
        self.play_block: Callable[..., None]
        self._accepts = accepts
        self._abort = abort
        self._sound = sound

    def _terminate(self) -> None:
        self.n_terminated += 1

    def _initialize(self) -> None: ...

    def query_hostapis(self) -> list[dict[str, str]]:
        """One host API."""
        return [{"name": "ALSA"}]

    def query_devices(self) -> list[dict[str, object]]:
        """A microphone and a speaker."""
        microphone = {"index": 0, "name": "USB", "max_input_channels": 2}
        speaker = {"index": 1, "name": "Speaker", "max_input_channels": 0}
        return [
            device | {"hostapi": 0, "default_samplerate": 48_000.0} for device in (microphone, speaker)
        ]

    def RawInputStream(self, **options: Any) -> SimpleNamespace:  # noqa: N802, ANN401
        """A stream, if the device accepts its form."""
        form = (options["samplerate"], options["channels"])
        self.tried.append(form)
        if not self._accepts(*form):
            raise self.PortAudioError("Invalid sample rate")
        callback = options["callback"]

        def play_block(block: np.ndarray, *, overflow: bool = False) -> None:
            callback(block.tobytes(), len(block), None, SimpleNamespace(input_overflow=overflow))

        self.play_block = play_block
        self.n_opened += 1
        return SimpleNamespace(start=self._start, abort=self._abort, close=self._close)

    def _start(self) -> None:
        if not self.starts:
            raise self.PortAudioError("Device unavailable")
        if self._sound is not None:
            self.play(self._sound, _BLOCK_SAMPLES)

    def _close(self, **_: object) -> None:
        self.n_closed += 1

    def play(self, sound: np.ndarray, n_block: int, *, overflow: bool = False) -> None:
        """Call back with the sound, block by block."""
        for start in range(0, len(sound), n_block):
            self.play_block(sound[start : start + n_block], overflow=overflow)

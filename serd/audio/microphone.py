"""Opens and reads microphones through PortAudio."""

import contextlib
import queue
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

import numpy as np

from serd.audio.alsa import read_cards
from serd.audio.devices import find_microphone, microphones
from serd.audio.format import SAMPLE_RATE_HZ, AudioBlock, to_sound
from serd.audio.portaudio import PortAudio
from serd.audio.resample import Converter
from serd.audio.source import EpochEstimate, SourceSettings, channel_column
from serd.errors import DeviceError, SourceError, SourceInterruptedError

_READ_TIMEOUT_S: Final = 3.0
"""Time without a block after which a microphone counts as lost, in seconds; PortAudio may stop without
an error."""
_MAX_JOINED_S: Final = 0.25
"""Most sound that is taken from the queue as one block, in seconds."""


class _Signal(Enum):
    """An item in the queue that is no sound."""

    WAKE = auto()
    """Wakes the iteration, which then finds that it is stopped."""
    INTERRUPTED = auto()
    """The device was closed after the sound before this item."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Captured:
    """Sound that the callback received."""

    first_frame: int
    """Number of its first sample of all channels, counted from the start of the stream."""
    end_frame: int
    """Number after its last one."""
    data: bytes
    """int16, n_channels interleaved."""
    arrived_s: float
    """Monotonic time at which it arrived, in seconds."""


class MicrophoneSource:
    """A source that reads a microphone; PortAudio's callback only copies blocks to a bounded queue."""

    def __init__(self, settings: SourceSettings, portaudio: PortAudio) -> None:
        """Find, open and start the device.

        Args:
            settings: of the device, the channel and the queue.
            portaudio: the library.

        Raises:
            DeviceError: no such device or channel, or it does not open.
        """
        self._queue: queue.SimpleQueue[_Captured | _Signal] = queue.SimpleQueue()
        self._ahead: _Captured | _Signal | None = None
        """An item that was taken from the queue and does not continue the block before it."""
        self._max_blocks = max(1, round(settings.queue_s * 1000 / settings.block_ms))
        self._n_captured_frames = 0
        self._is_stopped = False
        self.n_dropped_blocks = 0
        self.n_overflows = 0
        self._portaudio = portaudio
        with portaudio.locked() as sounddevice:
            self._device = find_microphone(settings.input, microphones(sounddevice), read_cards())
            self._stream, self.rate_hz, self.n_channels = self._open(settings, sounddevice)
            portaudio.register(id(self), self._interrupt)
            try:
                self._stream.start()
            except BaseException:
                # An open stream would keep PortAudio from being restarted.
                self._close()
                raise

    def __iter__(self) -> Iterator[AudioBlock]:
        """Yield blocks until ``stop``.

        Raises:
            SourceError: the device stopped delivering sound.
            SourceInterruptedError: PortAudio was restarted to find another microphone.
            SourceHungError: PortAudio hangs.
        """
        try:
            yield from self._blocks()
        finally:
            self._close()

    def stop(self) -> None:
        """End the iteration soon, without the sound that waits in the queue."""
        self._is_stopped = True
        self._queue.put(_Signal.WAKE)

    def _interrupt(self) -> None:
        self._close()
        self._queue.put(_Signal.INTERRUPTED)

    def _close(self) -> None:
        with self._portaudio.locked():
            stream, self._stream = self._stream, None
            self._portaudio.unregister(id(self))
            if stream is not None:
                self._portaudio.close(stream)

    def describe(self) -> str:
        """Return the device's name, sample rate and channels."""
        channels = "mono" if self.n_channels == 1 else f"{self.n_channels} channels"
        return f"microphone {self._device.name!r} at {self.rate_hz} Hz, {channels}"

    def summary(self) -> str:
        """Return the number of overflows and dropped blocks, as a line for the log."""
        lost = []
        if self.n_overflows:
            lost.append(f"{self.n_overflows} overflows of the sound card")
        if self.n_dropped_blocks:
            lost.append(f"{self.n_dropped_blocks} blocks dropped because the daemon was too slow")
        return f"{self._device.name}: {', '.join(lost)}" if lost else ""

    def _blocks(self) -> Iterator[AudioBlock]:
        epoch = EpochEstimate()
        converter = Converter(rate_hz=self.rate_hz, column=self._column)
        expected_frame = offset_samples = 0
        while (item := self._next()) is not None:
            captured = self._with_waiting(item)
            if captured.first_frame != expected_frame:
                converter = Converter(rate_hz=self.rate_hz, column=self._column)
                offset_samples = round(captured.first_frame * SAMPLE_RATE_HZ / self.rate_hz)
            raw = np.frombuffer(captured.data, np.int16).reshape(-1, self.n_channels)
            expected_frame = captured.end_frame
            if self.rate_hz == SAMPLE_RATE_HZ and self.n_channels == 1:
                samples = raw[:, 0]
                converter.monitor.check(raw)
            else:
                samples = converter.convert(to_sound(raw))
            yield AudioBlock(
                samples=samples,
                offset_samples=offset_samples,
                captured=epoch.update(expected_frame / self.rate_hz, arrived_s=captured.arrived_s),
                problem=converter.monitor.problem,
            )
            offset_samples += samples.size

    def _with_waiting(self, first: _Captured) -> _Captured:
        """A captured block with those after it that wait in the queue: each costs time of its own.

        Many wait while the feeder sleeps, since no report can follow the sound of a quiet room.
        """
        blocks, end_frame = [first], first.end_frame
        while end_frame - first.first_frame < _MAX_JOINED_S * self.rate_hz:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            if isinstance(item, _Signal) or item.first_frame != end_frame:
                self._ahead = item
                break
            blocks.append(item)
            end_frame = item.end_frame
        if len(blocks) == 1:
            return first
        return _Captured(
            first_frame=first.first_frame,
            end_frame=end_frame,
            data=b"".join(block.data for block in blocks),
            arrived_s=blocks[-1].arrived_s,
        )

    def _next(self) -> _Captured | None:
        if self._is_stopped:
            return None
        item, self._ahead = self._ahead, None
        try:
            item = item or self._queue.get(timeout=_READ_TIMEOUT_S)
        except queue.Empty:
            raise SourceError(
                f"microphone {self._device.name!r} delivered no sound for {_READ_TIMEOUT_S:.0f} s;"
                " is it still plugged in?"
            ) from None
        if item is _Signal.INTERRUPTED:
            raise SourceInterruptedError(f"microphone {self._device.name!r} is reopened")
        return None if isinstance(item, _Signal) else item

    def _callback(self, data: Any, n_frames: int, _time: Any, status: Any) -> None:  # noqa: ANN401
        if status.input_overflow:
            self.n_overflows += 1
        if self._queue.qsize() >= self._max_blocks:
            with contextlib.suppress(queue.Empty):
                self.n_dropped_blocks += isinstance(self._queue.get_nowait(), _Captured)
        first_frame = self._n_captured_frames
        self._n_captured_frames += n_frames
        self._queue.put(
            _Captured(
                first_frame=first_frame,
                end_frame=self._n_captured_frames,
                data=bytes(data),
                arrived_s=time.monotonic(),
            )
        )

    def _open(self, settings: SourceSettings, sounddevice: Any) -> tuple[Any, int, int]:  # noqa: ANN401
        """Open a stream at 16 kHz mono, else at the device's rate or channels; returns them as well."""
        device = self._device
        try:
            self._column = channel_column(settings.channel, device.n_channels)
        except ValueError as exc:
            raise DeviceError(f"microphone {device.name!r}: {exc}") from exc
        n_wanted = 1 if self._column is None else self._column + 1
        attempts = [
            (SAMPLE_RATE_HZ, n_wanted),
            (device.rate_hz, n_wanted),
            (SAMPLE_RATE_HZ, device.n_channels),
            (device.rate_hz, device.n_channels),
        ]
        reasons = []
        for rate_hz, n_channels in dict.fromkeys(attempts):
            try:
                stream = sounddevice.RawInputStream(
                    device=device.index,
                    samplerate=rate_hz,
                    channels=n_channels,
                    dtype="int16",
                    blocksize=rate_hz * settings.block_ms // 1000,
                    callback=self._callback,
                )
            except sounddevice.PortAudioError as exc:
                reasons.append(f"{rate_hz} Hz, {n_channels} channels: {exc}")
            else:
                return stream, rate_hz, n_channels
        raise DeviceError(f"microphone {device.name!r} does not open ({'; '.join(reasons)})")


def open_microphone(settings: SourceSettings, portaudio: PortAudio) -> MicrophoneSource:
    """Open a microphone, looking for it a second time if the list of devices may be out of date.

    Raises:
        DeviceError: as ``MicrophoneSource``.
    """
    try:
        return MicrophoneSource(settings, portaudio)
    except DeviceError:
        if not portaudio.refresh():
            raise
    return MicrophoneSource(settings, portaudio)

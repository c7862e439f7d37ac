"""A microphone through PortAudio."""

import queue
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import numpy as np

from serd.audio.format import SAMPLE_RATE_HZ, AudioBlock, to_sound
from serd.audio.portaudio import PortAudio
from serd.audio.resample import Converter
from serd.audio.source import MIX, EpochEstimate, SourceSettings
from serd.errors import DeviceError, SourceError, SourceInterruptedError

_MAX_SILENT_S = 3.0
"""PortAudio may stop calling back without an error; after this long the microphone is given up."""


class _Mark(Enum):
    """In the queue in place of sound."""

    STOP = auto()
    INTERRUPTED = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Microphone:
    """An input device as PortAudio lists it."""

    index: int
    """Number in PortAudio's list; may change at the next boot."""
    name: str
    """Name, which does not."""
    host: str
    """Host API that offers it: "ALSA" on Linux."""
    n_channels: int
    """Channels at the most."""
    rate_hz: int
    """Its own sample rate, in hertz."""
    is_default: bool
    """Whether "default" means this one."""


def microphones(sounddevice: Any) -> list[Microphone]:  # noqa: ANN401
    """All input devices that the module sounddevice lists, none if there is no sound card."""
    default = sounddevice.default.device[0]
    hosts = sounddevice.query_hostapis()
    return [
        Microphone(
            index=device["index"],
            name=device["name"],
            host=hosts[device["hostapi"]]["name"],
            n_channels=device["max_input_channels"],
            rate_hz=round(device["default_samplerate"]),
            is_default=device["index"] == default,
        )
        for device in sounddevice.query_devices()
        if device["max_input_channels"] > 0
    ]


def find_microphone(wanted: str, devices: list[Microphone]) -> Microphone:
    """The device that a setting means.

    Args:
        wanted: "default", an index, a name, or a part of one (in upper or lower case).
        devices: what there is.

    Raises:
        DeviceError: none fits, or a part of a name fits several.
    """
    if not devices:
        raise DeviceError("no microphone found; plug one in, or give a sound file with --source")
    if wanted == "default":
        return next((device for device in devices if device.is_default), devices[0])
    exact = [device for device in devices if wanted in {device.name, str(device.index)}]
    part = [device for device in devices if wanted.casefold() in device.name.casefold()]
    found = exact or part
    names = ", ".join(f"{device.index} {device.name!r}" for device in (found or devices))
    if not found:
        raise DeviceError(f"no microphone {wanted!r}, expected one of: {names}")
    if len(found) > 1:
        raise DeviceError(f"microphone {wanted!r} fits several: {names}; give more of the name")
    return found[0]


class MicrophoneSource:
    """An open microphone. The callback copies into a bounded queue and does nothing else."""

    def __init__(self, settings: SourceSettings, portaudio: PortAudio) -> None:
        """Find and open the device; sound is queued from here on.

        Args:
            settings: which device, which channel, how much may wait.
            portaudio: the library.

        Raises:
            DeviceError: no such device or channel, or it does not open.
        """
        self._channel = settings.channel
        self._queue: queue.SimpleQueue[tuple[int, bytes, float] | _Mark] = queue.SimpleQueue()
        self._max_blocks = max(1, round(settings.queue_s * 1000 / settings.block_ms))
        self._n_frames = 0
        self.n_dropped_blocks = 0
        self.n_overflows = 0
        self._portaudio = portaudio
        with portaudio.steady() as sounddevice:
            self._device = find_microphone(settings.input, microphones(sounddevice))
            self._stream, self.rate_hz, self.n_channels = self._open(settings, sounddevice)
            portaudio.opened(id(self), self._interrupt)
            self._stream.start()

    def __iter__(self) -> Iterator[AudioBlock]:
        """Yield blocks until ``stop``.

        Raises:
            SourceError: the device stopped delivering.
            SourceInterruptedError: PortAudio was started afresh, for another microphone's sake.
            SourceHungError: PortAudio hangs.
        """
        try:
            yield from self._blocks()
        finally:
            self._close()

    def stop(self) -> None:
        """End the iteration soon."""
        self._queue.put(_Mark.STOP)

    def _interrupt(self) -> None:
        self._close()
        self._queue.put(_Mark.INTERRUPTED)

    def _close(self) -> None:
        with self._portaudio.steady():
            stream, self._stream = self._stream, None
            self._portaudio.closed(id(self))
            if stream is not None:
                self._portaudio.end(stream)

    def describe(self) -> str:
        """The device's name and how it was opened."""
        channels = "mono" if self.n_channels == 1 else f"{self.n_channels} channels"
        return f"microphone {self._device.name!r} at {self.rate_hz} Hz, {channels}"

    def summary(self) -> str:
        """What was lost on the way."""
        lost = []
        if self.n_overflows:
            lost.append(f"{self.n_overflows} overflows of the sound card")
        if self.n_dropped_blocks:
            lost.append(f"{self.n_dropped_blocks} blocks dropped because the daemon was too slow")
        return f"{self._device.name}: {', '.join(lost)}" if lost else ""

    def _blocks(self) -> Iterator[AudioBlock]:
        epoch = EpochEstimate()
        converter = Converter(rate_hz=self.rate_hz, channel=self._channel)
        expected_frame = offset_samples = 0
        while (item := self._next()) is not None:
            first_frame, data, arrived_s = item
            if first_frame != expected_frame:
                converter = Converter(rate_hz=self.rate_hz, channel=self._channel)
                offset_samples = round(first_frame * SAMPLE_RATE_HZ / self.rate_hz)
            raw = np.frombuffer(data, np.int16).reshape(-1, self.n_channels)
            expected_frame = first_frame + len(raw)
            if self.rate_hz == SAMPLE_RATE_HZ and self.n_channels == 1:
                samples = raw[:, 0]
            else:
                samples = converter.convert(to_sound(raw))
            yield AudioBlock(
                samples=samples,
                offset_samples=offset_samples,
                captured=epoch.update(expected_frame / self.rate_hz, arrived_s=arrived_s),
            )
            offset_samples += samples.size

    def _next(self) -> tuple[int, bytes, float] | None:
        try:
            item = self._queue.get(timeout=_MAX_SILENT_S)
        except queue.Empty:
            raise SourceError(
                f"microphone {self._device.name!r} gave no sound for {_MAX_SILENT_S:.0f} s;"
                " is it still plugged in?"
            ) from None
        if item is _Mark.INTERRUPTED:
            raise SourceInterruptedError(f"microphone {self._device.name!r} is opened anew")
        return None if isinstance(item, _Mark) else item

    def _callback(self, data: Any, n_frames: int, _time: Any, status: Any) -> None:  # noqa: ANN401
        if status.input_overflow:
            self.n_overflows += 1
        if self._queue.qsize() >= self._max_blocks:
            try:
                self._queue.get_nowait()
                self.n_dropped_blocks += 1
            except queue.Empty:
                pass
        self._queue.put((self._n_frames, bytes(data), time.monotonic()))
        self._n_frames += n_frames

    def _open(self, settings: SourceSettings, sounddevice: Any) -> tuple[Any, int, int]:  # noqa: ANN401
        """The stream, its rate and its channels: 16 kHz mono if the device can, else its own."""
        device = self._device
        n_wanted = 1 if settings.channel == MIX else int(settings.channel)
        if n_wanted > device.n_channels:
            raise DeviceError(
                f"microphone {device.name!r} has {device.n_channels} channels,"
                f" the settings ask for number {n_wanted}"
            )
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
    """Open a microphone; one that is not there is looked for again with a fresh list of devices.

    Raises:
        DeviceError: as ``MicrophoneSource``.
    """
    try:
        return MicrophoneSource(settings, portaudio)
    except DeviceError:
        if not portaudio.refresh():
            raise
    return MicrophoneSource(settings, portaudio)

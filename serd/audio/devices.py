"""The microphones that PortAudio lists, and the one that a setting names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from serd.audio.alsa import Card, listed_suffix
from serd.errors import DeviceError

_MAX_DEVICES: Final = 1000
"""More devices than PortAudio lists on any machine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Microphone:
    """An input device as PortAudio lists it."""

    index: int
    """Number in PortAudio's list; may change at the next start."""
    name: str
    """Name; the same after each start."""
    host: str
    """Host API: "ALSA" on Linux."""
    n_channels: int
    """Maximum number of channels."""
    rate_hz: int
    """Default sample rate, in hertz."""
    is_default: bool
    """Whether this is the default device."""
    is_usable: bool = True
    """False if its name is not UTF-8: PortAudio's bindings neither describe nor open such a device."""


def microphones(sounddevice: Any) -> list[Microphone]:  # noqa: ANN401
    """Return all input devices that the module sounddevice lists."""
    default = sounddevice.default.device[0]
    hosts = sounddevice.query_hostapis()
    return [
        Microphone(
            index=device["index"],
            name=device["name"],
            host=hosts[device["hostapi"]]["name"] if device["hostapi"] is not None else "",
            n_channels=device["max_input_channels"],
            rate_hz=round(device["default_samplerate"]),
            is_default=device["index"] == default,
            is_usable=device["hostapi"] is not None,
        )
        for device in _devices(sounddevice)
        if device["max_input_channels"] > 0 or device["hostapi"] is None
    ]


def _devices(sounddevice: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401
    """Return PortAudio's devices; one whose name is not UTF-8 has no host API, and its name escaped."""
    try:
        return list(sounddevice.query_devices())
    except UnicodeDecodeError:
        devices: list[Mapping[str, Any]] = []
    while len(devices) < _MAX_DEVICES:
        index = len(devices)
        try:
            devices.append(sounddevice.query_devices(index))
        except UnicodeDecodeError as exc:
            name = exc.object.decode("utf-8", "backslashreplace")
            unknown = {"hostapi": None, "max_input_channels": 0, "default_samplerate": 0.0}
            devices.append({"index": index, "name": name, **unknown})
        except sounddevice.PortAudioError:  # there is no device with this number
            break
    return devices


def find_microphone(
    wanted: str, devices: Sequence[Microphone], cards: Sequence[Card] = ()
) -> Microphone:
    """Return the device that a setting names.

    Args:
        wanted: "default", an index, a name, part of a name (in upper or lower case), a name of ALSA
            ("hw:CARD=Device,DEV=0", "plughw:1,0"), or the USB port of a card.
        devices: the input devices.
        cards: the sound cards.

    Raises:
        DeviceError: no device matches, part of a name matches several, or it is not usable.
    """
    if not devices:
        raise DeviceError("no microphone found; plug one in, or give a sound file with --source")
    if wanted == "default":
        usable = [device for device in devices if device.is_usable] or devices
        found = [next((device for device in usable if device.is_default), usable[0])]
    else:
        found = _matching(wanted, devices, cards)
    if not found:
        raise DeviceError(
            f"no microphone {wanted!r}, expected one of: {_listed(devices)}; see serd devices"
        )
    if len(found) > 1:
        raise DeviceError(
            f"microphone {wanted!r} matches several: {_listed(found)}; give more of the name, or the"
            " line that serd devices prints"
        )
    if not found[0].is_usable:
        raise DeviceError(
            f"microphone {found[0].name!r} has a name that is not UTF-8, and cannot be opened; rename it"
            " in ~/.asoundrc or /etc/asound.conf"
        )
    return found[0]


def _matching(wanted: str, devices: Sequence[Microphone], cards: Sequence[Card]) -> list[Microphone]:
    """The devices that a text names: by the whole name or index, by ALSA, else by a part of the name."""
    exact = [device for device in devices if wanted in {device.name, str(device.index)}]
    suffix = listed_suffix(wanted, cards)
    by_card = [device for device in devices if suffix and device.name.endswith(suffix)]
    part = [device for device in devices if wanted.casefold() in device.name.casefold()]
    return exact or by_card or part


def _listed(devices: Sequence[Microphone]) -> str:
    return ", ".join(f"{device.index} {device.name!r}" for device in devices)

"""The list of microphones, and the one that a setting names."""

from types import SimpleNamespace
from typing import Any

import pytest

from serd.audio.devices import Microphone, find_microphone, microphones
from serd.errors import DeviceError


def _device(index: int, name: str, *, is_default: bool = False) -> Microphone:
    return Microphone(
        index=index, name=name, host="ALSA", n_channels=2, rate_hz=48_000, is_default=is_default
    )


DEVICES = [
    _device(0, "HDA Intel: ALC (hw:0,0)"),
    _device(2, "USB Audio Device: - (hw:1,0)", is_default=True),
    _device(3, "USB Audio CODEC: - (hw:2,0)"),
]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [("default", 2), ("0", 0), ("3", 3), ("codec", 3), ("HDA", 0), ("USB Audio Device: - (hw:1,0)", 2)],
)
def test_a_setting_names_one_device(wanted: str, index: int) -> None:
    """The default, an index, a name, or part of a name in upper or lower case."""
    assert find_microphone(wanted, DEVICES).index == index


@pytest.mark.parametrize(
    ("wanted", "devices", "words"),
    [
        ("webcam", DEVICES, ["'webcam'", "USB Audio CODEC"]),
        ("7", DEVICES, ["'7'", "HDA Intel"]),
        ("usb audio", DEVICES, ["several", "2 'USB Audio Device", "3 'USB Audio CODEC"]),
        ("default", [], ["no microphone found"]),
    ],
)
def test_a_setting_that_names_no_device_is_refused(
    wanted: str, devices: list[Microphone], words: list[str]
) -> None:
    """The message lists the devices."""
    with pytest.raises(DeviceError) as caught:
        find_microphone(wanted, devices)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_name_that_is_no_utf_8_does_not_hide_the_others() -> None:
    """The library raises for it; it is listed with its name escaped."""

    class Library:
        """One device with a name of Latin-1, between two others."""

        PortAudioError = RuntimeError
        default = SimpleNamespace(device=[2, 0])

        def query_hostapis(self) -> list[dict[str, str]]:
            """One host API."""
            return [{"name": "ALSA"}]

        def query_devices(self, index: int | None = None) -> Any:  # noqa: ANN401
            """As sounddevice does."""
            if index is None:
                return [self.query_devices(each) for each in range(3)]
            if index > 2:
                raise RuntimeError("Error querying device")
            name = (b"first", b"k\xfcche", b"last")[index].decode()
            return {
                "index": index,
                "name": name,
                "hostapi": 0,
                "max_input_channels": 1,
                "default_samplerate": 16_000.0,
            }

    found = microphones(Library())
    assert [(each.name, each.is_usable) for each in found] == [
        ("first", True),
        ("k\\xfcche", False),
        ("last", True),
    ]
    assert find_microphone("default", found).name == "last"

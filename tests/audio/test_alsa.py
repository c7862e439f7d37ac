"""ALSA's names for the devices that PortAudio lists."""

from pathlib import Path

import pytest

from serd.audio.alsa import Card, lasting_name, listed_suffix, read_cards
from serd.audio.devices import Microphone, find_microphone
from serd.errors import DeviceError

_CARDS = b""" 0 [vc4hdmi0       ]: vc4-hdmi - vc4-hdmi-0
                      vc4-hdmi-0
 1 [Device         ]: USB-Audio - USB PnP Sound Device
                      C-Media Electronics Inc. USB PnP Sound Device at usb-0000:01:00.0-1.4, full speed
 2 [Device_1       ]: USB-Audio - USB PnP Sound Device
                      C-Media Electronics Inc. USB PnP Sound Device at usb-0000:01:00.0-1.3, full speed
 3 [K\xfcche          ]: USB-Audio - K\xfcche
                      Mic at usb-0000:01:00.0-1.2, high speed
"""


@pytest.fixture
def cards(tmp_path: Path) -> list[Card]:
    """The cards of a Raspberry Pi with two microphones of one model."""
    (tmp_path / "cards").write_bytes(_CARDS)
    return read_cards(tmp_path / "cards")


def _device(index: int, name: str, *, is_usable: bool = True) -> Microphone:
    return Microphone(
        index=index,
        name=name,
        host="ALSA",
        n_channels=1,
        rate_hz=44_100,
        is_default=False,
        is_usable=is_usable,
    )


_DEVICES = [
    _device(1, "USB PnP Sound Device: Audio (hw:1,0)"),
    _device(2, "USB PnP Sound Device: Audio (hw:2,0)"),
    _device(3, "Mic [left] (hw:3,0)"),
    _device(4, "k\\xfcche", is_usable=False),
]


def test_the_kernels_list_is_read(cards: list[Card], tmp_path: Path) -> None:
    """Bytes that are no UTF-8 do not matter, nor does a missing list."""
    assert [(card.number, card.id) for card in cards[:3]] == [
        (0, "vc4hdmi0"),
        (1, "Device"),
        (2, "Device_1"),
    ]
    assert [card.usb_port for card in cards] == [
        "",
        "usb-0000:01:00.0-1.4",
        "usb-0000:01:00.0-1.3",
        "usb-0000:01:00.0-1.2",
    ]
    assert read_cards(tmp_path / "none") == []


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ("hw:1,0", 1),
        ("plughw:2,0", 2),
        ("hw:2", 2),
        ("hw:CARD=Device,DEV=0", 1),
        ("plughw:CARD=Device_1,DEV=0", 2),
        ("plughw:Device_1", 2),
        ("usb-0000:01:00.0-1.3", 2),
        ("Mic [left] (hw:3,0)", 3),
        ("[left]", 3),
    ],
)
def test_a_name_of_alsa_means_one_device(cards: list[Card], wanted: str, index: int) -> None:
    """As arecord -L prints it, by number or id; two cards of one model differ by id and USB port."""
    assert find_microphone(wanted, _DEVICES, cards).index == index


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("hw:9,0", "no microphone 'hw:9,0', expected one of: 1 'USB PnP"),
        ("USB PnP", "matches several: .*; give more of the name, or the line that serd devices prints"),
        ("4", "has a name that is not UTF-8, and cannot be opened; rename it"),
    ],
)
def test_a_name_that_does_not_help_is_explained(cards: list[Card], wanted: str, message: str) -> None:
    """The message says what to do."""
    with pytest.raises(DeviceError, match=message):
        find_microphone(wanted, _DEVICES, cards)


def test_the_lasting_name_finds_the_same_device(cards: list[Card]) -> None:
    """By the USB port where two cards are of one model, else by the id of the card."""
    names = [lasting_name(device.name, cards) for device in _DEVICES[:3]]
    assert names[:2] == ["usb-0000:01:00.0-1.4", "usb-0000:01:00.0-1.3"]
    assert names[2].startswith("hw:CARD=K")
    assert [find_microphone(name, _DEVICES, cards).index for name in names] == [1, 2, 3]
    assert lasting_name("pulse", cards) == "pulse"


def test_other_texts_are_no_names_of_alsa(cards: list[Card]) -> None:
    """They are looked for in the names of the devices."""
    assert [listed_suffix(text, cards) for text in ("default", "USB", "1", "hw:", "hw:7")] == [""] * 5

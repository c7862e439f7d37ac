"""The names that ALSA gives to sound cards: which device of PortAudio they mean.

PortAudio lists the device 0 of card 1 as "USB Audio Device: - (hw:1,0)", with numbers that change when
cards are plugged in another order. ALSA's programs print names with the id of the card, and a USB port
stays the same for two cards of one model.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CARDS_FILE: Final = Path("/proc/asound/cards")
"""The kernel's list of sound cards."""

_CARD: Final = re.compile(r"^ *(\d+) \[(.+?) *\]: .*? - (.*)\n +(.*)$", re.MULTILINE)
_USB: Final = re.compile(r" at (usb-[^\s,]+)")
_PCM: Final = re.compile(r"(?:plug)?hw:(?:CARD=)?([^,=]+)(?:,(?:DEV=)?(\d+))?(?:,.*)?", re.IGNORECASE)
_LISTED: Final = re.compile(r"\(hw:(\d+),(\d+)\)$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """A sound card as the kernel lists it."""

    number: int
    """Its number; may change at the next start."""
    id: str
    """Its short name; a second card of one model gets another one, in the order of plugging."""
    model: str
    """Its model, the same for all cards of it."""
    usb_port: str
    """Its USB port, such as "usb-0000:01:00.0-1.4"; empty for other cards."""


def read_cards(path: Path = CARDS_FILE) -> list[Card]:
    """Return the sound cards; none if the kernel has no list."""
    try:
        text = path.read_text("utf-8", errors="backslashreplace")
    except OSError:
        return []
    return [
        Card(
            number=int(number),
            id=name,
            model=model,
            usb_port=port[1] if (port := _USB.search(place)) else "",
        )
        for number, name, model, place in _CARD.findall(text)
    ]


def listed_suffix(wanted: str, cards: Sequence[Card]) -> str:
    """Return the end of PortAudio's name for a device: "(hw:1,0)".

    Args:
        wanted: ALSA's name for it ("hw:1,0", "plughw:CARD=Device,DEV=0"), or the USB port of its card.
        cards: the sound cards.

    Returns:
        The end of the name; empty if ``wanted`` is neither or there is no such card.
    """
    named = _PCM.fullmatch(wanted)
    for card in cards:
        if wanted == card.usb_port or (named and named[1] in {str(card.number), card.id}):
            return f"(hw:{card.number},{named[2] or 0 if named else 0})"
    return ""


def lasting_name(listed: str, cards: Sequence[Card]) -> str:
    """Return a name for a device of PortAudio that stays the same, as far as there is one.

    Args:
        listed: its name in PortAudio's list.
        cards: the sound cards.

    Returns:
        ALSA's name with the id of its card, the USB port if there are several cards of its model, or
        ``listed`` itself.
    """
    found = _LISTED.search(listed)
    card = next((each for each in cards if found and each.number == int(found[1])), None)
    if card is None or found is None:
        return listed
    has_twin = sum(each.model == card.model for each in cards) > 1
    if has_twin and card.usb_port and found[2] == "0":
        return card.usb_port
    return f"hw:CARD={card.id},DEV={found[2]}"

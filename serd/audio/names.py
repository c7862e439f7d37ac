"""The rule for names of sources and alerts, which become parts of MQTT topics."""

from typing import Final

NAME_RULE: Final = 'letters, digits, "-", "_" and "."'
"""What a name consists of, for messages; it is not empty."""


def is_name(text: str) -> bool:
    """Whether a text is a name by ``NAME_RULE``."""
    return bool(text) and all(char.isalnum() or char in "-_." for char in text)

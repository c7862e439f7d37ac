"""What a person may change while the daemon runs: mute, threshold and cooldown of a source.

Values travel as plain text, as a switch and a number of Home Assistant write them.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from serd.errors import InputError

ON: Final = "ON"
OFF: Final = "OFF"
MAX_COOLDOWN_S: Final = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Controls:
    """The present values of one source."""

    mute: bool = False
    """Whether what the source hears is thrown away."""
    threshold: float = 0.35
    """Probability below which an emotion is "uncertain"; 0 to 1."""
    cooldown_s: float = 0.0
    """Least time between two published events of one kind and emotion, in seconds; 0 to 3600."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Control:
    field: str
    parse: Callable[[str], Any]
    show: Callable[[Any], str]


def _switch(text: str) -> bool:
    value = {ON: True, OFF: False}.get(text.strip().upper())
    if value is None:
        raise InputError(f"got {_short(text)}, expected {ON} or {OFF}")
    return value


def _number(least: float, most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text) if len(text) < 40 else math.nan
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise InputError(f"got {_short(text)}, expected a number from {least:g} to {most:g}")
        return value

    return parse


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}...")


_CONTROLS: Final[Mapping[str, _Control]] = {
    "mute": _Control(field="mute", parse=_switch, show=lambda value: ON if value else OFF),
    "threshold": _Control(field="threshold", parse=_number(0.0, 1.0), show="{:g}".format),
    "cooldown": _Control(field="cooldown_s", parse=_number(0.0, MAX_COOLDOWN_S), show="{:g}".format),
}
CONTROLS: Final = tuple(_CONTROLS)
"""Name of each control, as its topic has it."""


def control_texts(controls: Controls) -> dict[str, str]:
    """The text of each control's present value, by its name."""
    return {name: control.show(getattr(controls, control.field)) for name, control in _CONTROLS.items()}


def changed(controls: Controls, name: str, payload: bytes) -> Controls:
    """The controls with one of them set to what a message says.

    Args:
        controls: the present values.
        name: one of ``CONTROLS``.
        payload: the text, in UTF-8.

    Raises:
        InputError: no such control, or a value that it does not take.
    """
    control = _CONTROLS.get(name)
    if control is None:
        raise InputError(f"no control {_short(name)}, expected one of: {', '.join(CONTROLS)}")
    text = payload[:1000].decode("utf-8", errors="replace")
    return replace(controls, **{control.field: control.parse(text)})

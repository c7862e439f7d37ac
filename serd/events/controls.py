"""The controls of a source, which can be changed while the daemon runs: mute, threshold and cooldown.

Values are plain text, as Home Assistant's switches and numbers write them.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from serd.errors import InputError

ON: Final = "ON"
OFF: Final = "OFF"
MUTE: Final = "mute"
MAX_COOLDOWN_S: Final = 3600.0
"""Longest cooldown, in seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Controls:
    """The values of one source's controls."""

    mute: bool = False
    """Whether the source's sound is discarded."""
    threshold: float = 0.0
    """Probability below which an emotion is "uncertain", 0 to 1; 0 for the thresholds of the model."""
    cooldown_s: float = 0.0
    """Minimum time between two published events of one kind and emotion, in seconds; 0 to 3600."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Control:
    field: str
    parse: Callable[[str], Any]
    format: Callable[[Any], str]


def _switch(text: str) -> bool:
    value = {ON: True, OFF: False}.get(text.strip().upper())
    if value is None:
        raise InputError(f"got {_shortened(text)}, expected {ON} or {OFF}")
    return value


def _number(minimum: float, maximum: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text) if len(text) < 40 else math.nan
        except ValueError:
            value = math.nan
        if not minimum <= value <= maximum:
            raise InputError(
                f"got {_shortened(text)}, expected a number from {minimum:g} to {maximum:g}"
            )
        return value

    return parse


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}...")


_CONTROLS: Final[Mapping[str, _Control]] = {
    MUTE: _Control(field="mute", parse=_switch, format=lambda value: ON if value else OFF),
    "threshold": _Control(field="threshold", parse=_number(0.0, 1.0), format="{:g}".format),
    "cooldown": _Control(field="cooldown_s", parse=_number(0.0, MAX_COOLDOWN_S), format="{:g}".format),
}
CONTROLS: Final = tuple(_CONTROLS)
"""Name of each control, as in its topic."""


def control_texts(controls: Controls) -> dict[str, str]:
    """Return the value of each control as text, by its name."""
    return {
        name: control.format(getattr(controls, control.field)) for name, control in _CONTROLS.items()
    }


def with_control(controls: Controls, name: str, payload: bytes) -> Controls:
    """Return the controls with one of them set to the value in a message.

    Args:
        controls: the current values.
        name: one of ``CONTROLS``.
        payload: the text, in UTF-8.

    Raises:
        InputError: the control does not exist, or does not accept the value.
    """
    control = _CONTROLS.get(name)
    if control is None:
        raise InputError(f"no control {_shortened(name)}, expected one of: {', '.join(CONTROLS)}")
    text = payload[:1000].decode("utf-8", errors="replace")
    return replace(controls, **{control.field: control.parse(text)})

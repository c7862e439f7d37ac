"""A single setting: from text or TOML to a field's type, and back to text."""

import json
import math
from dataclasses import fields
from typing import Any, Final

from serd.errors import SettingsError

SECRET_MASK: Final = "********"  # noqa: S105

_TYPE_NAMES: Final = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
_BOOLEANS: Final = dict.fromkeys(("1", "true", "yes", "on"), True) | dict.fromkeys(
    ("0", "false", "no", "off"), False
)


def parse(text: str, hint: type, where: str) -> object:
    """A value from the text of an environment variable.

    Args:
        text: what the variable holds.
        hint: bool, int, float or str.
        where: for the message.

    Raises:
        SettingsError: the text stands for no such value.
    """
    try:
        if hint is bool:
            return _BOOLEANS[text.strip().lower()]
        return hint(text)
    except (ValueError, KeyError) as exc:
        raise SettingsError(f"{where} = {text!r}, expected {_TYPE_NAMES[hint]}") from exc


def checked(value: object, hint: type, where: str, *, is_secret: bool = False) -> object:
    """A value that TOML, the environment or the command line gave, if it is of the field's type.

    Args:
        value: what was given; a whole number will do for a float.
        hint: bool, int, float or str.
        where: for the message.
        is_secret: whether the message must not hold the value.

    Raises:
        SettingsError: it is of another type, or no finite number.
    """
    if hint is float and type(value) is int:
        value = float(value)
    if type(value) is not hint or (isinstance(value, float) and not math.isfinite(value)):
        shown = SECRET_MASK if is_secret else repr(value)
        raise SettingsError(f"{where} = {shown}, expected {_TYPE_NAMES[hint]}")
    return value


def secret_keys(cls: type[Any]) -> frozenset[str]:
    """Names of the fields that are shown to nobody."""
    return frozenset(item.name for item in fields(cls) if item.metadata.get("secret"))


def as_toml(table: Any, key: str) -> str:  # noqa: ANN401
    """A setting as TOML has it; one that is secret is masked, unless it is empty.

    Args:
        table: settings of one section, a dataclass.
        key: name of a field.
    """
    value = getattr(table, key)
    is_masked = value and key in secret_keys(type(table))
    return json.dumps(SECRET_MASK if is_masked else value, ensure_ascii=False)

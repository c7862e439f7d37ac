"""Conversion of settings tables from TOML to dataclasses.

Every error names the origin, the key, the value and the expected value.
"""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Final, get_type_hints

from serd.errors import SettingsError
from serd.settings.values import as_toml, checked, formed, forms, secret_keys, shown

_MAX_FILE_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Given:
    """An unchecked value with its origin."""

    value: object
    """The value."""
    where: str
    """Origin, for messages: "serd.toml: [mqtt] port", "environment SERD_MQTT_PORT"."""
    origin: str = ""
    """Where it comes from: the path of a file, "environment SERD_MQTT_PORT" or "command line"."""


def read_toml(path: Path) -> dict[str, Any]:
    """Read the tables of a TOML file, in UTF-8 with or without a byte order mark.

    Raises:
        SettingsError: the file cannot be read, is not TOML or is larger than 1 MB.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
        if len(content) > _MAX_FILE_BYTES:
            raise SettingsError(f"{path}: larger than {_MAX_FILE_BYTES} bytes, too large for settings")
        return tomllib.loads(content.decode("utf-8-sig"))
    except FileNotFoundError as exc:
        raise SettingsError(f"{path}: no such settings file") from exc
    except OSError as exc:
        raise SettingsError(f"{path}: cannot be read: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{path}: invalid TOML: {exc}") from exc
    except (ValueError, RecursionError) as exc:
        raise SettingsError(f"{path}: a number has too many digits, or a list too many levels") from exc


def given_table(cls: type[Any], table: object, path: Path, section: str) -> dict[str, Given]:
    """The values of a table by key, each with its origin.

    Args:
        cls: the dataclass of the table.
        table: the value of the section in TOML.
        path: the file of the table.
        section: name of the section.

    Raises:
        SettingsError: the value is no table, or a key is unknown.
    """
    if not isinstance(table, dict):
        kind = "a list" if isinstance(table, list) else "a single value"
        raise SettingsError(f"{path}: {section} is {kind}, expected a table [{section}]")
    for key in table:
        check_key(cls, key, f"{path}: unknown key [{section}] {key}")
    return {key: Given(value, f"{path}: [{section}] {key}", str(path)) for key, value in table.items()}


def build(cls: type[Any], given: Mapping[str, Given]) -> Any:  # noqa: ANN401
    """Create a dataclass from values, and check them.

    Args:
        cls: the dataclass; it may have a method ``problems``, which yields (key, expected value) for
            each wrong value.
        given: the values by key; other fields have their defaults.

    Raises:
        SettingsError: a value has a wrong type or form, is out of bounds or is a problem.
    """
    hints = get_type_hints(cls, include_extras=True)
    secret = secret_keys(cls)
    values: dict[str, Any] = {
        key: item.value
        if is_dataclass(hints[key])
        else checked(item.value, hints[key], item.where, is_secret=key in secret)
        for key, item in given.items()
    }
    for key, form in forms(cls).items():
        if key in values:
            values[key] = formed(values[key], form, given[key].where)
    built = cls(**values)
    for key, expected in built.problems() if hasattr(built, "problems") else ():
        where = given[key].where if key in given else f"default of {key}"
        raise SettingsError(f"{where} = {shown(as_toml(built, key))}, expected {expected}")
    return built


def check_key(cls: type[Any], key: str, message: str) -> None:
    """Refuse a key that is no field of the dataclass.

    Raises:
        SettingsError: the key is unknown; the message ends with a suggestion.
    """
    names = [item.name for item in fields(cls)]
    if key not in names:
        raise SettingsError(f"{message}{suggestion(key, names)}")


def suggestion(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the closest known name, or all of them."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f", expected one of: {', '.join(names)}"

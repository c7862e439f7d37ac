"""The tables of the page's file: how a change is made in them, and their text."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from serd.errors import SettingsError
from serd.publishers.editing import SettingChange
from serd.settings.files import ALERT, SEVERAL, SOURCE, Tables
from serd.settings.form import is_masked
from serd.settings.loader import section_classes
from serd.settings.tables import Given, check_key, suggestion
from serd.settings.values import secret_keys

_HEAD: Final = (
    "# Written by the page of serd. These values win over those of serd.toml and conf.d. Remove a\n"
    "# line, or this file, and reload serd to return to those.\n"
)

Own = dict[str, list[dict[str, Any]]]
"""The tables of the page's file by section."""


def own_tables(body: Mapping[str, Any]) -> Own:
    """The tables of the page's file, of which a person may have changed the form.

    Raises:
        SettingsError: a section is no table.
    """
    own = {section: item if isinstance(item, list) else [item] for section, item in body.items()}
    for section, tables in own.items():
        if not all(isinstance(each, dict) for each in tables):
            raise SettingsError(f"{section} of the page is no table, expected [{section}]")
    return own


def apply(change: SettingChange, own: Own, others: Tables) -> None:
    """Change the tables of the page's file.

    Raises:
        SettingsError: there is no such setting, or it cannot be changed on the page.
    """
    section, key, where = change.section, change.key, f"[{change.section}] {change.key}"
    classes = section_classes()
    if section not in classes:
        raise SettingsError(f"unknown section [{section[:40]}]{suggestion(section, classes)}")
    tables = own.setdefault(section, [])
    if not key:
        tables[:] = [each for each in tables if _name(each, section) != change.name]
        return
    check_key(classes[section], key, f"unknown key {where[:100]}")
    if key in secret_keys(classes[section]):
        raise SettingsError(f"{where} is a secret, which the page neither shows nor changes")
    if section in SEVERAL and key == "name":
        raise SettingsError(f"{where} cannot be changed on the page")
    if change.value is not None and not isinstance(change.value, bool | int | float | str):
        raise SettingsError(f"{where}: expected true or false, a number or a text")
    if is_masked(change.value):
        raise SettingsError(f"{where} has a masked secret in it: type the whole address")
    if section == SOURCE and change.name not in _names(others, section):
        raise SettingsError(f"no source {change.name[:40]!r} in the settings file")
    table = next((each for each in tables if _name(each, section) == change.name), None)
    if table is None:
        table = {"name": change.name} if section in SEVERAL else {}
        tables.append(table)
    table.pop(key, None)
    if change.value is not None:
        table[key] = change.value


def needed(own: Own, others: Tables) -> Own:
    """The tables of the page's file without values that are the same in the other files."""
    needed: Own = {}
    for section, tables in own.items():
        for table in tables:
            name = _name(table, section)
            base = _values_of(section, name, others)
            rest = table if base is None else _differing(table, base)
            if base is None or set(rest) - {"name"}:
                has_name = section in SEVERAL
                needed.setdefault(section, []).append({"name": name, **rest} if has_name else rest)
    return needed


def _differing(table: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value
        for key, value in table.items()
        if key == "name" or key not in base or base[key] != value
    }


def _values_of(section: str, name: str, others: Tables) -> dict[str, Any] | None:
    """The values of a table in the other files, or its defaults; None if it is on the page alone."""
    cls = section_classes()[section]
    tables = others.get(section) or ([] if section == ALERT else [{}])
    for table in tables:
        values: dict[str, Any] = {key: item.value for key, item in table.items()}
        if section not in SEVERAL or _name(values, section) == name:
            return {item.name: item.default for item in fields(cls)} | values
    return None


def _names(others: Tables, section: str) -> list[str]:
    tables: Sequence[Mapping[str, Given]] = others.get(section) or [{}]
    return [_name({key: item.value for key, item in each.items()}, section) for each in tables]


def _name(table: Mapping[str, Any], section: str) -> str:
    """The name of a table where there may be several; else empty."""
    if section not in SEVERAL:
        return ""
    default = next(each.default for each in fields(section_classes()[section]) if each.name == "name")
    return str(table.get("name", default))


def as_file(own: Own) -> str:
    """The content of the page's file.

    Raises:
        SettingsError: TOML cannot express a value.
    """
    lines = [_HEAD]
    for section, tables in own.items():
        for table in tables:
            lines.append(f"[[{section}]]" if section in SEVERAL else f"[{section}]")
            for key, value in table.items():
                # JSON and TOML write all values alike but this character.
                text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
                lines.append(f"{key} = {text}")
            lines.append("")
    text = "\n".join(lines)
    try:
        tomllib.loads(text)
    except ValueError as exc:
        raise SettingsError(f"a value cannot be written as TOML: {exc}") from exc
    return text

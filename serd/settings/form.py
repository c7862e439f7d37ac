"""Settings as a form: descriptions, kinds and values as JSON, and the difference between two."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from serd.events.schema import field_docs
from serd.settings.files import ALERT, SEVERAL, Tables
from serd.settings.loader import Settings, section_classes
from serd.settings.template import tables_of
from serd.settings.values import SECRET_MASK, as_toml, secret_keys, unwrapped

_KINDS: Final = {bool: "switch", int: "integer", float: "number", str: "text"}
_OUTSIDE: Final = ("environment", "command line")


def form(settings: Settings, given: Tables, page: str) -> list[dict[str, Any]]:
    """The sections of the form, one for each table, and an empty one for a new alert.

    Args:
        settings: the settings.
        given: what they were made of.
        page: path of the file of the page.
    """
    sections: list[dict[str, Any]] = []
    for section, cls in section_classes().items():
        tables, _ = tables_of(settings, section)
        rows = [(table, origins) for table, origins in zip(tables, given[section], strict=True)]
        if section == ALERT:
            rows.append((cls(), {}))
        for number, (table, origins) in enumerate(rows):
            origin_of = {key: item.origin for key, item in origins.items()}
            sections.append(
                {
                    "section": section,
                    "name": table.name if section in SEVERAL else "",
                    "is_new": section == ALERT and number == len(rows) - 1,
                    "is_own": section == ALERT and _is_all_of(page, origin_of),
                    "about": (cls.__doc__ or "").splitlines()[0],
                    "fields": list(_fields(table, origin_of, page, has_name=section in SEVERAL)),
                }
            )
    return sections


def _is_all_of(page: str, origin_of: dict[str, str]) -> bool:
    """Whether every value of a table is in the file of the page."""
    return bool(origin_of) and set(origin_of.values()) == {page}


def _fields(
    table: Any,  # noqa: ANN401
    origin_of: dict[str, str],
    page: str,
    *,
    has_name: bool,
) -> Iterator[dict[str, Any]]:
    cls = type(table)
    docs, hints = field_docs(cls), get_type_hints(cls, include_extras=True)
    for item in fields(cls):
        hint, bounds = unwrapped(hints[item.name])
        is_choice = get_origin(hint) is Literal
        is_secret = item.name in secret_keys(cls)
        origin = origin_of.get(item.name, "")
        kind = "secret" if is_secret else "choice" if is_choice else _KINDS.get(hint, "other")
        yield {
            "key": item.name,
            "kind": kind,
            "about": docs[item.name],
            "choices": list(get_args(hint)) if is_choice else [],
            "minimum": None if bounds is None else bounds.minimum,
            "value": json.loads(as_toml(table, item.name)),
            "origin": origin,
            "is_own": origin == page,
            "is_fixed": kind in {"secret", "other"}
            or origin.startswith(_OUTSIDE)
            or (has_name and item.name == "name"),
        }


def difference(before: Settings, after: Settings) -> list[str]:
    """What changes, as lines of TOML that begin with a space, "-" or "+"; secrets are masked."""
    lines: list[str] = []
    for section in section_classes():
        old, new = (_by_name(settings, section) for settings in (before, after))
        for name in dict.fromkeys((*old, *new)):
            changed = list(_changed(old.get(name), new.get(name)))
            if changed:
                sign = " " if name in old and name in new else "-" if name in old else "+"
                header = f"[[{section}]]" if section in SEVERAL else f"[{section}]"
                own_name = [f'{sign}name = "{name}"'] if section in SEVERAL and sign == " " else []
                lines += [f"{sign}{header}", *own_name, *changed]
    return lines


def _by_name(settings: Settings, section: str) -> dict[str, Any]:
    tables: Sequence[Any] = tables_of(settings, section)[0]
    return {table.name if section in SEVERAL else "": table for table in tables}


def _changed(old: Any, new: Any) -> Iterator[str]:  # noqa: ANN401
    """Yield the lines of the fields that differ; of a table that is added or removed all fields."""
    for item in fields(old if new is None else new):
        values = [None if table is None else getattr(table, item.name) for table in (old, new)]
        if values[0] == values[1] and old is not None and new is not None:
            continue
        for sign, table in (("-", old), ("+", new)):
            if table is not None:
                yield f"{sign}{item.name} = {as_toml(table, item.name)}"


def is_masked(value: object) -> bool:
    """Whether a text holds the mask of a secret, and so is not what it stands for."""
    return isinstance(value, str) and SECRET_MASK in value

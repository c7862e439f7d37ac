"""The text of settings files: a template with every key, and the settings in force."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from serd.events.schema import field_docs
from serd.settings.files import ALERT, SEVERAL, SOURCE, Tables
from serd.settings.loader import Settings, section_classes
from serd.settings.values import as_toml

FOR_A_SERVICE: Final[Mapping[str, Mapping[str, object]]] = {
    "history": {"enabled": True},
    "web": {"enabled": True},
}
"""Values that a service has instead of the defaults, by section and key."""


def settings_template(values: Mapping[str, Mapping[str, object]] | None = None) -> str:
    """A settings file with every key and its description.

    Args:
        values: by section and key, the values that are set; the other keys are commented out and have
            their defaults.
    """
    values = values or {}
    parts = ["# Settings of serd. Every key is shown with its default; remove the # to change it."]
    for section, cls in section_classes().items():
        about = (cls.__doc__ or "").splitlines()[0]
        docs = field_docs(cls)
        given = values.get(section, {})
        table = cls(**given)
        several = f" For several, write [[{section}]] above each." if section in SEVERAL else ""
        header = f"#[[{section}]]" if section == ALERT else f"[{section}]"
        lines = ["", f"# {about}{several}", header]
        for item in fields(cls):
            lines += textwrap.wrap(docs[item.name], 96, initial_indent="# ", subsequent_indent="# ")
            sign = "" if item.name in given else "#"
            lines.append(f"{sign}{item.name} = {as_toml(table, item.name)}")
        parts += lines
    return "\n".join(parts) + "\n"


def settings_as_toml(settings: Settings, given: Tables | None = None) -> str:
    """The settings in force, as a settings file; secrets are masked.

    Args:
        settings: the settings.
        given: what they were made of, to write beside each value where it comes from; the others are
            defaults.
    """
    lines: list[str] = []
    for section in section_classes():
        tables, header = tables_of(settings, section)
        origins = given[section] if given else [{}] * len(tables)
        for table, its_origins in zip(tables, origins, strict=True):
            lines += ["", header]
            for item in fields(table):
                line = f"{item.name} = {as_toml(table, item.name)}"
                origin = its_origins[item.name].origin if item.name in its_origins else ""
                lines.append(f"{line:<39} # {origin}" if origin else line)
    return "\n".join(lines[1:]) + "\n"


def tables_of(settings: Settings, section: str) -> tuple[Sequence[Any], str]:
    """The tables of a section, and the header of each."""
    if section == SOURCE:
        header = f"[[{section}]]" if len(settings.sources) > 1 else f"[{section}]"
        return settings.sources, header
    if section == ALERT:
        return settings.alerts, f"[[{section}]]"
    table = settings.publishers.get(section) or getattr(settings, section)
    return [table], f"[{section}]"

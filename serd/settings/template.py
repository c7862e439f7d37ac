"""The text of settings files: a template with every key, and the settings in force."""

import textwrap
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from serd.events.schema import field_docs
from serd.settings.loader import ALERT, SEVERAL, SOURCE, Settings, section_classes
from serd.settings.values import as_toml


def settings_template() -> str:
    """A settings file in which every key, with its description and default, is commented out."""
    parts = ["# Settings of serd. Every key is shown with its default; remove the # to change it."]
    for section, cls in section_classes().items():
        about = (cls.__doc__ or "").splitlines()[0]
        docs = field_docs(cls)
        default = cls()
        several = f" For several, write [[{section}]] above each." if section in SEVERAL else ""
        header = f"#[[{section}]]" if section == ALERT else f"[{section}]"
        lines = ["", f"# {about}{several}", header]
        for item in fields(cls):
            lines += textwrap.wrap(docs[item.name], 96, initial_indent="# ", subsequent_indent="# ")
            lines.append(f"#{item.name} = {as_toml(default, item.name)}")
        parts += lines
    return "\n".join(parts) + "\n"


def settings_as_toml(settings: Settings) -> str:
    """The settings in force, as a settings file; secrets are masked."""
    lines: list[str] = []
    for section in section_classes():
        tables, header = _tables(settings, section)
        for table in tables:
            lines += ["", header]
            lines += [f"{item.name} = {as_toml(table, item.name)}" for item in fields(table)]
    return "\n".join(lines[1:]) + "\n"


def _tables(settings: Settings, section: str) -> tuple[Sequence[Any], str]:
    """The tables of a section, and the headerer of each."""
    if section == SOURCE:
        header = f"[[{section}]]" if len(settings.sources) > 1 else f"[{section}]"
        return settings.sources, header
    if section == ALERT:
        return settings.alerts, f"[[{section}]]"
    table = settings.publishers.get(section) or getattr(settings, section)
    return [table], f"[{section}]"

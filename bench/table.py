"""Sections of a report, drawn on a terminal or written as Markdown from the same data."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table as RichTable


@dataclass(frozen=True, kw_only=True)
class Table:
    """Texts in rows and columns; the first column is aligned to the left, the others to the right."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Section:
    """One heading with what stands under it."""

    title: str
    about: str = ""
    """A paragraph ahead of the tables."""
    tables: Sequence[Table] = field(default_factory=tuple)
    notes: Sequence[str] = field(default_factory=tuple)
    """Lines behind the tables: who was left out, and why."""


def to_markdown(section: Section) -> str:
    """A section of a page."""
    parts = [f"## {section.title}"]
    if section.about:
        parts.append(_filled(section.about))
    parts += [_markdown_table(table) for table in section.tables]
    if section.notes:
        parts.append("\n".join(_filled(f"- {note}", "  ") for note in section.notes))
    return "\n\n".join(parts) + "\n"


def draw(section: Section, console: Console) -> None:
    """Show a section on a terminal."""
    console.print()
    console.rule(section.title, align="left")
    if section.about:
        console.print(section.about, style="dim", highlight=False)
    for table in section.tables:
        drawn = RichTable(box=None, pad_edge=False, header_style="bold")
        for number, name in enumerate(table.head):
            drawn.add_column(name, justify="right" if number else "left")
        for row in table.rows:
            drawn.add_row(*row)
        console.print(drawn)
    for note in section.notes:
        console.print(f"- {note}", style="dim", highlight=False, markup=False)


def _filled(text: str, indent: str = "") -> str:
    return textwrap.fill(text, 105, subsequent_indent=indent, break_on_hyphens=False)


def _markdown_table(table: Table) -> str:
    rules = ("---", *["---:"] * (len(table.head) - 1))
    return "\n".join(f"| {' | '.join(row)} |" for row in (table.head, rules, *table.rows))

"""Sections of the report and the numbers in them, drawn on a terminal or written as Markdown."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable


@dataclass(frozen=True, kw_only=True)
class Table:
    """Texts in rows and columns; the first column is aligned to the left, the others to the right."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading with text, tables and notes."""

    title: str
    about: str = ""
    """A paragraph ahead of the tables."""
    tables: Sequence[Table] = field(default_factory=tuple)
    notes: Sequence[str] = field(default_factory=tuple)
    """Lines after the tables."""


def rounded(value: float) -> str:
    """Three significant digits, and no more decimals than that."""
    if value == 0.0:
        return "0"
    magnitude = abs(value)
    if magnitude >= 100.0:
        return f"{value:,.0f}"
    if magnitude >= 10.0:
        return f"{value:.1f}"
    return f"{value:.2f}" if magnitude >= 1.0 else f"{value:.3g}"


def with_quartiles(summary: Mapping[str, float]) -> str:
    """The median and the quartiles: "0.52 (0.50-0.55)"; the value alone if it was measured once."""
    if summary["n"] < 2:
        return rounded(summary["median"])
    return f"{rounded(summary['median'])} ({rounded(summary['lower'])}–{rounded(summary['upper'])})"  # noqa: RUF001


def left_out(measurements: Mapping[str, Any], titles: Mapping[str, str] | None = None) -> list[str]:
    """A note for each candidate that could not run.

    Args:
        measurements: of a part.
        titles: titles of the candidates; a name that is not in it stands for itself.
    """
    return [
        f"Left out, {(titles or {}).get(name, name)}: {reason}."
        for name, reason in measurements.get("left_out", {}).items()
    ]


def to_markdown(section: Section) -> str:
    """The section as Markdown."""
    parts = [f"## {section.title}"]
    if section.about:
        parts.append(_filled(section.about))
    parts += [_markdown_table(table) for table in section.tables]
    if section.notes:
        parts.append("\n".join(_filled(f"- {note}", "  ") for note in section.notes))
    return "\n\n".join(parts) + "\n"


def draw(section: Section, console: Console) -> None:
    """Draw the section on a terminal."""
    console.print()
    console.rule(section.title, align="left")
    if section.about:
        console.print(section.about, style="dim", highlight=False, markup=False)
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

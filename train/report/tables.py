"""Tables of texts: in Markdown and on the terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Texts in rows and columns."""

    columns: tuple[str, ...]
    """Names of the columns."""
    rows: tuple[tuple[str, ...], ...]
    """The rows."""


def markdown(table: Table) -> str:
    """A table in Markdown, numbers to the right, without a final newline."""
    rows = [[cell.replace("|", "\\|") for cell in row] for row in table.rows]
    right = [
        bool(rows) and all(not row[n] or row[n][0] in "0123456789-+" for row in rows)
        for n in range(len(table.columns))
    ]
    lines = [table.columns, ["---:" if each else "---" for each in right], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def mean_std(each: Mapping[str, Any]) -> str:
    """A mean with its standard deviation, if it has one."""
    mean, std = each["mean"], each["std"]
    return f"{mean:.3f}" if std is None else f"{mean:.3f} ± {std:.3f}"


def points(each: Mapping[str, Any]) -> str:
    """A signed difference of shares in points with its standard deviation, if it has one."""
    mean, std = 100 * each["mean"], each["std"]
    return f"{mean:+z.1f}" if std is None else f"{mean:+z.1f} ± {100 * std:.1f}"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown from its columns and rows."""
    return markdown(Table(columns=tuple(columns), rows=tuple(map(tuple, rows))))


def print_table(table: Table) -> None:
    """Print a table; a pipe gets it in full width."""
    shown = RichTable(box=None, pad_edge=False)
    for number, column in enumerate(table.columns):
        cells = [row[number] for row in table.rows]
        is_number = any(cells) and all(not cell or cell[0] in "0123456789-+" for cell in cells)
        shown.add_column(column, justify="right" if is_number else "left", overflow="fold")
    for row in table.rows:
        shown.add_row(*row)
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    console.print(shown, highlight=False)

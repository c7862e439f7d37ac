"""Tables of texts, and how a page in Markdown has them."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Texts in rows and columns."""

    columns: tuple[str, ...]
    """Names of the columns."""
    rows: tuple[tuple[str, ...], ...]
    """The rows."""


def markdown(table: Table) -> str:
    """A table as Markdown, numbers to the right; no newline behind it."""
    rows = [[cell.replace("|", "\\|") for cell in row] for row in table.rows]
    right = [
        bool(rows) and all(not row[n] or row[n][0] in "0123456789-+" for row in rows)
        for n in range(len(table.columns))
    ]
    lines = [table.columns, ["---:" if each else "---" for each in right], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

"""Tables on the terminal."""

from rich.console import Console
from rich.table import Table as RichTable

from train.tables import Table


def print_table(table: Table) -> None:
    """Print a table; in a pipe as wide as it needs to be."""
    shown = RichTable(box=None, pad_edge=False)
    for number, column in enumerate(table.columns):
        cells = [row[number] for row in table.rows]
        is_number = all(not cell or cell[0].isdigit() for cell in cells) and any(cells)
        shown.add_column(column, justify="right" if is_number else "left", overflow="fold")
    for row in table.rows:
        shown.add_row(*row)
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    console.print(shown, highlight=False)

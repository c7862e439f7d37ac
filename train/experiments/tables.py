"""Runs beside each other: what a table says of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Texts in rows and columns."""

    columns: tuple[str, ...]
    """Names of the columns."""
    rows: tuple[tuple[str, ...], ...]
    """The rows."""


def comparison(names: Sequence[str], runs: Sequence[Mapping[str, Any]]) -> Table:
    """UAR, accuracy, macro F1, parameters, size, seconds and epochs of runs.

    Args:
        names: what each run is called.
        runs: their metrics.
    """
    columns = (
        "run",
        "test actors",
        "clips",
        "UAR",
        "accuracy",
        "macro F1",
        "parameters",
        "size",
        "seconds",
        "epochs",
        "notes",
    )
    return Table(
        columns=columns,
        rows=tuple(_row(name, run) for name, run in zip(names, runs, strict=True)),
    )


def _row(name: str, run: Mapping[str, Any]) -> tuple[str, ...]:
    test = run["test"]
    return (
        name,
        run["split"]["test_actors"],
        str(test["n_clips"]),
        f"{test['uar']:.3f}",
        f"{test['accuracy']:.3f}",
        f"{test['macro_f1']:.3f}",
        f"{run['parameters']:,}",
        f"{run['size_bytes'] / 1e6:.2f} MB",
        f"{run['seconds']:,.0f}",
        str(run["epochs"]),
        "; ".join([*run["notes"], *run["shortened"]]),
    )


def markdown(table: Table) -> str:
    """A table as Markdown, numbers to the right."""
    rows = [[cell.replace("|", "\\|") for cell in row] for row in table.rows]
    right = [
        bool(rows) and all(not row[n] or row[n][0] in "0123456789-+" for row in rows)
        for n in range(len(table.columns))
    ]
    lines = [table.columns, ["---:" if each else "---" for each in right], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"

"""How a model's page writes figures and tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from train.tables import Table, markdown


def figure(each: Mapping[str, Any]) -> str:
    """A mean, and its deviation where there is one."""
    mean, std = each["mean"], each["std"]
    return f"{mean:.3f}" if std is None else f"{mean:.3f} ± {std:.3f}"


def points(each: Mapping[str, Any]) -> str:
    """A difference of shares in points, with its sign, and its deviation where there is one."""
    mean, std = 100 * each["mean"], each["std"]
    return f"{mean:+z.1f}" if std is None else f"{mean:+z.1f} ± {100 * std:.1f}"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; every row has a cell for each column."""
    return markdown(Table(columns=tuple(columns), rows=tuple(map(tuple, rows))))

"""Figures over runs, and the file in which they lie.

TensorFlow is not imported here, nor in what writes a page from such files.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from serd.errors import InputError
from train.files import read_json

SCHEMA: Final = 2
"""Version of the layout of the file."""

Facts = dict[str, Any]


def read_summary(path: Path) -> Facts:
    """Figures that ``assess`` wrote.

    Raises:
        InputError: the file cannot be read or holds something else.
    """
    body = read_json(path)
    if body.get("schema") != SCHEMA or "uar" not in body:
        raise InputError(f"{path}: no figures of schema {SCHEMA}; expected what `assess --out` wrote")
    return body


def spread(values: Sequence[float]) -> Facts:
    """Over runs: "mean", and "std" with n - 1, None for a single value."""
    std = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {
        "mean": round(float(np.mean(values)), 4),
        "std": None if std is None else round(std, 4),
    }

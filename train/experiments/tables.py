"""Runs beside each other: what a table says of each."""

from collections.abc import Mapping, Sequence
from typing import Any

from train.tables import Table


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

"""Records of finished runs, from the folders that they left and from the file beside the page."""

import json
from pathlib import Path
from typing import Final

from serd.errors import InputError
from train.article.loading import base_of
from train.article.run_folder import SETTINGS, finished_runs
from train.data.files import read_json, write_whole
from train.report.run_record import RunRecord, sampled

EXPERIMENTS: Final = "experiments"
"""The key of a file of records."""


def folder_records(folder: Path) -> dict[str, RunRecord]:
    """The finished runs in a folder, by name.

    Raises:
        InputError: there is no finished run in it, or one cannot be read.
    """
    records = {}
    for run in finished_runs(folder):
        metrics = run.metrics()
        records[run.name] = RunRecord(
            metrics=metrics,
            settings=read_json(run.path / SETTINGS),
            base=base_of(metrics["name"]),
            curves=sampled(run.history()),
        )
    if not records:
        raise InputError(
            f"{folder}: no finished run in it, expected what `train experiments` left there"
        )
    return records


def stored_records(path: Path) -> dict[str, RunRecord]:
    """The runs in a file of records, by name.

    Raises:
        InputError: it cannot be read, or holds none.
    """
    runs = read_json(path).get(EXPERIMENTS)
    if not isinstance(runs, dict) or not runs:
        raise InputError(f"{path}: no records of runs")
    return {name: RunRecord.from_json(body, f"{path}: {name}") for name, body in runs.items()}


def store_records(path: Path, records: dict[str, RunRecord]) -> None:
    """Write a file of records, a line for each run.

    Raises:
        OperationError: it cannot be written.
    """
    lines = [f"{json.dumps(name)}: {json.dumps(records[name].to_json())}" for name in sorted(records)]
    body = ",\n".join(lines)
    write_whole(path, f'{{"{EXPERIMENTS}": {{\n{body}\n}}}}\n'.encode())

"""``python -m train report``: the experiments as a document."""

import argparse
from pathlib import Path

from serd.errors import InputError
from train.article.loading import base_of, experiment_names
from train.article.run_folder import SETTINGS, finished_runs
from train.cli.options import check_writable
from train.data.files import read_json, write_whole
from train.report.experiments_page import RunRecord, experiments_page


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "report",
        help="write docs/experiments.md from runs",
        description="Write a document on finished runs beside what the article says.",
    )
    add = parser.add_argument
    runs = Path("runs/experiments")
    add("runs", type=Path, nargs="?", default=runs, metavar="RUNS", help=f"(default: {runs})")
    add("--out", type=Path, default=Path("docs/experiments.md"), help="the file to write")
    parser.set_defaults(command=report_command)


def report_command(options: argparse.Namespace) -> int:
    """Write the document."""
    text = experiments_page(experiment_records(options.runs), experiment_names())
    check_writable(options.out.absolute().parent)
    write_whole(options.out, text.encode())
    print(f"wrote {options.out}")
    return 0


def experiment_records(folder: Path) -> dict[str, RunRecord]:
    """The finished runs in a folder, by name.

    Raises:
        InputError: there is no finished run in it, or one cannot be read.
    """
    records = {
        run.name: RunRecord(
            metrics=run.metrics(),
            settings=read_json(run.path / SETTINGS),
            base=base_of(str(run.metrics()["name"])),
        )
        for run in finished_runs(folder)
    }
    if not records:
        raise InputError(
            f"{folder}: no finished run in it, expected what `train experiments` left there"
        )
    return records

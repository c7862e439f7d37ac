"""``python -m train compare``: runs in one table."""

import argparse
from pathlib import Path

from train.article.run_folder import RunFolder, finished_runs
from train.report.experiments_page import comparison
from train.report.tables import print_table


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "compare",
        help="compare runs in one table",
        description="Print UAR, accuracy, macro F1, parameters, size, seconds and epochs of runs.",
    )
    parser.add_argument(
        "runs", type=Path, nargs="+", metavar="RUN", help="a run's folder, or a folder of runs"
    )
    parser.set_defaults(command=compare_command)


def compare_command(options: argparse.Namespace) -> int:
    """Print the table."""
    runs: list[RunFolder] = []
    for path in options.runs:
        run = RunFolder(path=path.absolute())
        runs += [run] if run.is_finished else list(finished_runs(path.absolute())) or [run]
    figures = [run.metrics() for run in runs]
    print_table(comparison([run.name for run in runs], figures))
    return 0

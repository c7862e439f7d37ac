"""``python -m train report``: the experiments as a document."""

import argparse
from pathlib import Path

from train.cli.options import check_writable
from train.experiments.report import write_report
from train.files import write_whole


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
    text = write_report(options.runs)
    check_writable(options.out.absolute().parent)
    write_whole(options.out, text.encode())
    print(f"wrote {options.out}")
    return 0

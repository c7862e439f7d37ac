"""The command line of training; exit codes: 0 success, 1 failure, 2 wrong use or input."""

import argparse
import sys
from collections.abc import Sequence
from typing import Final

from serd.errors import SerdError
from serd.publishers.terminal import accept_all_characters
from train.cli import ablate, compare, data, evaluate, experiments, explore, export, fit, report

_COMMANDS: Final = (data, explore, fit, evaluate, compare, export, experiments, ablate, report)
_RENAMED: Final = {
    "assess": "evaluate RUN... ROOT --noise FOLDER",
    "crossval": "experiments --run NAME ROOT --protocol PROTOCOL --seeds N",
    "describe": "report METRICS.json",
}
"""Commands that are part of another one now."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in _RENAMED:
        print(f"train: {words[0]} is now: python -m train {_RENAMED[words[0]]}", file=sys.stderr)
        return 2
    accept_all_characters(sys.stdout)
    options = _parser().parse_args(words)
    try:
        code: int = options.command(options)
    except SerdError as exc:
        print(f"train: {exc}", file=sys.stderr)
        return exc.exit_code
    except KeyboardInterrupt:
        print("train: interrupted; what is finished is kept", file=sys.stderr)
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m train", description="Train and evaluate models for serd."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in _COMMANDS:
        module.add_parser(commands)
    return parser

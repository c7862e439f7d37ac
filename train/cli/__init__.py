"""The command line of training. Exit codes are those of serd: 0 fine, 1 failed, 2 wrong use or input."""

import argparse
import sys
from collections.abc import Sequence

from serd.errors import SerdError
from train.cli import (
    ablate,
    assess,
    compare,
    crossval,
    data,
    describe,
    evaluate,
    experiments,
    explore,
    export,
    fit,
    report,
)

_COMMANDS = (
    data,
    explore,
    fit,
    evaluate,
    export,
    experiments,
    compare,
    report,
    crossval,
    assess,
    ablate,
    describe,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    options = _parser().parse_args(argv)
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
        prog="python -m train", description="Make and judge models for serd."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in _COMMANDS:
        module.add_parser(commands)
    return parser

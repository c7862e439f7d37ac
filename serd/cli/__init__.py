"""The command line.

Exit codes: 0 success, 1 failure while running, 2 wrong usage or input.
"""

import argparse
import importlib
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

from serd import __version__
from serd.daemon.logs import set_up_logging
from serd.errors import SerdError

_log = logging.getLogger("serd")

COMMANDS: Final = ("run", "analyze", "devices", "watch", "config", "doctor", "discovery")
"""Names of the commands; each is a module or package in this folder."""

_EPILOG = "Exit codes: 0 success, 1 failure while running, 2 wrong usage or input."


def main(argv: Sequence[str]) -> int:
    """Run one command.

    Returns:
        The exit code.
    """
    args = _parser(argv).parse_args(argv)
    set_up_logging("info", "auto", sys.stderr)
    try:
        code: int = args.command(args)
        sys.stdout.flush()
    except SerdError as exc:
        _log.error("%s", exc)
        return exc.exit_code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # The reader has ended (serd ... | head); Python must not write to the pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of all commands, or of only the named one, since each has its own imports."""
    parser = argparse.ArgumentParser(
        prog="serd",
        description="Recognizes emotions in speech and publishes them as events.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"serd {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in argv[:1] if argv and argv[0] in COMMANDS else COMMANDS:
        importlib.import_module(f"{__name__}.{name}").add_parser(commands)
    return parser

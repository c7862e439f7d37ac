"""The command line.

Exit codes: 0 fine, 1 failed while running, 2 wrong use or input.
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
"""Each is a module in this folder."""

_EPILOG = "Exit codes: 0 fine, 1 failed while running, 2 wrong use or input."


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
        # Whoever read our output has gone (serd ... | head); Python must not meet the pipe again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """All commands; where one is named it alone, since each brings its own imports."""
    parser = argparse.ArgumentParser(
        prog="serd",
        description="Listens to speech and publishes the emotion it hears.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"serd {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in argv[:1] if argv and argv[0] in COMMANDS else COMMANDS:
        importlib.import_module(f"{__name__}.{name}").add_parser(commands)
    return parser

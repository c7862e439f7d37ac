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
from typing import Final, TextIO

from serd.cli.version import VersionAction
from serd.daemon.logs import set_up_logging
from serd.errors import SerdError
from serd.publishers.terminal import accept_all_characters

_log = logging.getLogger("serd")

COMMANDS: Final = (
    "run",
    "analyze",
    "devices",
    "watch",
    "history",
    "config",
    "web",
    "doctor",
    "discovery",
    "service",
    "health",
)
"""Names of the commands; each is a module or package in this folder."""

_EPILOG = "Exit codes: 0 success, 1 failure while running, 2 wrong usage or input."


def main(argv: Sequence[str]) -> int:
    """Run one command.

    Returns:
        The exit code.
    """
    args = command_parser(argv).parse_args(argv)
    accept_all_characters(sys.stdout)
    set_up_logging("info", "auto", sys.stderr)
    try:
        code: int = args.command(args)
        sys.stdout.flush()
    except SerdError as exc:
        _log.error("%s", exc)
        code = exc.exit_code
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    except BrokenPipeError:
        code = 1  # the reader has ended (serd ... | head)
    except OSError as exc:
        _log.error("reading or writing failed", exc_info=exc)
        code = 1
    except Exception as exc:  # noqa: BLE001 - a defect, whose traceback belongs into the log
        _log.critical("serd %s failed unexpectedly", argv[0], exc_info=exc)
        code = 1
    _flush_or_discard(sys.stdout)
    return code


def _flush_or_discard(stream: TextIO) -> None:
    """Write the rest of a stream, or drop it; Python must not write to a full disk or a pipe at exit."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def command_parser(argv: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The parser of all commands, or of the one that ``argv`` names, since each has its own imports."""
    parser = argparse.ArgumentParser(
        prog="serd",
        description="Recognizes emotions in speech and publishes them as events.",
        epilog=_EPILOG,
    )
    about = "print the version, the build and the models, and exit"
    parser.add_argument("--version", action=VersionAction, nargs=0, help=about)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in argv[:1] if argv and argv[0] in COMMANDS else COMMANDS:
        importlib.import_module(f"{__name__}.{name}").add_parser(commands)
    return parser

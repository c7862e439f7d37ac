"""``serd run``: the daemon."""

import argparse
import contextlib
import faulthandler
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final, NoReturn, TextIO

from serd.audio.folders import state_folder
from serd.audio.opening import SourceOpener
from serd.cli.options import (
    add_broker_options,
    add_config_option,
    add_model_option,
    add_setting_option,
    flags_from,
    settings_from,
)
from serd.daemon.inbox import Inbox, Request
from serd.daemon.logs import set_up_logging
from serd.daemon.models import load_models
from serd.daemon.process import keep_freed_memory, own_stderr
from serd.daemon.service import Service
from serd.daemon.systemd import ServiceManager
from serd.settings.loader import Settings
from serd.settings.page import PageEditor

_STDERR: Final = 2


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "run",
        help="recognize emotions and publish events until stopped",
        description="Recognizes emotions in the sound of a microphone, a file or standard input, and"
        " publishes them as events.",
    )
    add_config_option(parser)
    add_setting_option(
        parser,
        "--source",
        ("source", "input"),
        metavar="SOURCE",
        help_text='microphone (default, name or index), sound file, URL, FIFO, "-", "demo" or "auto"',
    )
    add_setting_option(
        parser, "--name", ("source", "name"), metavar="NAME", help_text="name of the source"
    )
    add_setting_option(
        parser, "--node", ("node", "name"), metavar="NAME", help_text="name of this machine"
    )
    add_model_option(parser)
    add_broker_options(parser)
    parser.add_argument(
        "--json", action="store_true", help="print each event as a line of JSON on standard output"
    )
    parser.add_argument(
        "--web", action="store_true", help="show the page on http://127.0.0.1:8765/ (see [web])"
    )
    parser.add_argument(
        "--fast", action="store_true", help="read a file as fast as possible instead of in real time"
    )
    parser.add_argument(
        "--wait", action="store_true", help="retry a source that does not open, without end"
    )
    parser.set_defaults(command=run_command)


def run_command(args: argparse.Namespace) -> int:
    """Run the daemon until the sound ends or a signal stops it."""
    inbox = Inbox()
    with _handling(_requests(inbox)):  # or SIGHUP would end a daemon that still loads its model
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        return _run(args, inbox)


def _run(args: argparse.Namespace, inbox: Inbox) -> int:
    extra: dict[tuple[str, str], object] = {}
    if args.json:
        extra = {("json", "enabled"): True, ("screen", "enabled"): False}
    if args.web:
        extra["web", "enabled"] = True
    settings = settings_from(args, extra)
    stderr = sys.stderr if settings.log.level == "debug" else own_stderr()

    def apply_log(settings: Settings) -> Settings:
        set_up_logging(settings.log.level, settings.log.format, stderr)
        return settings

    apply_log(settings)
    keep_freed_memory()
    faulthandler.enable(stderr)  # the watchdog's SIGABRT then prints a traceback
    service = Service(
        settings,
        load=lambda: apply_log(settings_from(args, extra)),
        state_folder=state_folder(os.environ),
        opener=SourceOpener(paced=not args.fast),
        manager=ServiceManager(os.environ),
        wait_for_sources=args.wait,
        inbox=inbox,
    )
    service.editor = PageEditor(
        args.config,
        environment=os.environ,
        flags=flags_from(args, extra),
        check=lambda settings: load_models(settings, service.models),
    )
    with _handling(_stops(inbox)):
        service.run()
    if service.must_restart:
        _restart(stderr)
    return 0


def _restart(stderr: TextIO) -> NoReturn:
    """Replace the process by a new run of the same command; the service manager sees no exit."""
    logging.getLogger("serd.run").warning("restarting serd")
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    # A handler ends with this program, but the next one inherits that the signal waits. That one reads
    # the settings, so a reload that was asked for before is done as well.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    # own_stderr has sent file descriptor 2 to /dev/null.
    os.dup2(stderr.fileno(), _STDERR)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606


_Handlers = dict[signal.Signals, Callable[[int, FrameType | None], None]]


def _requests(inbox: Inbox) -> _Handlers:
    """Handlers of signals that ask a running daemon for something."""
    return {
        signal.SIGHUP: lambda _number, _frame: inbox.put(Request(action="reload")),
        signal.SIGUSR1: lambda _number, _frame: inbox.put(Request(action="stats")),
    }


def _stops(inbox: Inbox) -> _Handlers:
    """Handlers of Ctrl-C and SIGTERM, which stop the daemon; a second one ends the process at once."""

    def stop(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        inbox.put(Request(action="stop"))

    return {signal.SIGINT: stop, signal.SIGTERM: stop}


@contextlib.contextmanager
def _handling(handlers: _Handlers) -> Iterator[None]:
    """Handle signals while the block runs."""
    previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)

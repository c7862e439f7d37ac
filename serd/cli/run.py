"""``serd run``: the daemon."""

import argparse
import contextlib
import logging
import signal
from collections.abc import Iterator
from types import FrameType

from serd import __version__
from serd.cli.options import (
    add_broker_options,
    add_config_option,
    add_model_option,
    add_setting_option,
    settings_from,
)
from serd.config import Settings
from serd.errors import PublishError
from serd.pipeline import event_maker, run
from serd.publishers import Context, Publisher, publisher_modules
from serd.runtime import load_model
from serd.sources import Source
from serd.sources.opening import open_source

_log = logging.getLogger("serd.run")

_DRAIN_S = 10.0
"""How long events may take to be acknowledged once the sound has ended."""
_STOP_S = 1.5
"""How long they may take after Ctrl-C or SIGTERM."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "run",
        help="listen and publish events until stopped",
        description="Listens to a microphone, a sound file or standard input, and publishes events.",
    )
    add_config_option(parser)
    add_setting_option(
        parser,
        "--source",
        ("source", "input"),
        metavar="SOURCE",
        help_text='microphone (default, its name or index), a sound file, "-", "demo" or "auto"',
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
        "--fast", action="store_true", help="read a file as fast as possible, not at its own pace"
    )
    parser.set_defaults(command=run_command)


def run_command(args: argparse.Namespace) -> int:
    """Listen until the sound ends or a signal comes."""
    extra: dict[tuple[str, str], object] = {}
    if args.json:
        extra = {("json", "enabled"): True, ("screen", "enabled"): False}
    settings = settings_from(args, extra)
    logging.getLogger().setLevel(settings.log.level.upper())
    model = load_model(settings.model)
    _log.info(
        "version %s, model %s %s on %s",
        __version__,
        model.card.name,
        model.card.version,
        model.runtime,
    )
    source = open_source(settings.source, paced=not args.fast)
    _log.info("listening to %s", source.describe())
    node = settings.node.resolved_name
    events = event_maker(node=node, source=settings.source.name, card=model.card)
    with _stopping_on_signals(source) as stop, _publishers(settings, node, stop) as publishers:
        run(source, model, publishers, settings.pipeline, events)
    if summary := source.summary():
        _log.warning("%s", summary)
    return 0


class _Stop:
    """Whether a signal asked the daemon to end."""

    def __init__(self) -> None:
        self.asked = False

    @property
    def timeout_s(self) -> float:
        return _STOP_S if self.asked else _DRAIN_S


@contextlib.contextmanager
def _stopping_on_signals(source: Source) -> Iterator[_Stop]:
    """End the source on Ctrl-C and SIGTERM; a second signal ends the process at once."""
    stop = _Stop()

    def handle(number: int, _frame: FrameType | None) -> None:
        stop.asked = True
        signal.signal(number, signal.SIG_DFL)
        source.stop()

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _publishers(settings: Settings, node: str, stop: _Stop) -> Iterator[list[Publisher]]:
    """All publishers that the settings ask for; each is closed, whatever became of the others."""
    context = Context(node=node, source=settings.source.name)
    publishers: list[Publisher] = []
    with contextlib.ExitStack() as stack:
        for section, module in publisher_modules().items():
            publisher: Publisher | None = module.create(settings.publishers[section], context)
            if publisher is not None:
                publishers.append(publisher)
                stack.callback(_close, publisher, stop)
        yield publishers


def _close(publisher: Publisher, stop: _Stop) -> None:
    try:
        publisher.close(stop.timeout_s)
    except PublishError as exc:
        if not stop.asked:
            raise
        _log.warning("%s", exc)

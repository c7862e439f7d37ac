"""``serd watch``: a live view of every node on a broker."""

import argparse
import queue
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from serd.cli.options import add_broker_options, add_config_option, settings_from
from serd.cli.watch_view import WatchState, plain_line, render
from serd.mqtt.link import Link
from serd.publishers.mqtt import SECTION, Settings

if TYPE_CHECKING:
    from rich.console import RenderableType

_TICK_S: Final = 0.2
"""Shortest time between two pictures, in seconds."""
_WAIT_S: Final = 0.5
"""Longest wait for a message, in seconds; a signal that came just before it is seen behind it."""
_GOODBYE_S: Final = 1.0


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "watch",
        help="show what every node on a broker hears",
        description="Shows every node on a broker, live; as plain lines where there is no terminal."
        " Without --host, the broker on this machine.",
    )
    add_config_option(parser)
    add_broker_options(parser)
    parser.add_argument("--node", metavar="NAME", help="show this node alone")
    parser.set_defaults(command=watch_command)


def watch_command(args: argparse.Namespace) -> int:
    """Watch until Ctrl-C or SIGTERM, also where whoever started us ignores the first, as scripts do."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    return watch(settings_from(args).publishers[SECTION], node=args.node)


def watch(settings: Settings, *, node: str | None) -> int:
    """Show the nodes on a broker until Ctrl-C.

    A broker that is not there, or goes away, is waited for.

    Args:
        settings: the broker; with an empty host the one on this machine.
        node: the only node to show, or None for all.

    Returns:
        The exit code, 0.

    Raises:
        SettingsError: a certificate or key cannot be read.
    """
    state = WatchState(prefix=settings.prefix, node=node)
    feed = Feed(replace(settings, host=settings.host or "localhost"), state.topic_filter)
    feed.link.start()
    try:
        if sys.stdout.isatty():
            _show_live(feed, state)
        else:
            _print_lines(feed, state)
    except KeyboardInterrupt:
        return 0
    finally:
        feed.link.stop(_GOODBYE_S)
    return 0


class Feed:
    """Brings what the network thread hears to the main thread."""

    def __init__(self, settings: Settings, topic_filter: str) -> None:
        self.items: queue.SimpleQueue[tuple[str, bytes] | None] = queue.SimpleQueue()
        """Messages; None where only the connection has changed."""
        self.link = Link(settings, self, name="watch")
        self.connection = f"waiting for broker {self.link.address}"
        self.is_up = False
        self._topic_filter = topic_filter

    def batches(self) -> Iterator[list[tuple[str, bytes]]]:
        """Yield what has come, in bundles so that a flood does not draw one picture a message."""
        while True:
            try:
                bundle = [self.items.get(timeout=_WAIT_S)]
            except queue.Empty:
                continue
            while not self.items.empty():
                bundle.append(self.items.get())
            yield [item for item in bundle if item is not None]

    def connected(self) -> None:
        """Subscribe, on each connection anew."""
        self.link.subscribe(self._topic_filter)

    def disconnected(self) -> None:
        """``status_changed`` tells it."""

    def acknowledged(self, message_id: int, *, refusal: str) -> None:
        """Nothing is published."""

    def received(self, topic: str, payload: bytes) -> None:
        """Pass a message on."""
        self.items.put((topic, payload))

    def status_changed(self, line: str, *, is_up: bool) -> None:
        """Keep it for the picture, or say it beside the lines."""
        self.connection, self.is_up = line, is_up
        if not sys.stdout.isatty():
            print(f"serd: {line}", file=sys.stderr)
        self.items.put(None)


def _print_lines(feed: Feed, state: WatchState) -> None:
    for batch in feed.batches():
        for topic, payload in batch:
            if (finding := state.apply(topic, payload)) is not None:
                print(plain_line(finding), flush=True)


def _show_live(feed: Feed, state: WatchState) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.live import Live  # noqa: PLC0415

    def picture() -> "RenderableType":
        return render(state, feed.connection, is_up=feed.is_up)

    with Live(picture(), console=Console(), screen=True, auto_refresh=False) as live:
        for batch in feed.batches():
            for topic, payload in batch:
                state.apply(topic, payload)
            live.update(picture(), refresh=True)
            time.sleep(_TICK_S)

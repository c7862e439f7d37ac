"""``serd watch``: a live view of the nodes on a broker."""

import argparse
import contextlib
import os
import queue
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from serd.cli.options import add_broker_options, add_config_option, settings_from
from serd.cli.watch_drawing import plain_line, render
from serd.cli.watch_view import WatchState
from serd.daemon.supervisor import Supervisor
from serd.mqtt.link import Link
from serd.publishers.mqtt import SECTION, Settings
from serd.publishers.terminal import can_rewrite
from serd.settings.values import formed

if TYPE_CHECKING:
    from rich.console import RenderableType

_MAX_PAYLOAD_BYTES: Final = 16_384
"""Longest message that is shown, in bytes; events have about 1,000."""
_MAX_WAITING: Final = 1_000
"""Messages that may wait to be shown."""
_REDRAW_S: Final = 0.2
"""Shortest time between two redraws, in seconds."""
_WAIT_S: Final = 0.5
"""Longest wait for a message, in seconds; a signal that arrives just before is handled after it."""
_DISCONNECT_TIMEOUT_S: Final = 1.0


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "watch",
        help="show the events of every node on a broker",
        description="Shows the nodes on a broker in a live view, or as plain lines if the output is no"
        " terminal or TERM is dumb. Without --host, the broker on this machine, or the one inside a"
        " running serd.",
    )
    add_config_option(parser)
    add_broker_options(parser)
    parser.add_argument("--node", metavar="NAME", help="show only this node")
    parser.set_defaults(command=watch_command)


def watch_command(args: argparse.Namespace) -> int:
    """Watch until Ctrl-C or SIGTERM; SIGINT also works in the background jobs of a script."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    node = None if args.node is None else formed(args.node, "name", "command line: --node")
    return watch(settings_from(args).publishers[SECTION], node=node)


def watch(settings: Settings, *, node: str | None) -> int:
    """Show the nodes on a broker until Ctrl-C; a lost connection is retried.

    Args:
        settings: settings of the broker; an empty host is this machine.
        node: the only node to show; None for all.

    Returns:
        The exit code, 0.

    Raises:
        SettingsError: a certificate or key cannot be read.
    """
    state = WatchState(prefix=settings.prefix, node=node)
    is_live = can_rewrite(sys.stdout, os.environ)
    broker = settings if settings.host else _on_this_machine(settings)
    feed = Feed(broker, state.topic_filters, prints_status=not is_live)
    feed.link.start(Supervisor())
    try:
        if is_live:
            _show_live(feed, state)
        else:
            _print_lines(feed, state)
    except KeyboardInterrupt:
        return 0
    finally:
        feed.link.stop(_DISCONNECT_TIMEOUT_S)
    return 0


def _on_this_machine(settings: Settings) -> Settings:
    """The settings with the broker on this machine, which may be the one inside a running serd."""
    from serd.mqtt.broker import local_broker  # noqa: PLC0415

    port, _ = local_broker(settings)
    return replace(settings, host="localhost", port=port)


class Feed:
    """Passes messages from the network thread to the main thread."""

    def __init__(self, settings: Settings, topic_filters: Sequence[str], *, prints_status: bool) -> None:
        """Prepare the connection; ``link.start`` begins to connect.

        Args:
            settings: the broker; its host must not be empty.
            topic_filters: the messages to pass.
            prints_status: whether each change of the connection is printed on standard error.
        """
        self.items: queue.Queue[tuple[str, bytes] | None] = queue.Queue(_MAX_WAITING)
        """Topics and payloads; None after a change of the connection."""
        self.n_left_out = 0
        """Messages left out so far, because they came faster than the main thread took them."""
        self.link = Link(settings, self, name="watch", max_payload_bytes=_MAX_PAYLOAD_BYTES)
        self.connection = f"waiting for broker {self.link.address}"
        self.is_up = False
        self._topic_filters = topic_filters
        self._prints_status = prints_status

    def batches(self) -> Iterator[list[tuple[str, bytes]]]:
        """Yield the messages in batches, so that a redraw covers many messages; some are empty."""
        while True:
            try:
                batch = [self.items.get(timeout=_WAIT_S)]
            except queue.Empty:
                batch = []
            while not self.items.empty() and len(batch) < _MAX_WAITING:
                batch.append(self.items.get())
            yield [item for item in batch if item is not None]

    def connected(self) -> None:
        """Subscribe; called for each connection."""
        for topic_filter in self._topic_filters:
            self.link.subscribe(topic_filter)

    def disconnected(self) -> None:
        """Do nothing: ``status_changed`` follows."""

    def acknowledged(self, message_id: int, *, refusal: str, is_final: bool) -> None:
        """Do nothing: nothing is published."""

    def received(self, topic: str, payload: bytes) -> None:
        """Queue a message for the main thread."""
        self._put((topic, payload))

    def status_changed(self, line: str, *, is_up: bool) -> None:
        """Record the connection for the live view, or print it if there is no such view."""
        self.connection, self.is_up = line, is_up
        if self._prints_status:
            print(f"serd: {line}", file=sys.stderr)
        self._put(None)

    def _put(self, item: tuple[str, bytes] | None) -> None:
        """Queue an item without waiting, since the connection must live on; the oldest gives way."""
        while True:
            try:
                return self.items.put_nowait(item)
            except queue.Full:
                with contextlib.suppress(queue.Empty):
                    self.n_left_out += self.items.get_nowait() is not None


def _print_lines(feed: Feed, state: WatchState) -> None:
    n_reported = 0
    for batch in feed.batches():
        if (n_new := feed.n_left_out - n_reported) > 0:
            n_reported += n_new
            print(f"serd: left out {n_new} messages: the output is read too slowly", file=sys.stderr)
        for topic, payload in batch:
            if (event := state.apply(topic, payload)) is not None:
                print(plain_line(event), flush=True)


def _show_live(feed: Feed, state: WatchState) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.live import Live  # noqa: PLC0415

    console = Console()

    def view() -> "RenderableType":
        state.forget_stale(is_connected=feed.is_up)
        return render(state, feed.connection, is_up=feed.is_up, n_columns=console.width)

    with Live(view(), console=console, screen=True, auto_refresh=False) as live:
        for batch in feed.batches():
            for topic, payload in batch:
                state.apply(topic, payload)
            live.update(view(), refresh=True)
            time.sleep(_REDRAW_S)

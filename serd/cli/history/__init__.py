"""``serd history``: shows, counts, exports and deletes the events and marks that serd has kept."""

import argparse
import sys

from serd.cli.history import deletion, export, marks, summary
from serd.cli.history.files import find_history
from serd.cli.history.selecting import add_selection_options, selection_from, whole_number
from serd.cli.history.summary import n_output_columns
from serd.publishers.history.reader import HistoryReader
from serd.publishers.screen import event_line, local_date

_DEFAULT_LIMIT = 100


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "history",
        help="show, count, export or delete the events of the past",
        description="Shows the events of the past, which serd keeps with [history] enabled, the newest"
        " last. Those of the latest five minutes may be missing, since serd writes in batches.",
    )
    parser.set_defaults(command=show_command, limit=_DEFAULT_LIMIT, json=False)
    add_selection_options(parser)
    _add_show_options(parser)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    for action in (summary, export, marks, deletion):
        action.add_parser(actions)


def _add_show_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--limit",
        type=whole_number,
        metavar="N",
        help=f"only the newest N events; {_DEFAULT_LIMIT} by default, 0 for all",
    )
    parser.add_argument("--json", action="store_true", help="one event a line, as JSON")


def show_command(args: argparse.Namespace) -> int:
    """Print events, each day below its date."""
    selection = selection_from(args)
    with HistoryReader(find_history()) as reader:
        n_events = reader.n_events(selection)
        if not n_events:
            print("serd: no events of this kind in the history", file=sys.stderr)
            return 0
        if 0 < args.limit < n_events:
            n_left_out = n_events - args.limit
            print(
                f"serd: {n_left_out} earlier events are left out; --limit 0 shows all", file=sys.stderr
            )
        date = ""
        for event in reader.events(selection, n_newest=args.limit or None):
            if args.json:
                print(event.to_json())
                continue
            if event.time is not None and (event_date := local_date(event.time)) != date:
                date = event_date
                print(date)
            print(event_line(event, n_output_columns()))
    return 0

"""``serd history delete``: deletes events for good."""

import argparse
import math
import sys
from datetime import datetime

from serd.cli.history.files import find_history
from serd.cli.history.selecting import add_source_option, moment_s
from serd.errors import InputError
from serd.events.event import local_rfc3339
from serd.publishers.history.marks import Marks
from serd.publishers.history.reader import HistoryReader, Selection
from serd.publishers.history.store import HistoryStore


def add_parser(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the action to the command line."""
    parser = actions.add_parser(
        "delete",
        help="delete events for good",
        description="Deletes events and their marks for good, with all copies of the file. A running"
        " serd may still write those of the latest five minutes.",
    )
    parser.add_argument("--before", metavar="TIME", help="events from before this time, as in --since")
    add_source_option(parser)
    parser.add_argument("--all", action="store_true", help="all events")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.set_defaults(command=delete_command)


def delete_command(args: argparse.Namespace) -> int:
    """Delete events after a question; nothing is deleted unless it is answered with yes.

    Raises:
        InputError: nothing is named, or there is nobody to ask.
        HistoryError: the file cannot be changed.
    """
    source_name = _source(args)
    if not (args.all or args.before or source_name):
        raise InputError("nothing is named to delete, expected --before TIME, --source NAME or --all")
    now = datetime.now().astimezone()
    before_s = moment_s(args.before, now, "--before") if args.before else None
    path = find_history()
    store = HistoryStore(path, keep_s=math.inf, max_bytes=sys.maxsize)
    with HistoryReader(path) as reader:
        n_events = reader.n_events(Selection(until_s=before_s, source=source_name, has_windows=True))
    source = f" of {source_name}" if source_name else ""
    before = f" from before {local_rfc3339(before_s)[:16]}" if before_s is not None else ""
    marks = Marks(path)
    copies = "".join(f", and {copy.name}" for copy in store.copies())
    limit_s = math.inf if before_s is None else before_s
    if any(each.time_s < limit_s and source_name in {None, each.source} for each in marks.all()):
        copies = f", with their marks and the sound of these{copies}"
    if not args.yes and not _is_confirmed(
        f"Delete {n_events} events{source}{before} from {path}{copies}? [y/N] "
    ):
        print("Nothing is deleted.")
        return 0
    n_deleted = store.delete(before_s=limit_s, source=source_name)
    marks.sweep()
    print(f"Deleted {n_deleted} events{copies}.")
    return 0


def _source(args: argparse.Namespace) -> str | None:
    """The source to delete from; None for all.

    Raises:
        InputError: the events are also selected in a way that does not work here.
    """
    for name in ("since", "until", "emotion", "windows"):
        if name in args:
            raise InputError(f"--{name} does not work with delete, expected --before and --source")
    return getattr(args, "source", None)


def _is_confirmed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise InputError("there is no terminal to ask on, expected --yes")
    try:
        return input(question).strip().lower() in {"y", "yes"}
    except EOFError:
        print()
        return False

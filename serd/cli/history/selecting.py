"""The flags that select events of the history, and the times in them."""

import argparse
import re
from datetime import datetime, timedelta
from typing import Final

from serd.errors import InputError
from serd.events.event import local_rfc3339
from serd.publishers.history.reader import Selection

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO: Final = re.compile(r"(\d{1,9})\s*([smhdw])")
_EXPECTED: Final = (
    'expected a time such as "2h", "30m" or "3d" (ago), "today", "yesterday", "2026-11-01" or'
    ' "2026-11-01 14:30"'
)


def add_selection_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags; they may stand before or behind the name of an action."""
    add = parser.add_argument
    # Without a default, or the parser of an action would replace what stands before its name.
    unset = argparse.SUPPRESS
    add(
        "--since",
        metavar="TIME",
        default=unset,
        help="from this time on: 2h (ago), today, 2026-11-01, 2026-11-01 14:30",
    )
    add("--until", metavar="TIME", default=unset, help="before this time; a date is its first moment")
    add_source_option(parser)
    add("--emotion", metavar="NAME", default=unset, help="events of this emotion alone")
    add(
        "--windows",
        action="store_true",
        default=unset,
        help="the windows of utterances as well, one for each second of speech",
    )


def add_source_option(parser: argparse.ArgumentParser) -> None:
    """Add the flag of the source alone."""
    about = "events of this source alone"
    parser.add_argument("--source", metavar="NAME", default=argparse.SUPPRESS, help=about)


def selection_from(args: argparse.Namespace) -> Selection:
    """The selection of the flags.

    Raises:
        InputError: a time cannot be understood.
    """
    given = vars(args)
    now = datetime.now().astimezone()
    since, until = given.get("since"), given.get("until")
    return Selection(
        since_s=None if since is None else moment_s(since, now, "--since"),
        until_s=None if until is None else moment_s(until, now, "--until"),
        source=given.get("source"),
        emotion=given.get("emotion"),
        has_windows=given.get("windows", False),
    )


def moment_s(text: str, now: datetime, flag: str) -> float:
    """A time of the command line, in seconds since 1970.

    Args:
        text: a duration before ``now``, a day, or a time in ISO 8601, local unless it has a zone.
        now: the present time, with a zone.
        flag: the flag, for the message.

    Raises:
        InputError: it cannot be understood.
    """
    word = text.strip().lower()
    midnight = datetime(now.year, now.month, now.day)  # noqa: DTZ001 - local, as a person means it
    days = {"today": midnight, "yesterday": midnight - timedelta(days=1), "now": now}
    try:
        if ago := _AGO.fullmatch(word):
            return (now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})).timestamp()
        time_s = (days.get(word) or datetime.fromisoformat(text.strip())).timestamp()
        local_rfc3339(time_s)  # an error at the ends of the calendar
    except (ValueError, OverflowError, OSError) as exc:
        raise InputError(f"{flag} {text!r}: {_EXPECTED}") from exc
    return time_s


def whole_number(text: str) -> int:
    """A number of events.

    Raises:
        argparse.ArgumentTypeError: it is not a whole number from 0 on.
    """
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise argparse.ArgumentTypeError(f"{text!r}, expected a whole number, 0 or more")
    return int(text)

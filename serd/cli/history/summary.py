"""``serd history summary``: what the history has, and how the emotions share the days or hours."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from serd.cli.history.files import find_history
from serd.cli.history.selecting import add_selection_options, selection_from
from serd.cli.progress import duration
from serd.publishers.history.absences import Absence, absences
from serd.publishers.history.reader import HistoryReader, Selection, SourceTotals
from serd.publishers.terminal import width

_FILE_COLUMNS: Final = 200
"""Columns of an output that is no terminal."""
_NUMBER_COLUMNS: Final = 7
_REST: Final = "other"
_GAP: Final = "  "


def add_parser(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the action to the command line."""
    parser = actions.add_parser("summary", help="what there is, and the share of each emotion")
    add_selection_options(parser)
    parser.add_argument(
        "--by",
        choices=("day", "hour"),
        default="day",
        help="a row for each day, or each hour of the day",
    )
    parser.set_defaults(command=summary_command)


def summary_command(args: argparse.Namespace) -> int:
    """Print what there is of each source, and the share of each emotion as a table."""
    selection = selection_from(args)
    with HistoryReader(find_history()) as reader:
        print(f"{reader.path}, {reader.n_bytes / 1e6:.1f} MB")
        totals = reader.totals(selection)
        lost = absences(reader.changes(replace(selection, since_s=None)))
        counts = reader.counts(selection, args.by)
    for each in totals:
        print()
        print("\n".join(source_lines(each, lost, selection)))
    if not counts:
        print("no events of this kind")
        return 0
    print()
    kind = "events" if selection.has_windows else "utterances"
    print(f"share of each emotion in {kind}, in %")
    print("\n".join(share_table(counts, args.by, n_output_columns())))
    return 0


def n_output_columns() -> int:
    """Columns of standard output."""
    return width(sys.stdout) if sys.stdout.isatty() else _FILE_COLUMNS


def source_lines(
    totals: SourceTotals, lost: list[Absence], selection: Selection, now_s: float | None = None
) -> Iterator[str]:
    """Yield lines about a source, of 40 columns at most unless its name is longer."""
    yield totals.source
    yield f"  {totals.n_utterances} utterances, {totals.n_windows} windows"
    yield f"  {_moment(totals.first_s)} to {_moment(totals.last_s)}"
    until_s = min(now_s or time.time(), selection.until_s or float("inf"))
    since_s = selection.since_s or 0.0
    for kind in ("offline", "muted"):
        durations_s = [
            each.duration_s(since_s, until_s)
            for each in lost
            if (each.source, each.kind) == (totals.source, kind)
        ]
        if durations_s := [each for each in durations_s if each > 0.0]:
            times = "once" if len(durations_s) == 1 else f"{len(durations_s)} times"
            yield f"  {kind} {times}, {duration(sum(durations_s))} in all"


def share_table(counts: Mapping[str, Mapping[str, int]], period: str, n_columns: int) -> Iterator[str]:
    """Yield a row for each period, with the shares of as many emotions as fit, in percent.

    Args:
        counts: numbers of events by emotion, by the name of the period.
        period: name of the first column.
        n_columns: width of the output; the emotions that do not fit share a column.
    """
    total = Counter[str]()
    for emotions in counts.values():
        total.update(emotions)
    n_first = max(map(len, (period, *counts)))
    shown = _that_fit([name for name, _ in total.most_common()], n_columns - n_first - _NUMBER_COLUMNS)
    names = [*shown, *([_REST] if len(shown) < len(total) else [])]
    head = "".join(f"{_GAP}{name:>4}" for name in names)
    yield f"{period:<{n_first}}{'events':>{_NUMBER_COLUMNS}}{head}"
    for name, emotions in counts.items():
        n_events = sum(emotions.values())
        parts = {each: emotions.get(each, 0) for each in shown}
        parts[_REST] = n_events - sum(parts.values())
        shares = "".join(
            f"{_GAP}{_percent(parts[each], n_events):>{max(4, len(each))}}" for each in names
        )
        yield f"{name:<{n_first}}{n_events:>{_NUMBER_COLUMNS}}{shares}"


def _that_fit(names: list[str], n_columns: int) -> list[str]:
    """The first names that fit, with room for the column of the rest if there is a rest."""
    for n_names in range(len(names), 0, -1):
        columns = [*names[:n_names], *([_REST] if n_names < len(names) else [])]
        if sum(len(_GAP) + max(4, len(each)) for each in columns) <= n_columns:
            return names[:n_names]
    return []


def _percent(n_events: int, n_all: int) -> str:
    return f"{round(100 * n_events / n_all)}" if n_events else "-"


def _moment(time_s: float) -> str:
    return datetime.fromtimestamp(time_s).astimezone().strftime("%Y-%m-%d %H:%M")

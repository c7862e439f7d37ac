"""The report of a run, made from its JSON alone; no figure is typed by hand."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final

from bench.goals import outcomes
from bench.parts import PARTS
from bench.tables import Section, Table, rounded, to_markdown

_HEADER: Final = """# Benchmarks

<!-- Written by `make bench` (`python -m bench`) from benchmarks.json; do not edit. -->
"""
_QUICK: Final = (
    "**A quick run with short sounds and few rounds, to test the benchmarks: do not quote it.**"
)


def markdown(run: Mapping[str, Any]) -> str:
    """The page of a run, docs/benchmarks.md."""
    parts = [_HEADER, *([_QUICK + "\n"] if run["is_quick"] else []), _preface(run) + "\n"]
    return "\n".join([*parts, *map(to_markdown, sections(run))])


def sections(run: Mapping[str, Any]) -> Iterator[Section]:
    """The sections of a run: its goals, then its parts."""
    measured = run["parts"]
    if rows := tuple(
        (each.title, rounded(each.value), each.bound, "yes" if each.is_met else "no")
        for each in outcomes(measured)
    ):
        yield Section(
            title="Goals",
            about="Ratios within one run hold elsewhere; absolute figures are those of this machine.",
            tables=[Table(head=("", "measured", "goal", "met"), rows=rows)],
        )
    for name, part in PARTS.items():
        if name in measured:
            yield part.section(measured[name])


def _preface(run: Mapping[str, Any]) -> str:
    machine, sound = run["machine"], run["sound"]
    versions = ", ".join(f"{name} {text}" for name, text in run["versions"].items())
    before = f" Before: serd {run['before']}, with its model of that time." if run["before"] else ""
    made = (
        f"Made by `{run['command']}` on {machine['processor']} ({machine['architecture']},"
        f" {machine['n_cores']} cores, {machine['memory_gb']} GB, {machine['system']}; load"
        f" {machine['load_at_start']} at the start). Versions: {versions}.{before}"
    )
    measured = (
        f"Sound: {sound['duration_s'] / 60:.1f} minutes, {sound['origin']}. Everything is measured on"
        " one core and with one thread. The candidates take turns over the same stretch of sound, so"
        " that a ratio compares them at the same moment. A figure is the median over the rounds,"
        " followed by the quartiles."
    )
    return "\n\n".join(textwrap.fill(text, 105, break_on_hyphens=False) for text in (made, measured))

"""From the JSON of a run to the sections of its report; no figure is typed by hand."""

import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from bench.contest_sections import pipeline_section, stages_section, variants_section
from bench.goals import verdicts
from bench.table import Section, Table, to_markdown
from bench.wording import megabytes, number, with_spread

Body = Mapping[str, Any]

_HEADER: Final = """# Benchmarks

<!-- Written by `make bench` (`python -m bench`) from benchmarks.json; do not edit. -->
"""
_QUICK: Final = "**A quick run, to see that all is in order: short, few rounds; no figure to quote.**"


def markdown(run: Body) -> str:
    """The page of a run, docs/benchmarks.md."""
    parts = [_HEADER, *([_QUICK + "\n"] if run["is_quick"] else []), _preface(run) + "\n"]
    return "\n".join([*parts, *map(to_markdown, sections(run))])


def sections(run: Body) -> Iterator[Section]:
    """What a run found, part by part."""
    parts = run["parts"]
    if rows := tuple(
        (each.what, number(each.got), each.goal, "yes" if each.is_met else "no")
        for each in verdicts(parts)
    ):
        yield Section(
            title="Goals",
            about="Ratios of one run stand; absolute figures are those of this machine.",
            tables=[Table(head=("", "measured", "goal", "met"), rows=rows)],
        )
    for name, make in _SECTIONS.items():
        if name in parts:
            yield make(parts[name])


def _preface(run: Body) -> str:
    machine, sound = run["machine"], run["sound"]
    versions = ", ".join(f"{name} {text}" for name, text in run["versions"].items())
    before = f" Before: serd {run['before']}, with the model of then." if run["before"] else ""
    made = (
        f"Made by `{run['command']}` on {machine['processor']} ({machine['architecture']},"
        f" {machine['n_cores']} cores, {machine['memory_gb']} GB, {machine['system']}; load"
        f" {machine['load_at_start']} as it began). Versions: {versions}.{before}"
    )
    measured = (
        f"Sound: {sound['duration_s'] / 60:.1f} minutes, {sound['origin']}. Everything is measured on"
        " one core and with one thread, contestants in turn over the same stretch of sound, so that a"
        " ratio is one of the same moment. A figure is the median over the rounds, with the quartiles"
        " behind it."
    )
    return "\n\n".join(textwrap.fill(text, 105, break_on_hyphens=False) for text in (made, measured))


def _analyze(figures: Body) -> Section:
    rows = [
        _analyze_row("serd analyze, one core", figures["one_core"]),
        _analyze_row("serd analyze, two cores", figures["two_cores"]),
    ]
    names = {"psf-litert": "(a) as a program", "librosa-keras": "(b) as a program"}
    rows += [_analyze_row(names[name], each) for name, each in figures["peers"].items()]
    memory = figures["memory"]
    return Section(
        title="Recorded sound",
        about=f"WAV files of {number(figures['sound_s'] / 7200)} h each, two at a time; the start of the"
        " program is within its time.",
        tables=[
            Table(
                head=(
                    "",
                    "hours of sound a minute",
                    "times real time",
                    "CPU ms a second of sound",
                    "peak MB",
                ),
                rows=tuple(rows),
            )
        ],
        notes=[
            f"Two cores are {with_spread(figures['gain_of_two_cores'])} times as fast as one.",
            (
                "Two programs that share nothing, one on each core, are"
                f" {with_spread(figures['gain_of_two_programs'])} times as fast as one."
            ),
            (
                f"Peak memory for {number(memory['short_s'] / 3600)} h in one file:"
                f" {number(memory['short_rss_mb'])} MB; for {number(memory['long_s'] / 3600)} h:"
                f" {number(memory['long_rss_mb'])} MB."
            ),
            f"Without the start: {number(memory['times_real_time_without_start'])} times real time.",
            *_left_out(figures),
        ],
    )


def _analyze_row(name: str, figures: Body) -> tuple[str, ...]:
    times = figures["times_real_time"]
    hours = number(times["median"] / 60.0)
    return (
        name,
        hours,
        with_spread(times),
        with_spread(figures["cpu_ms_per_s"]),
        number(figures["rss_mb"]),
    )


def _live(figures: Body) -> Section:
    names = {"idle": "a quiet room", "speech": "speech, a window each second"}
    rows = tuple(
        (
            title,
            number(each["cpu_percent"]),
            number(each["rss_mb"]),
            str(each["n_threads"]),
            number(each["wakeups_per_s"]),
            number(each["latency_ms"]["p50"]) if each["latency_ms"] else "",
        )
        for name, title in names.items()
        for each in (figures[name],)
    )
    head = ("", "% of a core", "RSS, MB", "threads", "wake-ups a second", "latency p50, ms")
    return Section(
        title="Live",
        about="`serd run` with sound through a pipe in blocks of 30 ms at live pace, and events to a"
        f" Mosquitto; watched for {number(figures['idle']['watched_s'])} s each. The sound card's own"
        " thread is not in it.",
        tables=[Table(head=head, rows=rows)],
        notes=_left_out(figures),
    )


def _start(figures: Body) -> Section:
    rows = [("serd run, to READY", with_spread(figures["ready_s"]))]
    if "peer_ready_s" in figures:
        rows.append(("(b), to its first prediction", with_spread(figures["peer_ready_s"])))
    imports = tuple((name, number(ms)) for name, ms in figures["imports_ms"].items())
    return Section(
        title="Start",
        about="From the start of the process, files in the cache of the system; imports as `-X"
        " importtime` tells them, each package with its own modules alone, which costs time itself.",
        tables=[
            Table(head=("", "seconds"), rows=tuple(rows)),
            Table(head=("imports", "ms"), rows=imports),
        ],
        notes=_left_out(figures),
    )


def _latency(figures: Body) -> Section:
    rows = tuple(
        (title, *(number(figures[key][each]) for each in ("p50", "p99", "p99.9", "max")),
         str(figures[key]["n"]))
        for key, title in (
            ("latency_ms", "last sample to subscriber, ms"),
            ("inside_serd_ms", "of which up to the event, ms"),
            ("bare_client_ms", "a bare paho client to the subscriber, ms"),
            ("onset_to_first_event_s", "onset of speech to first event, s"),
        )
    )  # fmt: skip
    return Section(
        title="Latency",
        about=f"{figures['n_daemons']} daemons with one live source each on one core, through a real"
        " Mosquitto; a window counts from the writing of the block of 30 ms that completes it. Windows"
        " that the end of an utterance brings about are left out. A bare client publishes messages of an"
        " event's size, idle between them as a daemon is: the floor of what comes behind the event.",
        tables=[Table(head=("", "p50", "p99", "p99.9", "max", "windows or turns"), rows=rows)],
    )


def _growth(figures: Body) -> Section:
    rows = tuple(
        (
            str(each["n_sources"]),
            number(each["cpu_percent"]),
            number(each["cpu_ms_per_s_and_source"]),
            number(each["latency_ms"]["p50"]),
            number(each["latency_ms"]["p99"]),
            number(each["rss_mb"]),
            number(each["wakeups_per_s"]),
        )
        for each in figures["sources"]
    )
    head = ("sources", "% of a core", "CPU ms a second and source", "p50, ms", "p99, ms", "RSS, MB",
            "wake-ups a second")  # fmt: skip
    return Section(
        title="Many sources in one process",
        about="Files played at live pace by one daemon on one core, all of them speaking without cease;"
        " a window counts from the moment at which its last block is due to its message at a"
        " subscriber.",
        tables=[Table(head=head, rows=rows)],
    )


def _size(figures: Body) -> Section:
    pairs = [("serd with all it needs", figures["serd"])]
    if figures["peer"]:
        pairs.append(("(b): librosa, TensorFlow and Keras", figures["peer"]))
    rows = tuple((name, megabytes(each["bytes"]), str(each["n_packages"])) for name, each in pairs)
    largest = tuple((name, megabytes(n_bytes)) for name, n_bytes in figures["serd"]["largest"].items())
    return Section(
        title="Size",
        about="Installed bytes, compiled Python as pip leaves it included; Python itself is not.",
        tables=[
            Table(head=("", "MB", "packages"), rows=rows),
            Table(head=("largest of serd's", "MB"), rows=largest),
        ],
        notes=_left_out(figures),
    )


def _profile(figures: Body) -> Section:
    tables = []
    for key, title in (("before", "before"), ("now", "now")):
        if key in figures:
            rows = tuple((name, f"{100 * share:.1f}") for name, share in figures[key].items())
            tables.append(Table(head=(title, "% of the time"), rows=rows))
    return Section(
        title="Where the time goes",
        about="Recognition in blocks of 30 ms, sampled by py-spy; a function counts without those it"
        " calls, what a library does in C for the function that called it. The network is the largest"
        " part, and its products run as fast as the processor multiplies; webrtcvad, real FFT and"
        " filterbank are each one call of a library on as much sound as there is at a time. What lies"
        " between them is Python's share of 33 voice decisions a second and a window each second; what"
        " was tried on it is in [decisions/0008](decisions/0008-speed.md).",
        tables=tables,
        notes=_left_out(figures),
    )


def _left_out(figures: Body) -> list[str]:
    return [f"Left out, {name}: {reason}." for name, reason in figures.get("left_out", {}).items()]


_SECTIONS: Final[Mapping[str, Callable[[Body], Section]]] = {
    "pipeline": pipeline_section,
    "stages": stages_section,
    "analyze": _analyze,
    "live": _live,
    "start": _start,
    "latency": _latency,
    "growth": _growth,
    "variants": variants_section,
    "size": _size,
    "profile": _profile,
}

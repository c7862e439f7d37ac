"""What serd wants to reach, held against what was measured in one run."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """One goal and what came of it."""

    what: str
    got: float
    goal: str
    is_met: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Goal:
    """A figure of the run and the bound that it shall keep."""

    what: str
    figure: Callable[[Mapping[str, Any]], float]
    """Of the parts of a run; raises KeyError or TypeError where it was not measured."""
    at_most: float | None = None
    at_least: float | None = None


def _cpu(name: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda parts: float(parts["pipeline"]["sounds"]["talk"]["cpu_ms"][name]["median"])


def _ratio(other: str, own: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda parts: float(parts["pipeline"]["sounds"]["talk"][f"ratios_to_{own}"][other]["median"])


def _contest_goals(own: str, blocks: str) -> Iterator[Goal]:
    floor = _ratio("floor", own)
    yield Goal(what=f"pipeline, {blocks}: CPU ms a second of speech", figure=_cpu(own), at_most=1.0)
    yield Goal(
        what=f"pipeline, {blocks}: times its floor", figure=lambda parts: 1.0 / floor(parts), at_most=2.5
    )
    for letter, peer, times in (
        ("a", "psf-litert", 8.0),
        ("b", "librosa-keras", 60.0),
        ("c", "opensmile", 1.0),
    ):
        yield Goal(
            what=f"pipeline, {blocks}: times less than ({letter})",
            figure=_ratio(peer, own),
            at_least=times,
        )


def _of_most_sources(*path: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda parts: _at(parts["growth"]["sources"][-1], path)


def _figure(*path: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda parts: _at(parts, path)


def _at(body: Any, path: tuple[str, ...]) -> float:  # noqa: ANN401
    for key in path:
        body = body[key]
    return float(body)


def _cost_of_growth(parts: Mapping[str, Any]) -> float:
    sources = parts["growth"]["sources"]
    cost = "cpu_ms_per_s_and_source"
    return float(sources[-1][cost]) / float(sources[0][cost])


GOALS: Final = (
    *_contest_goals("serd-file", "blocks of 1 s"),
    *_contest_goals("serd-live", "blocks of 30 ms"),
    Goal(
        what="serd analyze, times real time on one core",
        figure=_figure("analyze", "one_core", "times_real_time", "median"),
        at_least=1000.0,
    ),
    Goal(
        what="gain of a second core",
        figure=_figure("analyze", "gain_of_two_cores", "median"),
        at_least=1.8,
    ),
    Goal(
        what="MB more for a file 4 times as long",
        figure=lambda parts: (
            _at(parts, ("analyze", "memory", "long_rss_mb"))
            - _at(parts, ("analyze", "memory", "short_rss_mb"))
        ),
        at_most=3.0,
    ),
    Goal(
        what="serd run in silence, % of a core",
        figure=_figure("live", "idle", "cpu_percent"),
        at_most=0.5,
    ),
    Goal(
        what="serd run on speech, % of a core",
        figure=_figure("live", "speech", "cpu_percent"),
        at_most=1.0,
    ),
    Goal(what="resident memory on speech, MB", figure=_figure("live", "speech", "rss_mb"), at_most=80.0),
    Goal(what="start to READY, s", figure=_figure("start", "ready_s", "median"), at_most=0.7),
    Goal(
        what="last sample to subscriber, p50, ms",
        figure=_figure("latency", "latency_ms", "p50"),
        at_most=3.0,
    ),
    Goal(
        what="last sample to subscriber, p99, ms",
        figure=_figure("latency", "latency_ms", "p99"),
        at_most=10.0,
    ),
    Goal(
        what="onset of speech to first event, p50, s",
        figure=_figure("latency", "onset_to_first_event_s", "p50"),
        at_most=1.2,
    ),
    Goal(
        what="most sources in one process, p99, ms",
        figure=_of_most_sources("latency_ms", "p99"),
        at_most=50.0,
    ),
    Goal(what="cost a source, most of them against one", figure=_cost_of_growth, at_most=1.0),
)


def verdicts(parts: Mapping[str, Any]) -> Iterator[Verdict]:
    """Each goal whose figure was measured."""
    for goal in GOALS:
        try:
            got = goal.figure(parts)
        except (KeyError, TypeError):
            continue
        if goal.at_most is not None:
            yield Verdict(
                what=goal.what, got=got, goal=f"≤ {goal.at_most:g}", is_met=got <= goal.at_most
            )
        elif goal.at_least is not None:
            yield Verdict(
                what=goal.what, got=got, goal=f"≥ {goal.at_least:g}", is_met=got >= goal.at_least
            )

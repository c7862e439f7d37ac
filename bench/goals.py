"""The performance goals of serd, compared with the measurements of one run."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """A goal and its measurement."""

    title: str
    value: float
    bound: str
    is_met: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Goal:
    """A bound on one measurement."""

    title: str
    value: Callable[[Mapping[str, Any]], float]
    """Gets the measurement from the parts of a run; raises KeyError or TypeError if there is none."""
    at_most: float | None = None
    at_least: float | None = None


def _cpu(name: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda parts: float(parts["pipeline"]["sounds"]["talk"]["cpu_ms"][name]["median"])


def _ratio(other: str, own: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda parts: float(parts["pipeline"]["sounds"]["talk"][f"ratios_to_{own}"][other]["median"])


def _pipeline_goals(own: str, blocks: str) -> Iterator[Goal]:
    lower_bound = _ratio("floor", own)
    yield Goal(title=f"pipeline, {blocks}: CPU ms a second of speech", value=_cpu(own), at_most=1.0)
    yield Goal(
        title=f"pipeline, {blocks}: times its lower bound",
        value=lambda parts: 1.0 / lower_bound(parts),
        at_most=2.5,
    )
    for letter, peer, times in (
        ("a", "psf-litert", 8.0),
        ("b", "librosa-keras", 60.0),
        ("c", "opensmile", 1.0),
    ):
        yield Goal(
            title=f"pipeline, {blocks}: times less than ({letter})",
            value=_ratio(peer, own),
            at_least=times,
        )


def _of_most_sources(*path: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda parts: _at(parts["growth"]["sources"][-1], path)


def _value(*path: str) -> Callable[[Mapping[str, Any]], float]:
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
    *_pipeline_goals("serd-file", "blocks of 1 s"),
    *_pipeline_goals("serd-live", "blocks of 30 ms"),
    Goal(
        title="serd analyze, times real time on one core",
        value=_value("analyze", "one_core", "times_real_time", "median"),
        at_least=1000.0,
    ),
    Goal(
        title="gain of a second core",
        value=_value("analyze", "gain_of_two_cores", "median"),
        at_least=1.8,
    ),
    Goal(
        title="MB more for a file 4 times as long",
        value=lambda parts: (
            _at(parts, ("analyze", "memory", "long_rss_mb"))
            - _at(parts, ("analyze", "memory", "short_rss_mb"))
        ),
        at_most=3.0,
    ),
    Goal(
        title="serd run in silence, % of a core",
        value=_value("live", "idle", "cpu_percent"),
        at_most=0.5,
    ),
    Goal(
        title="serd run on speech, % of a core",
        value=_value("live", "speech", "cpu_percent"),
        at_most=1.0,
    ),
    Goal(title="resident memory on speech, MB", value=_value("live", "speech", "rss_mb"), at_most=80.0),
    Goal(title="start to READY, s", value=_value("start", "ready_s", "median"), at_most=0.7),
    Goal(
        title="last sample to subscriber, p50, ms",
        value=_value("latency", "latency_ms", "p50"),
        at_most=3.0,
    ),
    Goal(
        title="last sample to subscriber, p99, ms",
        value=_value("latency", "latency_ms", "p99"),
        at_most=10.0,
    ),
    Goal(
        title="onset of speech to first event, p50, s",
        value=_value("latency", "onset_to_first_event_s", "p50"),
        at_most=1.2,
    ),
    Goal(
        title="most sources in one process, p99, ms",
        value=_of_most_sources("latency_ms", "p99"),
        at_most=50.0,
    ),
    Goal(title="cost a source, most of them against one", value=_cost_of_growth, at_most=1.0),
)


def outcomes(parts: Mapping[str, Any]) -> Iterator[Outcome]:
    """The goals whose measurement is among the parts of a run."""
    for goal in GOALS:
        try:
            value = goal.value(parts)
        except (KeyError, TypeError):
            continue
        if goal.at_most is not None:
            bound, is_met = f"≤ {goal.at_most:g}", value <= goal.at_most
        elif goal.at_least is not None:
            bound, is_met = f"≥ {goal.at_least:g}", value >= goal.at_least
        else:
            continue
        yield Outcome(title=goal.title, value=value, bound=bound, is_met=is_met)

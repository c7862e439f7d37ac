"""The parts of the benchmarks, in the order in which they run and appear in the report."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from bench import analyze, cpu_time, growth, latency, live, profile, size, start, variants
from bench.context import Context, Measurements
from bench.tables import Section


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One part: its measurement, and its section of the report."""

    measure: Callable[[Context], Measurements]
    section: Callable[[Measurements], Section]


PARTS: Final[Mapping[str, Part]] = {
    "pipeline": Part(measure=cpu_time.measure_pipeline, section=cpu_time.pipeline_section),
    "stages": Part(measure=cpu_time.measure_stages, section=cpu_time.stages_section),
    "analyze": Part(measure=analyze.measure, section=analyze.section),
    "live": Part(measure=live.measure, section=live.section),
    "start": Part(measure=start.measure, section=start.section),
    "latency": Part(measure=latency.measure, section=latency.section),
    "growth": Part(measure=growth.measure, section=growth.section),
    "variants": Part(measure=variants.measure, section=variants.section),
    "size": Part(measure=size.measure, section=size.section),
    "profile": Part(measure=profile.measure, section=profile.section),
}

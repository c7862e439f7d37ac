"""Counters of the daemon, and its use of processor and memory."""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from serd import __version__
from serd.audio.format import SAMPLE_RATE_HZ, AudioBlock
from serd.daemon.feeder import Feeder
from serd.daemon.source_pipeline import SourcePipeline
from serd.events.reports import StatsReport

_STATM = Path("/proc/self/statm")


@dataclass(kw_only=True, slots=True)
class Stats:
    """Counters since the start."""

    started_s: float = field(default_factory=time.monotonic)
    sound_s: float = 0.0
    n_windows: int = 0
    """Windows of retired pipelines."""
    n_rejected: int = 0
    """Rejected windows of retired pipelines."""
    n_events: int = 0
    n_source_losses: int = 0
    n_dropped_blocks: int = 0
    """Dropped blocks of retired sources."""
    n_overflows: int = 0
    """Overflows of retired sources."""

    def count_sound(self, block: AudioBlock) -> None:
        """Add the length of a block."""
        self.sound_s += block.samples.size / SAMPLE_RATE_HZ

    def retire_feeder(self, feeder: Feeder) -> None:
        """Add the counts of a source that ended or is removed."""
        self.n_dropped_blocks += feeder.n_dropped_blocks
        self.n_overflows += feeder.n_overflows

    def retire_pipeline(self, pipeline: SourcePipeline) -> None:
        """Add the counts of a pipeline that is removed or replaced."""
        self.n_windows += pipeline.rejections.n_windows
        self.n_rejected += pipeline.rejections.n_rejected

    def totals(
        self, models: str, feeders: Iterable[Feeder], pipelines: Iterable[SourcePipeline]
    ) -> StatsReport:
        """The counters, with those of active feeders and pipelines, and the use of resources."""
        feeders = tuple(feeders)
        pipelines = tuple(pipelines)
        cpu_s = time.process_time()
        return StatsReport(
            uptime_s=round(time.monotonic() - self.started_s, 1),
            version=__version__,
            model=models,
            sound_s=round(self.sound_s, 1),
            n_windows=self.n_windows + sum(pipeline.rejections.n_windows for pipeline in pipelines),
            n_rejected=self.n_rejected + sum(pipeline.rejections.n_rejected for pipeline in pipelines),
            n_events=self.n_events,
            n_dropped_blocks=self.n_dropped_blocks + sum(each.n_dropped_blocks for each in feeders),
            n_overflows=self.n_overflows + sum(each.n_overflows for each in feeders),
            real_time_factor=round(cpu_s / self.sound_s, 5) if self.sound_s else 0.0,
            cpu_s=round(cpu_s, 2),
            rss_mb=round(_rss_bytes() / 1e6, 1),
            n_source_losses=self.n_source_losses,
        )


def _rss_bytes() -> int:
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0

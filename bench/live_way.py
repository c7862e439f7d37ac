"""The daemon's way of a live source.

A module of its own, since an earlier serd that takes part in all else has no such module.
"""

from collections.abc import Iterator

from bench.contestants import Run
from bench.sound import blocks_of
from bench.ways import LIVE_BLOCK_S
from serd.audio.format import AudioBlock, Samples
from serd.daemon.source_pipeline import SourcePipeline
from serd.events.controls import Controls
from serd.events.event import Event
from serd.events.reports import Report
from serd.events.state import ReportSettings
from serd.model.runtime import EmotionModel, ModelSettings, load_model
from serd.pipeline import PipelineSettings
from serd.recognizer import event_maker


def live_reports(blocks: Iterator[AudioBlock], model: EmotionModel) -> Iterator[Report]:
    """What the daemon tells of a source, on its way of a live source.

    Without provisional windows, so that every contestant has the same windows; ``live`` has them.
    """
    events = event_maker(node="bench", source="mic", card=model.card)
    report = ReportSettings(provisional_s=0.0)
    pipeline = SourcePipeline("mic", model, PipelineSettings(), report, events, Controls())
    for block in blocks:
        yield from pipeline.process(block)
    yield from pipeline.flush()


class Live:
    """The way of one live source, its events as JSON."""

    def __init__(self) -> None:
        self._model = load_model(ModelSettings())

    def prepare(self, scene: Samples) -> Run:
        """Blocks of a microphone's length."""
        blocks = list(blocks_of(scene, LIVE_BLOCK_S))

        def run() -> int:
            n_windows = 0
            for report in live_reports(iter(blocks), self._model):
                if isinstance(report, Event):
                    report.to_json()
                    n_windows += report.kind == "window"
            return n_windows

        return run


def make(_name: str) -> Live:
    """There is one."""
    return Live()

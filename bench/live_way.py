"""The daemon's way of a live source.

A module of its own, since an earlier serd has no ``serd.lane`` and yet takes part in all else.
"""

from collections.abc import Iterator

from bench.contestants import Run
from bench.sound import blocks_of
from bench.ways import LIVE_BLOCK_S
from serd.audio import AudioBlock, Samples
from serd.controls import Controls
from serd.events import Event
from serd.lane import Lane
from serd.pipeline import PipelineSettings, event_maker
from serd.reporting import ReportSettings
from serd.reports import Report
from serd.runtime import EmotionModel, ModelSettings, load_model


def live_reports(blocks: Iterator[AudioBlock], model: EmotionModel) -> Iterator[Report]:
    """What the daemon tells of a source, on its way of a live source.

    Without provisional windows, so that every contestant has the same windows; ``live`` has them.
    """
    events = event_maker(node="bench", source="mic", card=model.card)
    settings = PipelineSettings(report=ReportSettings(provisional_s=0.0))
    lane = Lane("mic", model, settings, events, Controls())
    for block in blocks:
        yield from lane.hear(block)
    yield from lane.end()


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

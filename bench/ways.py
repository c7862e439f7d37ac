"""serd's own ways from sound to events: the live one of the daemon, and that of recorded sound."""

from collections.abc import Iterator

from bench.contestants import TINY, Run
from bench.sound import blocks_of
from serd.audio import AudioBlock, Samples
from serd.controls import Controls
from serd.events import Event
from serd.pipeline import PipelineSettings, event_maker, recognise, speech_segments
from serd.reporting import ReportSettings
from serd.reports import Report
from serd.runtime import EmotionModel, ModelSettings, load_model
from serd.segments import Segment, SpeechWindow

LIVE_BLOCK_S = 0.03
FILE_BLOCK_S = 1.0


def live_reports(blocks: Iterator[AudioBlock], model: EmotionModel) -> Iterator[Report]:
    """What the daemon tells of a source, on its way of a live source.

    Without provisional windows, so that every contestant has the same windows; ``live`` has them.
    """
    from serd.lane import Lane  # noqa: PLC0415  (an earlier serd without it takes part in all else)

    events = event_maker(node="bench", source="mic", card=model.card)
    settings = PipelineSettings(report=ReportSettings(provisional_s=0.0))
    lane = Lane("mic", model, settings, events, Controls())
    for block in blocks:
        yield from lane.hear(block)
    yield from lane.end()


def cut(scene: Samples, window_samples: int, settings: PipelineSettings | None = None) -> list[Segment]:
    """Windows and ends as serd cuts them."""
    blocks = blocks_of(scene, FILE_BLOCK_S)
    return list(speech_segments(blocks, settings or PipelineSettings(), window_samples))


def windows_of(scene: Samples, window_samples: int) -> list[SpeechWindow]:
    """The windows that serd cuts, for those who cut none."""
    return [each for each in cut(scene, window_samples) if isinstance(each, SpeechWindow)]


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


class Recorded:
    """The way of recorded sound."""

    def __init__(
        self,
        settings: PipelineSettings | None = None,
        model: EmotionModel | None = None,
        *,
        block_s: float = FILE_BLOCK_S,
    ) -> None:
        self._settings = settings or PipelineSettings()
        self._model = model or load_model(ModelSettings())
        self._block_s = block_s

    def prepare(self, scene: Samples) -> Run:
        """Blocks as the reader of files gives them, or of another length."""
        blocks = list(blocks_of(scene, self._block_s))

        def run() -> int:
            maker = event_maker(node="bench", source="file", card=self._model.card)
            events = recognise(blocks, self._model, self._settings, maker)
            return sum(event.kind == "window" for event in events)

        return run


def make(name: str) -> Live | Recorded:
    """One of them by name."""
    if name == TINY:
        return Recorded(model=load_model(ModelSettings(path="tiny")))
    return Live() if name == "serd-live" else Recorded()

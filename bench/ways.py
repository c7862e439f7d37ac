"""serd's way of recorded sound, and the windows that it cuts."""

from bench.contestants import TINY, Run
from bench.sound import blocks_of
from serd.audio.format import Samples
from serd.model.runtime import EmotionModel, ModelSettings, load_model
from serd.pipeline import PipelineSettings, recognize, speech_segments
from serd.recognizer import event_maker
from serd.speech.segments import Segment, SpeechWindow

LIVE_BLOCK_S = 0.03
FILE_BLOCK_S = 1.0


def cut(scene: Samples, window_samples: int, settings: PipelineSettings | None = None) -> list[Segment]:
    """Windows and ends as serd cuts them."""
    blocks = blocks_of(scene, FILE_BLOCK_S)
    return list(speech_segments(blocks, settings or PipelineSettings(), window_samples))


def windows_of(scene: Samples, window_samples: int) -> list[SpeechWindow]:
    """The windows that serd cuts, for those who cut none."""
    return [each for each in cut(scene, window_samples) if isinstance(each, SpeechWindow)]


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
            n_windows = 0
            for decision in recognize(blocks, self._model, self._settings):
                if decision.is_speech:
                    n_windows += maker.make(decision).kind == "window"
            return n_windows

        return run


def make(name: str) -> Recorded:
    """With the default model or the tiny one."""
    return Recorded(model=load_model(ModelSettings(path="tiny" if name == TINY else "")))

"""serd's pipelines as candidates: recorded sound, a live source, and each stage alone."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from bench.candidates import SERD, STAGES, TINY, Candidate, Run
from bench.sound import blocks_of
from serd.audio.format import AudioBlock, Samples
from serd.events.event import Event
from serd.model.card import ModelCard
from serd.model.decision import Decision, kind_of
from serd.model.runtime import EmotionModel, ModelSettings, Prediction, load_model
from serd.model.smoothing import Smoother
from serd.model.windows import FeatureWindow
from serd.pipeline import FeatureExtractor, PipelineSettings, recognize, speech_segments
from serd.recognizer import event_maker
from serd.speech.high_pass import HighPass
from serd.speech.segmenter import Segmenter, SegmenterSettings
from serd.speech.segments import Segment, SpeechWindow, VoicedFrames
from serd.speech.vad import VoiceActivity, voice_detector

LIVE_BLOCK_S: Final = 0.03
FILE_BLOCK_S: Final = 1.0


def make(name: str) -> Candidate:
    """A pipeline or a stage by name."""
    if name in STAGES:
        return Stage(name)
    if name == SERD[0]:
        return LivePipeline()
    return RecordedPipeline(load_model(ModelSettings(path="tiny" if name == TINY else "")))


def windows_of(scene: Samples, window_samples: int) -> list[SpeechWindow]:
    """The windows that serd cuts from a scene, for candidates that cut none."""
    segments = speech_segments(blocks_of(scene, FILE_BLOCK_S), PipelineSettings(), window_samples)
    return [segment for segment in segments if isinstance(segment, SpeechWindow)]


def features_of(scene: Samples, model: EmotionModel) -> list[FeatureWindow]:
    """The features of the windows that serd cuts from a scene."""
    windows = windows_of(scene, model.card.window_samples)
    return [_copied_features(each) for each in _feature_windows(windows, model.card)]


def _feature_windows(windows: Iterable[SpeechWindow], card: ModelCard) -> Iterator[FeatureWindow]:
    extractor = FeatureExtractor(card)
    return (each for each in map(extractor.process, windows) if isinstance(each, FeatureWindow))


class RecordedPipeline:
    """The pipeline of recorded sound."""

    def __init__(
        self,
        model: EmotionModel,
        *,
        block_s: float = FILE_BLOCK_S,
        hop_s: float = SegmenterSettings().hop_s,
    ) -> None:
        self._model = model
        self._block_s = block_s
        self._settings = PipelineSettings(segmenter=replace(SegmenterSettings(), hop_s=hop_s))

    def prepare(self, scene: Samples) -> Run:
        """Cut the scene into blocks, ahead of the clock."""
        blocks = list(blocks_of(scene, self._block_s))

        def run() -> int:
            maker = event_maker(node="bench", source="file", card=self._model.card)
            decisions = recognize(blocks, self._model, self._settings)
            events = (maker.make(decision) for decision in decisions if decision.is_speech)
            return sum(event.kind == "window" for event in events)

        return run


def live_events(blocks: Iterator[AudioBlock], model: EmotionModel) -> Iterator[Event]:
    """The events of a live source, from the pipeline that the daemon gives it.

    Without early estimates, so that all candidates have the same windows; the part ``live`` has them.
    """
    # Imported here, since an earlier serd that takes part in the rest lacks these modules.
    from serd.daemon.source_pipeline import SourcePipeline  # noqa: PLC0415
    from serd.events.controls import Controls  # noqa: PLC0415
    from serd.events.state import ReportSettings  # noqa: PLC0415

    maker = event_maker(node="bench", source="mic", card=model.card)
    report = ReportSettings(provisional_s=0.0)
    pipeline = SourcePipeline("mic", model, PipelineSettings(), report, maker, Controls())

    def reports() -> Iterator[object]:
        for block in blocks:
            yield from pipeline.process(block)
        yield from pipeline.flush()

    return (report for report in reports() if isinstance(report, Event))


class LivePipeline:
    """The pipeline of one live source, with its events as JSON."""

    def __init__(self) -> None:
        self._model = load_model(ModelSettings())
        live_events(iter(()), self._model)  # raises ImportError where an earlier serd cannot take part

    def prepare(self, scene: Samples) -> Run:
        """Cut the scene into blocks of a microphone's length, ahead of the clock."""
        blocks = list(blocks_of(scene, LIVE_BLOCK_S))

        def run() -> int:
            n_windows = 0
            for event in live_events(iter(blocks), self._model):
                event.to_json()
                n_windows += event.kind == "window"
            return n_windows

        return run


class Stage:
    """One stage of the pipeline, on the recorded output of the stage before it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._settings = PipelineSettings()
        self._model = load_model(ModelSettings())
        self._card = self._model.card

    def prepare(self, scene: Samples) -> Run:
        """Run the earlier stages and record their output, ahead of the clock."""
        blocks = list(blocks_of(scene, LIVE_BLOCK_S))
        if self._name == "voice":
            return lambda: _count(self._voice(blocks))
        # A stage's output may be a view of a buffer that it fills again.
        voiced = [replace(each, samples=each.samples.copy()) for each in self._voice(blocks)]
        if self._name == "segmenter":
            return lambda: _count(self._segments(voiced))
        segments = [_copied(each) for each in self._segments(voiced)]
        windows = [each for each in segments if isinstance(each, SpeechWindow)]
        if self._name == "features":
            return lambda: _count(self._features(windows))
        features = [_copied_features(each) for each in self._features(windows)]
        if self._name == "model":
            return lambda: _count(map(self._model.predict, features))
        predictions = list(map(self._model.predict, features))
        return lambda: _count(self._events(segments, predictions))

    def _voice(self, blocks: list[AudioBlock]) -> Iterator[VoicedFrames]:
        voice = VoiceActivity(
            partial(voice_detector, self._settings.voice), self._settings.voice, HighPass()
        )
        return map(voice.process, blocks)

    def _segments(self, voiced: list[VoicedFrames]) -> Iterator[Segment]:
        segmenter = Segmenter(
            self._settings.segmenter,
            frame_samples=voice_detector(self._settings.voice).frame_samples,
            window_samples=self._card.window_samples,
        )
        for frames in voiced:
            yield from segmenter.push(frames)
        yield from segmenter.flush(voiced[-1].captured)

    def _features(self, windows: list[SpeechWindow]) -> Iterator[FeatureWindow]:
        return _feature_windows(windows, self._card)

    def _events(self, segments: list[Segment], predictions: list[Prediction]) -> Iterator[str]:
        smoother = Smoother(self._card, self._settings.smoothing)
        maker = event_maker(node="bench", source="mic", card=self._card)
        left = iter(predictions)
        for segment in segments:
            if isinstance(segment, SpeechWindow):
                estimate = smoother.update(next(left).probabilities, segment.new_speech_s)
            else:
                estimate = smoother.close()
            kind = kind_of(segment)
            decision = Decision(kind=kind, sound=segment, estimate=estimate, is_speech=True)
            yield maker.make(decision).to_json()


def _copied(segment: Segment) -> Segment:
    if isinstance(segment, SpeechWindow):
        return replace(segment, samples=segment.samples.copy())
    return segment


def _copied_features(window: FeatureWindow) -> FeatureWindow:
    return replace(window, features=window.features.copy())


def _count(items: Iterator[object]) -> int:
    return sum(1 for _ in items)

"""serd's stages one by one: each works on what the stage before it gave, recorded ahead."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from bench.contestants import Run
from bench.sound import blocks_of
from bench.ways import LIVE_BLOCK_S
from serd.audio.format import AudioBlock, Samples
from serd.model.decision import Decision, kind_of
from serd.model.runtime import ModelSettings, Prediction, load_model
from serd.model.smoothing import Smoother
from serd.model.windows import FeatureWindow
from serd.pipeline import FeatureExtractor, PipelineSettings
from serd.recognizer import event_maker
from serd.speech.segmenter import Segmenter
from serd.speech.segments import Segment, SpeechWindow, VoicedFrames
from serd.speech.vad import VoiceActivity, voice_detector


class Stage:
    """One stage of the pipeline."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._settings = PipelineSettings()
        self._model = load_model(ModelSettings())
        self._card = self._model.card

    def prepare(self, scene: Samples) -> Run:
        """Run the stages ahead of this one, and keep what they give."""
        blocks = list(blocks_of(scene, LIVE_BLOCK_S))
        if self._name == "voice":
            return lambda: _count(self._hear(blocks))
        # What a stage gives may be a view of a buffer that it fills again.
        voiced = [replace(each, samples=each.samples.copy()) for each in self._hear(blocks)]
        if self._name == "segmenter":
            return lambda: _count(self._segment(voiced))
        segments = [_kept(each) for each in self._segment(voiced)]
        windows = [each for each in segments if isinstance(each, SpeechWindow)]
        if self._name == "features":
            return lambda: _count(self._transform(windows))
        features = [replace(each, features=each.features.copy()) for each in self._transform(windows)]
        if self._name == "model":
            return lambda: _count(map(self._model.predict, features))
        predictions = list(map(self._model.predict, features))
        return lambda: _count(self._tell(segments, predictions))

    def _hear(self, blocks: list[AudioBlock]) -> Iterator[VoicedFrames]:
        voice = VoiceActivity(partial(voice_detector, self._settings.voice), self._settings.voice)
        return map(voice.process, blocks)

    def _segment(self, voiced: list[VoicedFrames]) -> Iterator[Segment]:
        segmenter = Segmenter(
            self._settings.segmenter,
            frame_samples=voice_detector(self._settings.voice).frame_samples,
            window_samples=self._card.window_samples,
        )
        for frames in voiced:
            yield from segmenter.push(frames)
        yield from segmenter.flush(voiced[-1].captured)

    def _transform(self, windows: list[SpeechWindow]) -> Iterator[FeatureWindow]:
        extractor = FeatureExtractor(self._card)
        processed = map(extractor.process, windows)
        return (each for each in processed if isinstance(each, FeatureWindow))

    def _tell(self, segments: list[Segment], predictions: list[Prediction]) -> Iterator[str]:
        smoother = Smoother(self._card.labels, self._settings.smoothing)
        maker = event_maker(node="bench", source="mic", card=self._card)
        left = iter(predictions)
        for segment in segments:
            if isinstance(segment, SpeechWindow):
                estimate = smoother.update(next(left).probabilities, segment.new_speech_s)
            else:
                estimate = smoother.close()
            decision = Decision(kind=kind_of(segment), sound=segment, estimate=estimate, is_speech=True)
            yield maker.make(decision).to_json()


def make(name: str) -> Stage:
    """A stage by name."""
    return Stage(name)


def _kept(segment: Segment) -> Segment:
    if isinstance(segment, SpeechWindow):
        return replace(segment, samples=segment.samples.copy())
    return segment


def _count(given: Iterator[object]) -> int:
    return sum(1 for _ in given)

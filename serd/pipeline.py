"""The data flow on one page, from sound to decisions on emotions.

    source -> high-pass -> voice activity -> windows -> features -> TFLite -> smoothing -> decision

Everything here is synchronous: a block of sound goes in, and its results come out before the next
block. Threads live in the sources (a microphone's callback) and in the publishers (a broker's loop),
never in between. The daemon, ``serd analyze``, the Python API and the evaluation of models all use this
pipeline; ``serd.events`` turns a decision into the event that is published.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from functools import partial

from serd.audio.format import UNTIMED, AudioBlock
from serd.errors import SerdError
from serd.model.adaptation import Adaptation, AdaptationSettings
from serd.model.card import ModelCard
from serd.model.decision import Decision, kind_of
from serd.model.runtime import EmotionModel
from serd.model.smoothing import Estimate, Smoother, SmoothingSettings
from serd.model.windows import FeatureWindow, WindowFeatures
from serd.speech.high_pass import HighPass
from serd.speech.segmenter import Segmenter, SegmenterSettings
from serd.speech.segments import Segment, UtteranceEnd, VoicedFrames
from serd.speech.vad import VoiceActivity, VoiceSettings, voice_detector


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineSettings:
    """Settings from sound to decisions; the parameters of the features are in the model's card."""

    voice: VoiceSettings = field(default_factory=VoiceSettings)
    """Voice activity detection."""
    segmenter: SegmenterSettings = field(default_factory=SegmenterSettings)
    """Start and end of utterances, and their windows."""
    smoothing: SmoothingSettings = field(default_factory=SmoothingSettings)
    """Averaging of windows, and the threshold for naming an emotion."""
    adaptation: AdaptationSettings = field(default_factory=AdaptationSettings)
    """Speaker adaptation of a live source; a recording is recognized without it."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield ("[section] key = value", expected values) for each bad value."""
        for section in fields(self):
            table = getattr(self, section.name)
            values = {item.name: getattr(table, item.name) for item in fields(table)}
            numbers = {key: value for key, value in values.items() if isinstance(value, float)}
            bad = {key: "a number" for key, value in numbers.items() if not math.isfinite(value)}
            for key, expected in (bad or dict(table.problems())).items():
                yield f"[{section.name}] {key} = {values[key]!r}", expected


class SpeechDetector:
    """Segments the sound of one source into windows of speech and ends of utterances."""

    def __init__(
        self, settings: PipelineSettings, window_samples: int, *, provisional_s: float = 0.0
    ) -> None:
        """Create a voice detector and a segmenter.

        Args:
            settings: settings of voice activity detection and segmentation.
            window_samples: length of a full window, in samples.
            provisional_s: speech before the provisional window of an utterance, in seconds; 0 for none.

        Raises:
            LibraryError: the voice detector is not installed.
        """
        self._voice = VoiceActivity(partial(voice_detector, settings.voice), settings.voice, HighPass())
        self._segmenter = Segmenter(
            settings.segmenter,
            frame_samples=self._voice.frame_samples,
            window_samples=window_samples,
            provisional_s=provisional_s,
        )
        self._captured = UNTIMED
        self._end_samples = 0

    @property
    def in_speech(self) -> bool:
        """Whether an utterance is in progress."""
        return self._segmenter.in_speech

    @property
    def idle_until_samples(self) -> int:
        """Sample position before which no utterance can start or end and no window can be complete."""
        return self._end_samples + self._segmenter.idle_samples

    def process(self, block: AudioBlock) -> tuple[VoicedFrames, Iterator[Segment]]:
        """Return a block's frames with their voice decisions, and the segments that they complete."""
        self._captured = block.captured
        frames = self._voice.process(block)
        self._end_samples = frames.end_samples
        return frames, self._segmenter.push(frames)

    def flush(self) -> Iterator[Segment]:
        """Return the remaining segments when the sound ends or is interrupted."""
        return self._segmenter.flush(self._captured)


FeatureSegment = FeatureWindow | UtteranceEnd
"""A window of speech with its features, or the end of an utterance."""


class FeatureExtractor:
    """Computes a model's input features for the windows of one source."""

    def __init__(self, card: ModelCard) -> None:
        self._features = _window_features(card)
        # The segmenter may still drop the start of an utterance after its provisional window, so the
        # two do not share frames.
        self._provisional = _window_features(card)

    def process(self, segment: Segment) -> FeatureSegment:
        """Return a window with its features, or the end of an utterance unchanged."""
        if isinstance(segment, UtteranceEnd):
            return segment
        return (self._provisional if segment.is_provisional else self._features).process(segment)


class UtteranceRecognizer:
    """Decides on the emotion of each window and utterance of one source, in order."""

    def __init__(
        self,
        model: EmotionModel,
        smoothing: SmoothingSettings,
        adaptation: Adaptation | None = None,
    ) -> None:
        """Prepare the averaging of the source's windows.

        Args:
            model: computes the probabilities of each window.
            smoothing: averaging of windows.
            adaptation: the source's speaker adaptation; None for none.
        """
        self._model = model
        self._adaptation = adaptation or Adaptation(AdaptationSettings(), model.card)
        self._smoother = Smoother(model.card, smoothing)

    def use_model(self, model: EmotionModel) -> None:
        """Decide with another model from the next window on.

        Args:
            model: its card ``continues`` that of the present one.
        """
        self._model = model
        self._adaptation.use_card(model.card)
        self._smoother.use_card(model.card)

    def set_threshold(self, threshold: float) -> None:
        """Set the threshold for naming an emotion, as ``SmoothingSettings`` has it."""
        self._smoother.set_threshold(threshold)

    def decide(self, segment: FeatureSegment) -> Decision:
        """Return the decision on the next window, or on an utterance at its end."""
        if isinstance(segment, UtteranceEnd):
            sound: Segment = segment
            estimate = self._smoother.close()
        else:
            sound = segment.speech
            estimate = self._estimate(segment)
        is_speech = not self._model.card.rejects(estimate.no_speech)
        if isinstance(segment, UtteranceEnd):
            self._adaptation.close(is_speech=is_speech)
        return Decision(kind=kind_of(sound), sound=sound, estimate=estimate, is_speech=is_speech)

    def _estimate(self, window: FeatureWindow) -> Estimate:
        prediction = self._model.predict(self._adaptation.adapted(window))
        if window.speech.is_provisional:
            return self._smoother.preview(prediction.probabilities, prediction.no_speech)
        new_speech_s = window.speech.new_speech_s
        self._adaptation.observe(window, new_speech_s)
        return self._smoother.update(prediction.probabilities, new_speech_s, prediction.no_speech)


def recognize(
    blocks: Iterable[AudioBlock], model: EmotionModel, settings: PipelineSettings
) -> Iterator[Decision]:
    """Yield a decision for each window, and one at the end of each utterance."""
    features = FeatureExtractor(model.card)
    recognizer = UtteranceRecognizer(model, settings.smoothing)
    for segment in speech_segments(blocks, settings, model.card.window_samples):
        yield recognizer.decide(features.process(segment))


def speech_segments(
    blocks: Iterable[AudioBlock],
    settings: PipelineSettings,
    window_samples: int,
    *,
    provisional_s: float = 0.0,
) -> Iterator[Segment]:
    """Yield the windows of speech and the ends of utterances in sound; training uses it as well.

    Args:
        blocks: the sound.
        settings: settings of voice activity detection and segmentation.
        window_samples: length of a full window, in samples.
        provisional_s: speech before the provisional window of an utterance, in seconds; 0 for none.
    """
    detector = SpeechDetector(settings, window_samples, provisional_s=provisional_s)
    try:
        for block in blocks:
            _, segments = detector.process(block)
            yield from segments
    except SerdError:
        # The current utterance is complete even if the source fails.
        yield from detector.flush()
        raise
    yield from detector.flush()


def _window_features(card: ModelCard) -> WindowFeatures:
    return WindowFeatures(card.feature_set, window_samples=card.window_samples, padding=card.padding)

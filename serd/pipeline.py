"""The data flow on one page, from sound to decisions about emotions.

    source -> voice activity -> speech windows -> features -> TFLite -> smoothing -> decision

Everything here is synchronous: blocks of sound go in, and what follows from them comes out before the
next. Threads live in the sources (a microphone's callback) and in the publishers (a broker's loop),
never in between. The daemon, ``serd analyze``, the Python API and the evaluation of models all take
this path; ``serd.events`` turns a decision into the event that is published.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from serd.audio.format import UNTIMED, AudioBlock
from serd.errors import SerdError
from serd.model.adaptation import Adaptation, AdaptationSettings
from serd.model.card import ModelCard
from serd.model.decision import Decision, kind_of
from serd.model.runtime import EmotionModel
from serd.model.smoothing import Estimate, Smoother, SmoothingSettings
from serd.model.windows import FeatureWindow, WindowFeatures
from serd.speech.segmenter import Segmenter, SegmenterSettings
from serd.speech.segments import Segment, UtteranceEnd, VoicedFrames
from serd.speech.vad import VoiceActivity, VoiceSettings, voice_detector


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineSettings:
    """How sound becomes decisions; the feature parameters are the model's own, in its card."""

    voice: VoiceSettings = field(default_factory=VoiceSettings)
    """What counts as voice."""
    segmenter: SegmenterSettings = field(default_factory=SegmenterSettings)
    """When an utterance starts and ends, and when a window leaves."""
    smoothing: SmoothingSettings = field(default_factory=SmoothingSettings)
    """How windows are averaged, and when an emotion is named."""
    adaptation: AdaptationSettings = field(default_factory=AdaptationSettings)
    """Speaker adaptation of a live source; a recording is recognized without it."""


class SpeechDetector:
    """Cuts the sound of one source into windows of speech and ends of utterances."""

    def __init__(
        self, settings: PipelineSettings, window_samples: int, *, provisional_s: float = 0.0
    ) -> None:
        """Make a voice detector and a segmenter.

        Args:
            settings: what counts as voice, and when a window leaves.
            window_samples: length of a full window, in samples.
            provisional_s: speech after which a provisional window leaves, in seconds; 0 for none.

        Raises:
            LibraryError: the voice detector is not installed.
        """
        self._voice = VoiceActivity(partial(voice_detector, settings.voice), settings.voice)
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
        """Whether an utterance is under way."""
        return self._segmenter.in_speech

    @property
    def idle_until_samples(self) -> int:
        """Position in the sound before which no utterance can begin or end and no window can leave."""
        return self._end_samples + self._segmenter.idle_samples

    def process(self, block: AudioBlock) -> tuple[VoicedFrames, Iterator[Segment]]:
        """Take the next block: its frames with their voice decisions, and the segments they complete."""
        self._captured = block.captured
        frames = self._voice.process(block)
        self._end_samples = frames.end_samples
        return frames, self._segmenter.push(frames)

    def flush(self) -> Iterator[Segment]:
        """The segments that are left when the sound ends or breaks off."""
        return self._segmenter.flush(self._captured)


FeatureSegment = FeatureWindow | UtteranceEnd
"""A window of speech with its features, or the end of an utterance."""


class FeatureExtractor:
    """Adds to the windows of one source the features that a model takes."""

    def __init__(self, card: ModelCard) -> None:
        self._features = _window_features(card)
        # An utterance may still lose its beginning after a provisional window, so that one is
        # computed apart and nothing of it is kept.
        self._provisional = _window_features(card)

    def process(self, segment: Segment) -> FeatureSegment:
        """The segment with its features; the end of an utterance has none and is returned as it is."""
        if isinstance(segment, UtteranceEnd):
            return segment
        return (self._provisional if segment.is_provisional else self._features).process(segment)


class UtteranceRecognizer:
    """Decides on the windows and utterances of one source, one after the other."""

    def __init__(
        self,
        model: EmotionModel,
        smoothing: SmoothingSettings,
        adaptation: Adaptation | None = None,
    ) -> None:
        """Begin with no utterance under way.

        Args:
            model: gives the probabilities of each window.
            smoothing: how windows are averaged.
            adaptation: the source's speaker adaptation; None for none.
        """
        self._model = model
        self._adaptation = adaptation or Adaptation(AdaptationSettings(), model.card)
        self._smoother = Smoother(model.card.labels, smoothing)

    def set_threshold(self, threshold: float) -> None:
        """Change the probability below which an emotion is "uncertain", from now on; 0 to 1."""
        self._smoother.threshold = threshold

    def decide(self, segment: FeatureSegment) -> Decision:
        """The decision about the next window, or about an utterance at its end."""
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
    """Yield the windows of speech and the ends of utterances in some sound, for training as well.

    Args:
        blocks: the sound.
        settings: how it is cut.
        window_samples: length of a full window, in samples.
        provisional_s: speech after which a provisional window leaves, in seconds; 0 for none.
    """
    detector = SpeechDetector(settings, window_samples, provisional_s=provisional_s)
    try:
        for block in blocks:
            _, segments = detector.process(block)
            yield from segments
    except SerdError:
        # A source that breaks off must not take the utterance under way with it.
        yield from detector.flush()
        raise
    yield from detector.flush()


def _window_features(card: ModelCard) -> WindowFeatures:
    return WindowFeatures(card.feature_set, window_samples=card.window_samples, padding=card.padding)

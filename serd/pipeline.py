"""The way of the data, from sound to events, on one page.

    source -> voice activity -> speech windows -> MFCC -> TFLite -> smoothing -> event -> publishers

Everything here is synchronous: blocks of sound go in, and what follows from them comes out before the
next. Threads live in the sources (a microphone's callback) and in the publishers (a broker's loop),
never in between.
"""

import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from serd.audio.format import UNTIMED, AudioBlock
from serd.errors import SerdError
from serd.events.event import Event, EventMaker, Kind
from serd.events.state import ReportSettings
from serd.model.adaptation import Adaptation, AdaptationSettings
from serd.model.card import ModelCard
from serd.model.rejection import RejectionCounter
from serd.model.runtime import EmotionModel
from serd.model.smoothing import Estimate, Smoother, SmoothingSettings
from serd.model.windows import WindowFeatures
from serd.speech.segmenter import Segmenter, SegmenterSettings
from serd.speech.segments import Segment, SpeechWindow, VoicedFrames
from serd.speech.vad import VoiceActivity, VoiceSettings, webrtc_detector


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineSettings:
    """How sound becomes events; the feature parameters are the model's own, in its card."""

    voice: VoiceSettings = field(default_factory=VoiceSettings)
    """What counts as voice."""
    segmenter: SegmenterSettings = field(default_factory=SegmenterSettings)
    """When an utterance starts and ends, and when a window leaves."""
    smoothing: SmoothingSettings = field(default_factory=SmoothingSettings)
    """How windows are averaged, and when an emotion is named."""
    report: ReportSettings = field(default_factory=ReportSettings)
    """What is told of a live source beside its events."""
    adaptation: AdaptationSettings = field(default_factory=AdaptationSettings)
    """Whether a live source gets used to voices; recordings are each heard for themselves."""


class SpeechDetector:
    """Sound in, windows of speech and ends of utterances out."""

    def __init__(
        self, settings: PipelineSettings, window_samples: int, *, provisional_s: float = 0.0
    ) -> None:
        """Hear nothing yet.

        Args:
            settings: what is voice, and when a window leaves.
            window_samples: length of a full window.
            provisional_s: speech after which a provisional one leaves, in seconds; 0 for none.
        """
        self._voice = VoiceActivity(partial(webrtc_detector, settings.voice), settings.voice)
        self._segmenter = Segmenter(
            settings.segmenter,
            frame_samples=settings.voice.frame_samples,
            window_samples=window_samples,
            provisional_s=provisional_s,
        )
        self._captured = UNTIMED
        self._heard_samples = 0

    @property
    def in_speech(self) -> bool:
        """Whether an utterance is under way."""
        return self._segmenter.in_speech

    @property
    def nothing_before_samples(self) -> int:
        """Position in the sound before which nothing can begin, leave or end."""
        return self._heard_samples + self._segmenter.idle_samples

    def hear(self, block: AudioBlock) -> tuple[VoicedFrames, Iterator[Segment]]:
        """Frames with their decisions, and the segments that they bring about."""
        self._captured = block.captured
        frames = self._voice.process(block)
        self._heard_samples = frames.end_samples
        return frames, self._segmenter.push(frames)

    def end(self) -> Iterator[Segment]:
        """The sound has ended or breaks off."""
        return self._segmenter.flush(self._captured)


class UtteranceRecognizer:
    """Windows and ends of utterances in, an event for each out that the model takes for speech."""

    def __init__(
        self,
        model: EmotionModel,
        smoothing: SmoothingSettings,
        events: EventMaker,
        adaptation: Adaptation | None = None,
        passed: RejectionCounter | None = None,
    ) -> None:
        """Set up.

        Args:
            model: what names emotions.
            smoothing: how windows are averaged.
            events: makes the events.
            adaptation: what the source is used to; None for a source that gets used to nothing.
            passed: counts the windows; None for a counter of its own.
        """
        self.passed = passed or RejectionCounter(model.card)
        self._model = model
        self._adaptation = adaptation or Adaptation(AdaptationSettings(), model.card)
        self._features = window_features(model.card)
        # Kept speech may still lose its beginning behind a provisional window: nothing of that is kept.
        self._provisional_features = window_features(model.card)
        self._smoother = Smoother(model.card.labels, smoothing)
        self._events = events

    def set_threshold(self, threshold: float) -> None:
        """From now on an emotion needs this probability to be named."""
        self._smoother.threshold = threshold

    def name(self, segment: Segment) -> Event | None:
        """The event of a segment, or None where what the voice detector let through is no speech."""
        kind: Kind
        if isinstance(segment, SpeechWindow):
            kind, estimate = "window", self._window(segment)
        else:
            kind, estimate = "utterance", self._smoother.close()
        is_speech = not self._model.card.rejects(estimate.no_speech)
        if kind == "window":
            self.passed.count(is_rejected=not is_speech)
        else:
            self._adaptation.close(is_speech=is_speech)
        return self._events.make(kind, estimate, segment) if is_speech else None

    def _window(self, window: SpeechWindow) -> Estimate:
        if window.is_provisional:
            early = self._provisional_features.process(window)
            said = self._model.predict(self._adaptation.adapted(early))
            return self._smoother.preview(said.probabilities, said.no_speech)
        features = self._features.process(window)
        said = self._model.predict(self._adaptation.adapted(features))
        self._adaptation.hear(features, window.new_speech_s)
        return self._smoother.update(said.probabilities, window.new_speech_s, said.no_speech)


def recognise(
    blocks: Iterable[AudioBlock],
    model: EmotionModel,
    settings: PipelineSettings,
    events: EventMaker,
    passed: RejectionCounter | None = None,
) -> Iterator[Event]:
    """Sound in, events out: one for each window, and one at the end of each utterance.

    Windows and utterances that the model takes for no speech have none; ``passed`` counts the windows.
    """
    namer = UtteranceRecognizer(model, settings.smoothing, events, passed=passed)
    for segment in speech_segments(blocks, settings, model.card.window_samples):
        if (event := namer.name(segment)) is not None:
            yield event


def speech_segments(
    blocks: Iterable[AudioBlock],
    settings: PipelineSettings,
    window_samples: int,
    *,
    provisional_s: float = 0.0,
) -> Iterator[Segment]:
    """Sound in, windows of speech and ends of utterances out; training cuts its clips here too.

    Args:
        blocks: the sound.
        settings: how it is cut; what they report beside events is none of it.
        window_samples: length of a full window.
        provisional_s: speech after which a provisional window leaves, in seconds; 0 for none.
    """
    ear = SpeechDetector(settings, window_samples, provisional_s=provisional_s)
    try:
        for block in blocks:
            _, segments = ear.hear(block)
            yield from segments
    except SerdError:
        # A source that breaks off must not take the utterance under way with it.
        yield from ear.end()
        raise
    yield from ear.end()


def window_features(card: ModelCard) -> WindowFeatures:
    """The feature stage that a model asks for."""
    return WindowFeatures(card.feature_set, window_samples=card.window_samples, padding=card.padding)


def event_maker(*, node: str, source: str, card: ModelCard, file: str | None = None) -> EventMaker:
    """An event maker with random ids and the machine's monotonic clock."""
    return EventMaker(
        node=node,
        source=source,
        card=card,
        new_id=lambda: uuid.uuid4().hex,
        monotonic=time.monotonic,
        file=file,
    )

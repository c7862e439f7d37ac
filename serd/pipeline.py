"""The way of the data, from sound to events, on one page.

    source -> voice activity -> speech windows -> MFCC -> TFLite -> smoothing -> event -> publishers

Everything here is a synchronous generator that pulls from the one before it. Threads live in the
sources (a microphone's callback) and in the publishers (a broker's loop), never in between.
"""

import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from serd.audio import AudioBlock, CaptureTime
from serd.card import ModelCard
from serd.errors import SerdError
from serd.events import Event, EventMaker
from serd.publishers import Publisher
from serd.runtime import EmotionModel
from serd.segmenter import Segmenter, SegmenterSettings
from serd.segments import Segment, SpeechWindow
from serd.smoothing import Smoother, SmoothingSettings
from serd.voice import VoiceActivity, VoiceSettings, webrtc_detector
from serd.windows import WindowFeatures


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineSettings:
    """How sound becomes events; the feature parameters are the model's own, in its card."""

    voice: VoiceSettings = field(default_factory=VoiceSettings)
    """What counts as voice."""
    segmenter: SegmenterSettings = field(default_factory=SegmenterSettings)
    """When an utterance starts and ends, and when a window leaves."""
    smoothing: SmoothingSettings = field(default_factory=SmoothingSettings)
    """How windows are averaged, and when an emotion is named."""


def run(
    blocks: Iterable[AudioBlock],
    model: EmotionModel,
    publishers: Iterable[Publisher],
    settings: PipelineSettings,
    events: EventMaker,
) -> None:
    """Listen until the sound ends, and hand every event to every publisher."""
    publishers = tuple(publishers)
    for event in recognise(blocks, model, settings, events):
        for publisher in publishers:
            publisher.publish(event)


def recognise(
    blocks: Iterable[AudioBlock],
    model: EmotionModel,
    settings: PipelineSettings,
    events: EventMaker,
) -> Iterator[Event]:
    """Sound in, events out: one for each window, and one at the end of each utterance."""
    features = window_features(model.card)
    smoother = Smoother(model.card.labels, settings.smoothing)
    for segment in speech_segments(blocks, settings, model.card.window_samples):
        if isinstance(segment, SpeechWindow):
            prediction = model.predict(features.process(segment))
            estimate = smoother.update(prediction.probabilities, segment.new_speech_s)
            yield events.make("window", estimate, segment)
        else:
            yield events.make("utterance", smoother.close(), segment)


def speech_segments(
    blocks: Iterable[AudioBlock], settings: PipelineSettings, window_samples: int
) -> Iterator[Segment]:
    """Sound in, windows of speech and ends of utterances out; training cuts its clips here too."""
    voice = VoiceActivity(partial(webrtc_detector, settings.voice), settings.voice)
    segmenter = Segmenter(
        settings.segmenter,
        frame_samples=settings.voice.frame_samples,
        window_samples=window_samples,
    )
    captured = CaptureTime(epoch_s=0.0, arrived_s=0.0)
    try:
        for block in blocks:
            captured = block.captured
            yield from segmenter.push(voice.process(block))
    except SerdError:
        # A source that breaks off must not take the utterance under way with it.
        yield from segmenter.flush(captured)
        raise
    yield from segmenter.flush(captured)


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

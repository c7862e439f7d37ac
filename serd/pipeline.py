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

from serd.audio import SAMPLE_RATE_HZ, AudioBlock, CaptureTime
from serd.card import ModelCard
from serd.controls import Controls
from serd.errors import SerdError
from serd.events import Event, EventMaker, Kind
from serd.labels import NONE
from serd.reporting import Cooldown, LastEmotion, LevelMeter, ReportSettings
from serd.reports import ControlReport, LevelReport, Report, SoundReport, SpeechReport, StateReport
from serd.runtime import EmotionModel
from serd.segmenter import Segmenter, SegmenterSettings
from serd.segments import Segment, SpeechWindow, VoicedFrames
from serd.smoothing import Estimate, Smoother, SmoothingSettings
from serd.voice import VoiceActivity, VoiceSettings, webrtc_detector
from serd.windows import WindowFeatures

_UNTIMED = CaptureTime(epoch_s=0.0, arrived_s=0.0)


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


class Ear:
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
        self._captured = _UNTIMED
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


class Namer:
    """Windows and ends of utterances in, an event for each out that the model takes for speech."""

    def __init__(self, model: EmotionModel, smoothing: SmoothingSettings, events: EventMaker) -> None:
        self._model = model
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
        kind: Kind = "window" if isinstance(segment, SpeechWindow) else "utterance"
        estimate = self._window(segment) if isinstance(segment, SpeechWindow) else self._smoother.close()
        if self._model.card.rejects(estimate.no_speech):
            return None
        return self._events.make(kind, estimate, segment)

    def _window(self, window: SpeechWindow) -> Estimate:
        if window.is_provisional:
            said = self._model.predict(self._provisional_features.process(window))
            return self._smoother.preview(said.probabilities, said.no_speech)
        said = self._model.predict(self._features.process(window))
        return self._smoother.update(said.probabilities, window.new_speech_s, said.no_speech)


class Lane:
    """The way of one live source from its sound to what is told of it."""

    def __init__(
        self,
        source: str,
        model: EmotionModel,
        settings: PipelineSettings,
        events: EventMaker,
        controls: Controls,
    ) -> None:
        """Set up.

        Args:
            source: name of the source.
            model: what names emotions; shared between lanes.
            settings: how sound becomes events.
            events: makes them.
            controls: the present values.
        """
        self._source = source
        provisional_s = settings.report.provisional_s
        self._ear = Ear(settings, model.card.window_samples, provisional_s=provisional_s)
        self._namer = Namer(model, settings.smoothing, events)
        self._cooldown = Cooldown()
        self._last = LastEmotion(settings.report.quiet_s)
        self._meter = LevelMeter(settings.report.level_s)
        self._level_at_samples = 0
        self._is_speaking = False
        self._guesses: dict[str, float] = {}
        self.n_windows = 0
        self.n_rejected = 0
        self.controls = controls
        self._namer.set_threshold(controls.threshold)

    @property
    def nothing_before_samples(self) -> int:
        """Position in the sound before which no event, level or change of speech can follow from it."""
        return min(self._ear.nothing_before_samples, self._level_at_samples)

    def present(self) -> Iterator[Report]:
        """What holds now, for those who know nothing."""
        yield ControlReport(source=self._source, controls=self.controls)
        yield StateReport(source=self._source, emotion=self._last.emotion)
        yield SpeechReport(source=self._source, is_speaking=self._is_speaking)

    def hear(self, block: AudioBlock) -> Iterator[Report]:
        """Take a block of sound; yield what follows from it."""
        if self.controls.mute:
            return
        frames, segments = self._ear.hear(block)
        for segment in segments:
            yield from self._tell(segment)
        if self._ear.in_speech != self._is_speaking:
            yield self._speech()
        now_s = block.end_samples / SAMPLE_RATE_HZ
        if self._last.pass_time(now_s, is_speaking=self._is_speaking):
            yield StateReport(source=self._source, emotion=self._last.emotion)
        level_dbfs = self._meter.measure(frames)
        self._level_at_samples = frames.end_samples + self._meter.missing_samples
        if level_dbfs is not None:
            yield LevelReport(
                source=self._source, level_dbfs=round(level_dbfs, 1), guesses=self._guesses
            )

    def end(self) -> Iterator[Report]:
        """The sound has ended, breaks off or is muted: finish what is under way."""
        for segment in self._ear.end():
            yield from self._tell(segment)
        if self._is_speaking:
            yield self._speech()

    def forget(self) -> Iterator[Report]:
        """Whoever spoke is not heard any more: the state is "none"."""
        if self._last.emotion != NONE:
            self._last.emotion = NONE
            yield StateReport(source=self._source, emotion=NONE)

    def set_controls(self, controls: Controls) -> Iterator[Report]:
        """Take over changed controls."""
        if controls.mute and not self.controls.mute:
            yield from self.end()
            yield from self.forget()
        self.controls = controls
        self._namer.set_threshold(controls.threshold)

    def _tell(self, segment: Segment) -> Iterator[Report]:
        self.n_windows += isinstance(segment, SpeechWindow)
        event = self._namer.name(segment)
        if event is None:
            self.n_rejected += isinstance(segment, SpeechWindow)
            self._guesses = {}
            return
        best = sorted(event.scores.items(), key=lambda item: -item[1])[:3]
        self._guesses = dict(best) if event.kind == "window" else {}
        if self._cooldown.passes(event, self.controls.cooldown_s):
            yield event
            if isinstance(segment, SpeechWindow) and not event.provisional:
                yield SoundReport(event=event, samples=segment.samples)
        if not event.provisional and self._last.name(event):
            yield StateReport(source=self._source, emotion=self._last.emotion)

    def _speech(self) -> Report:
        self._is_speaking = self._ear.in_speech
        return SpeechReport(source=self._source, is_speaking=self._is_speaking)


def recognise(
    blocks: Iterable[AudioBlock],
    model: EmotionModel,
    settings: PipelineSettings,
    events: EventMaker,
) -> Iterator[Event]:
    """Sound in, events out: one for each window, and one at the end of each utterance.

    Windows and utterances that the model takes for no speech have none.
    """
    namer = Namer(model, settings.smoothing, events)
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
    ear = Ear(settings, window_samples, provisional_s=provisional_s)
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

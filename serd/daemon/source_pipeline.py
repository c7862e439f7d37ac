"""What is told of one live source: its events, its state, whether somebody speaks, its level."""

from collections.abc import Iterator

from serd.audio.format import SAMPLE_RATE_HZ, AudioBlock
from serd.events.controls import Controls
from serd.events.event import EventMaker
from serd.events.reports import (
    ControlReport,
    LevelReport,
    Report,
    SoundReport,
    SpeechReport,
    StateReport,
)
from serd.events.state import Cooldown, LastEmotion, LevelMeter
from serd.model.adaptation import Adaptation, SpeakerMean
from serd.model.labels import NONE
from serd.model.rejection import RejectionCounter
from serd.model.runtime import EmotionModel
from serd.pipeline import PipelineSettings, SpeechDetector, UtteranceRecognizer
from serd.speech.segments import Segment, SpeechWindow


class SourcePipeline:
    """The way of one live source from its sound to what is told of it."""

    def __init__(
        self,
        source: str,
        model: EmotionModel,
        settings: PipelineSettings,
        events: EventMaker,
        controls: Controls,
        heard: SpeakerMean | None = None,
    ) -> None:
        """Set up.

        Args:
            source: name of the source.
            model: what names emotions; shared between lanes.
            settings: how sound becomes events.
            events: makes them.
            controls: the present values.
            heard: what the source is used to.
        """
        self._source = source
        provisional_s = settings.report.provisional_s
        self._ear = SpeechDetector(settings, model.card.window_samples, provisional_s=provisional_s)
        self._adaptation = Adaptation(settings.adaptation, model.card, heard)
        self._namer = UtteranceRecognizer(model, settings.smoothing, events, self._adaptation)
        self._cooldown = Cooldown()
        self._last = LastEmotion(settings.report.quiet_s)
        self._meter = LevelMeter(settings.report.level_s)
        self._level_at_samples = 0
        self._is_speaking = False
        self._guesses: dict[str, float] = {}
        self.controls = controls
        self._namer.set_threshold(controls.threshold)

    @property
    def nothing_before_samples(self) -> int:
        """Position in the sound before which no event, level or change of speech can follow from it."""
        return min(self._ear.nothing_before_samples, self._level_at_samples)

    @property
    def passed(self) -> RejectionCounter:
        """How many windows there were, and how many of them passed for speech."""
        return self._namer.passed

    @property
    def heard(self) -> SpeakerMean:
        """What the source is used to."""
        return self._adaptation.heard

    def forget_voices(self) -> None:
        """Be used to nothing."""
        self._adaptation.forget()

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
        event = self._namer.name(segment)
        if event is None:
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

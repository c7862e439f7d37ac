"""The pipeline of one live source, from its sound to the reports for the publishers.

    block -> SpeechDetector -> FeatureExtractor -> UtteranceRecognizer -> EventMaker -> report

Besides events, the reports are the state, the mood and its alerts, the presence of speech and the level
of the source.
"""

from collections.abc import Iterator

from serd.audio.format import SAMPLE_RATE_HZ, AudioBlock
from serd.daemon.moods import LiveMood
from serd.events.controls import Controls
from serd.events.event import Event, EventMaker
from serd.events.mood import HeardSpeech, MoodSettings
from serd.events.reports import (
    ControlReport,
    LevelReport,
    Report,
    SoundReport,
    SpeechReport,
    StateReport,
)
from serd.events.state import Cooldown, LastEmotion, LevelMeter, ReportSettings
from serd.model.adaptation import Adaptation, SpeakerMean
from serd.model.labels import NONE
from serd.model.rejection import RejectionCounter
from serd.model.runtime import EmotionModel
from serd.pipeline import FeatureExtractor, PipelineSettings, SpeechDetector, UtteranceRecognizer
from serd.speech.segments import Segment, SpeechWindow


class SourcePipeline:
    """Turns the sound of one live source into reports, and holds the state that this needs."""

    def __init__(
        self,
        source: str,
        model: EmotionModel,
        settings: PipelineSettings,
        report: ReportSettings,
        events: EventMaker,
        controls: Controls,
        speaker_mean: SpeakerMean | None = None,
        mood: LiveMood | None = None,
    ) -> None:
        """Create a pipeline at the start of the sound.

        Args:
            source: name of the source.
            model: the model, which all sources share.
            settings: settings of speech detection, recognition and adaptation.
            report: settings of the reports.
            events: maker of the events.
            controls: current values of the controls.
            speaker_mean: mean of the source's earlier speech, for speaker adaptation; None for none.
            mood: the mood of the source, which has heard its earlier speech; None for no mood.
        """
        self._source = source
        self._card = model.card
        self._detector = SpeechDetector(
            settings, model.card.window_samples, provisional_s=report.provisional_s
        )
        self._features = FeatureExtractor(model.card)
        self._adaptation = Adaptation(settings.adaptation, model.card, speaker_mean)
        self._recognizer = UtteranceRecognizer(model, settings.smoothing, self._adaptation)
        self._events = events
        self._cooldown = Cooldown()
        self._last = LastEmotion(report.quiet_s)
        self._mood = mood or LiveMood(source, MoodSettings(interval_s=0.0))
        self._meter = LevelMeter(report.level_s)
        self._level_at_samples = 0
        self._is_speaking = False
        self._likeliest: dict[str, float] = {}
        self.rejections = RejectionCounter(model.card)
        """Counter of the windows and the rejected windows."""
        self.controls = controls
        self._recognizer.set_threshold(controls.threshold)

    @property
    def idle_until_samples(self) -> int:
        """Position in the sound before which it yields no event, level or change of speech."""
        return min(self._detector.idle_until_samples, self._level_at_samples)

    @property
    def speaker_mean(self) -> SpeakerMean:
        """Mean of the speech so far, for speaker adaptation."""
        return self._adaptation.speakers

    def use_model(self, model: EmotionModel, events: EventMaker) -> bool:
        """Use another model from the next window on, also in the middle of an utterance.

        Args:
            model: the model.
            events: maker of its events.

        Returns:
            Whether it takes the same windows and gives the same labels; if not, nothing has changed.
        """
        if not model.card.continues(self._card):
            return False
        self._card = model.card
        self._recognizer.use_model(model)
        self.rejections.use_card(model.card)
        self._events = events
        return True

    def closing_line(self) -> str:
        """A line for the end of a source that gave no event; empty if it gave one, or a warning."""
        if self.controls.mute and not self.rejections.n_windows:
            return "the source was muted, so nothing was heard"
        return self.rejections.closing_line()

    def reset_adaptation(self) -> None:
        """Reset the speaker adaptation."""
        self._adaptation.reset()

    def snapshot(self) -> Iterator[Report]:
        """Yield the current controls, state, mood and presence of speech, for a new publisher."""
        yield ControlReport(source=self._source, controls=self.controls)
        yield StateReport(source=self._source, emotion=self._last.emotion)
        yield from self._mood.snapshot()
        yield SpeechReport(source=self._source, is_speaking=self._is_speaking)

    def process(self, block: AudioBlock) -> Iterator[Report]:
        """Process the next block of sound; yields its reports."""
        if self.controls.mute:
            return
        frames, segments = self._detector.process(block)
        for segment in segments:
            yield from self._reports(segment)
        if self._detector.in_speech != self._is_speaking:
            yield self._speech_report()
        now_s = block.end_samples / SAMPLE_RATE_HZ
        if self._last.advance(now_s, is_speaking=self._is_speaking):
            yield StateReport(source=self._source, emotion=self._last.emotion)
        yield from self._mood.hear(now_s)
        level = self._meter.measure(frames)
        self._level_at_samples = frames.end_samples + self._meter.missing_samples
        if level is not None:
            yield LevelReport(
                source=self._source,
                level_dbfs=round(level.dbfs, 1),
                guesses=self._likeliest,
                is_due=level.is_due,
            )

    def flush(self) -> Iterator[Report]:
        """Finish the current utterance, because the sound ends or is muted; yields its reports."""
        for segment in self._detector.flush():
            yield from self._reports(segment)
        if self._is_speaking:
            yield self._speech_report()

    def reset_state(self) -> Iterator[Report]:
        """Set the state to "none"; yields its report if it has changed."""
        if self._last.emotion != NONE:
            self._last.emotion = NONE
            yield StateReport(source=self._source, emotion=NONE)

    def set_controls(self, controls: Controls) -> Iterator[Report]:
        """Apply changed controls; yields the reports of an utterance that muting ends."""
        if controls.mute and not self.controls.mute:
            yield from self.flush()
            yield from self.reset_state()
        self.controls = controls
        self._recognizer.set_threshold(controls.threshold)

    def _reports(self, segment: Segment) -> Iterator[Report]:
        decision = self._recognizer.decide(self._features.process(segment))
        self.rejections.count(decision)
        if not decision.is_speech:
            self._likeliest = {}
            return
        event = self._events.make(decision)
        if isinstance(segment, SpeechWindow) and not segment.is_provisional:
            self._remember(event, segment)
        best = sorted(event.scores.items(), key=lambda item: -item[1])[:3]
        self._likeliest = dict(best) if event.kind == "window" else {}
        if self._cooldown.accepts(event, self.controls.cooldown_s):
            yield event
            if isinstance(segment, SpeechWindow) and not event.provisional:
                yield SoundReport(event=event, samples=segment.samples)
        if not event.provisional and self._last.update(event):
            yield StateReport(source=self._source, emotion=self._last.emotion)

    def _remember(self, event: Event, window: SpeechWindow) -> None:
        """Add a window to the mood, whether its event is published or falls into the cooldown."""
        if event.dimensions is not None:
            speech = HeardSpeech(
                speech_s=window.new_speech_s, emotion=event.emotion, dimensions=event.dimensions
            )
            self._mood.add(speech, window.end_s)

    def _speech_report(self) -> Report:
        self._is_speaking = self._detector.in_speech
        return SpeechReport(source=self._source, is_speaking=self._is_speaking)

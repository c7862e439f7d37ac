"""Recorded sound: every event of a file, and one that sums the file up."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from serd.audio.files import FileSource
from serd.audio.format import SAMPLE_RATE_HZ, SILENCE_DBFS, UNTIMED, AudioBlock
from serd.audio.source import Source
from serd.events.event import Event
from serd.model.card import ModelCard
from serd.model.labels import NONE
from serd.model.rejection import RejectionCounter
from serd.model.runtime import EmotionModel
from serd.model.smoothing import Estimate, estimate
from serd.pipeline import PipelineSettings, event_maker, recognise
from serd.speech.segments import UtteranceEnd


@dataclass(frozen=True, kw_only=True, slots=True)
class FileResult:
    """What came of one file."""

    path: Path
    """The file."""
    events: list[Event] = field(default_factory=list)
    """Its events, the last of kind "file", or that one alone; empty if the file is bad."""
    n_utterances: int = 0
    """Utterances in it."""
    warnings: list[str] = field(default_factory=list)
    """What was odd but did not stop the analysis."""
    has_doubt: bool = False
    """Whether something in it sounds like speech, and the model takes all of that for none."""
    error: str = ""
    """Why nothing came of it; empty if it is fine."""


def analyse_file(
    path: Path,
    model: EmotionModel,
    settings: PipelineSettings,
    *,
    node: str,
    channel: str,
    warnings: list[str],
    passed: RejectionCounter,
) -> Iterator[Event]:
    """Yield the events of a file, then one of kind "file" about all of it.

    Args:
        path: the file.
        model: what names the emotions.
        settings: the same as the daemon's.
        node: name of this machine.
        channel: "mix", or the number of a channel from 1.
        warnings: gets a line for what was odd but did not stop the analysis.
        passed: counts the windows.

    Raises:
        SoundFileError: the file cannot be read.
    """
    source = FileSource(path, channel=channel)
    maker = event_maker(node=node, source="file", card=model.card, file=str(path))
    whole = _RecordingSummary(model.card)
    for event in recognise(whole.measure(source), model, settings, maker, passed):
        if event.kind == "utterance":
            whole.add(event)
        yield event
    if summary := source.summary():
        warnings.append(summary)
    yield maker.make("file", whole.estimate(settings.smoothing.threshold), whole.as_sound())


class _RecordingSummary:
    """What is to be said of all the sound that has passed, in the same memory for a second or a day."""

    def __init__(self, card: ModelCard) -> None:
        self._labels = card.labels
        self._weights = np.zeros(len(card.labels))
        self._speech_s = 0.0
        self._power = 0.0
        self._end_samples = 0
        self._captured = UNTIMED

    def measure(self, source: Source) -> Iterator[AudioBlock]:
        for block in source:
            self._end_samples = block.end_samples
            self._captured = block.captured
            yield block

    def add(self, utterance: Event) -> None:
        """Take an utterance's event; it weighs as much as it holds speech."""
        speech_s = utterance.speech_ratio * (utterance.end_s - utterance.start_s)
        self._speech_s += speech_s
        self._power += speech_s * 10.0 ** (utterance.level_dbfs / 10.0)
        self._weights += speech_s * np.array([utterance.scores[label] for label in self._labels])

    def estimate(self, threshold: float) -> Estimate:
        """The utterances' scores together."""
        if not self._weights.any():
            return Estimate(emotion=NONE, likeliest=NONE, confidence=0.0, scores={}, no_speech=1.0)
        return estimate(self._labels, self._weights, threshold)

    def as_sound(self) -> UtteranceEnd:
        """The whole file in the form that events are made from."""
        speech_s = self._speech_s
        level_dbfs = 10.0 * np.log10(self._power / speech_s) if speech_s else SILENCE_DBFS
        return UtteranceEnd(
            utterance=0,
            start_s=0.0,
            end_s=self._end_samples / SAMPLE_RATE_HZ,
            speech_s=speech_s,
            level_dbfs=float(level_dbfs),
            captured=self._captured,
        )

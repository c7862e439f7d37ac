"""Recorded sound: every event of a file, and one that sums the file up."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from serd.audio import SAMPLE_RATE_HZ, SILENCE_DBFS, AudioBlock, CaptureTime
from serd.card import ModelCard
from serd.events import Event
from serd.labels import NONE
from serd.pipeline import PipelineSettings, event_maker, recognise
from serd.runtime import EmotionModel
from serd.segments import UtteranceEnd
from serd.smoothing import Estimate, estimate
from serd.sources import Source
from serd.sources.files import FileSource


@dataclass(frozen=True, kw_only=True, slots=True)
class FileResult:
    """What came of one file."""

    path: Path
    """The file."""
    events: list[Event] = field(default_factory=list)
    """Its events, the last of kind "file"; empty if the file is bad."""
    warnings: list[str] = field(default_factory=list)
    """What was odd but did not stop the analysis."""
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
) -> Iterator[Event]:
    """Yield the events of a file, then one of kind "file" about all of it.

    Args:
        path: the file.
        model: what names the emotions.
        settings: the same as the daemon's.
        node: name of this machine.
        channel: "mix", or the number of a channel from 1.
        warnings: gets a line for what was odd but did not stop the analysis.

    Raises:
        SoundFileError: the file cannot be read.
    """
    source = FileSource(path, channel=channel)
    maker = event_maker(node=node, source="file", card=model.card, file=str(path))
    span = _Span()
    utterances = []
    for event in recognise(span.measure(source), model, settings, maker):
        if event.kind == "utterance":
            utterances.append(event)
        yield event
    if summary := source.summary():
        warnings.append(summary)
    whole = _overall(utterances, model.card, settings.smoothing.threshold)
    yield maker.make("file", whole, span.as_sound(utterances))


class _Span:
    """How much sound has passed."""

    def __init__(self) -> None:
        self._end_samples = 0
        self._captured = CaptureTime(epoch_s=0.0, arrived_s=0.0)

    def measure(self, source: Source) -> Iterator[AudioBlock]:
        for block in source:
            self._end_samples = block.end_samples
            self._captured = block.captured
            yield block

    def as_sound(self, utterances: Iterable[Event]) -> UtteranceEnd:
        """The whole file in the form that events are made from."""
        parts = [(_speech_s(event), event.level_dbfs) for event in utterances]
        speech_s = sum(part for part, _ in parts)
        power = sum(part * 10.0 ** (level / 10.0) for part, level in parts)
        level_dbfs = 10.0 * np.log10(power / speech_s) if speech_s else SILENCE_DBFS
        return UtteranceEnd(
            utterance=0,
            start_s=0.0,
            end_s=self._end_samples / SAMPLE_RATE_HZ,
            speech_s=speech_s,
            level_dbfs=float(level_dbfs),
            captured=self._captured,
        )


def _overall(utterances: list[Event], card: ModelCard, threshold: float) -> Estimate:
    """The utterances' scores, weighted by how much speech each holds."""
    if not utterances:
        return Estimate(emotion=NONE, likeliest=NONE, confidence=0.0, scores={})
    weights = np.zeros(len(card.labels))
    for event in utterances:
        weights += _speech_s(event) * np.array([event.scores[label] for label in card.labels])
    return estimate(card.labels, weights, threshold)


def _speech_s(event: Event) -> float:
    return event.speech_ratio * (event.end_s - event.start_s)

"""Scores a model on clips through serd's own pipeline, without TensorFlow."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from serd.audio.files import FileSource
from serd.audio.format import AudioBlock
from serd.errors import SoundFileError
from serd.model.adaptation import Adaptation
from serd.model.card import ModelCard
from serd.model.decision import RecordingSummary
from serd.model.runtime import EmotionModel
from serd.model.smoothing import SmoothingSettings
from serd.pipeline import (
    FeatureExtractor,
    FeatureSegment,
    PipelineSettings,
    UtteranceRecognizer,
    speech_segments,
)
from serd.speech.segments import Segment, SpeechWindow
from train.data.clips import Clip, CorpusError
from train.data.corpora import classes_of
from train.evaluation.metrics import MISSED, Scores, score


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipEstimate:
    """The estimate of a model for a whole clip."""

    probabilities: NDArray[np.float64] | None
    """float64, shape (n_labels,), sums to 1; None where no speech was detected."""
    speech_s: float
    """Speech in the utterances that the model takes for speech, in seconds."""


def feature_segments(
    blocks: Iterable[AudioBlock], card: ModelCard, settings: PipelineSettings, *, early_s: float = 0.0
) -> list[FeatureSegment]:
    """The windows of a clip with their features, and the ends of its utterances.

    They are the same for all models of one front end, whatever else their cards hold.

    Args:
        blocks: the clip's sound.
        card: of one of the models.
        settings: the same as the daemon's.
        early_s: where it is not 0, only the early estimate of each utterance counts: the provisional
            window that leaves after so many seconds of speech, or the first of a shorter utterance.
    """
    features = FeatureExtractor(card)
    segments = speech_segments(blocks, settings, card.window_samples, provisional_s=early_s)
    return [features.process(each) for each in (_first_windows(segments) if early_s else segments)]


def _first_windows(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Yield of each utterance the first window alone, as if it were a full one, and the end."""
    utterance = 0
    for segment in segments:
        if not isinstance(segment, SpeechWindow):
            yield segment
        elif segment.utterance != utterance:
            utterance = segment.utterance
            yield replace(segment, is_provisional=False)


def estimate_segments(
    segments: Iterable[FeatureSegment],
    model: EmotionModel,
    smoothing: SmoothingSettings,
    *,
    adaptation: Adaptation | None = None,
) -> ClipEstimate:
    """The estimate of a model for a clip whose windows are known.

    Args:
        segments: of the clip, as ``feature_segments`` gives them.
        model: gives the probabilities.
        smoothing: the same as the daemon's.
        adaptation: speaker adaptation, which this clip adds to; None for none.
    """
    recognizer = UtteranceRecognizer(model, smoothing, adaptation)
    summary = RecordingSummary(model.card)
    for segment in segments:
        summary.add(recognizer.decide(segment))
    return ClipEstimate(probabilities=summary.probabilities, speech_s=summary.speech_s)


def estimate_clip(
    blocks: Iterable[AudioBlock],
    model: EmotionModel,
    settings: PipelineSettings,
    *,
    early_s: float = 0.0,
    adaptation: Adaptation | None = None,
) -> ClipEstimate:
    """The estimate of a model for a clip: ``feature_segments``, then ``estimate_segments``."""
    segments = feature_segments(blocks, model.card, settings, early_s=early_s)
    return estimate_segments(segments, model, settings.smoothing, adaptation=adaptation)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipScores:
    """Scores of a model on clips."""

    restricted: Scores
    """Scores of decisions among the emotions that the clips can show."""
    plain: Scores
    """Scores of decisions among all emotions, as the daemon makes them."""
    left_out: tuple[str, ...] = ()
    """One line for each clip that could not be read."""

    def to_json(self) -> dict[str, object]:
        """The restricted scores, and "plain" with "uar" and "accuracy" where a restriction applies."""
        plain = self.plain.to_json()
        if plain == self.restricted.to_json():
            return plain
        return self.restricted.to_json() | {"plain": {name: plain[name] for name in ("uar", "accuracy")}}


def score_clips(
    model: EmotionModel,
    clips: Sequence[Clip],
    settings: PipelineSettings,
    *,
    emotions: Sequence[str] = (),
) -> ClipScores:
    """Score a model on clips.

    Args:
        model: the model.
        clips: the clips.
        settings: settings of the daemon's pipeline.
        emotions: emotions to which decisions are restricted; by default those of the clips' corpora.

    Raises:
        CorpusError: no clip could be read.
    """
    results: list[NDArray[np.float64] | str | None] = []
    for clip in clips:
        try:
            results.append(estimate_clip(FileSource(clip.path), model, settings).probabilities)
        except SoundFileError as exc:
            results.append(str(exc))
    return score_results(clips, results, model.card.labels, emotions=emotions)


def score_results(
    clips: Sequence[Clip],
    results: Sequence[NDArray[np.float64] | str | None],
    labels: Sequence[str],
    *,
    emotions: Sequence[str] = (),
) -> ClipScores:
    """Score what a model made of clips.

    Args:
        clips: the clips.
        results: of each clip its probabilities, float64, shape (n_labels,); None where no speech was
            detected; the reason in words where it could not be read.
        labels: labels of the model.
        emotions: as for ``score_clips``.

    Raises:
        CorpusError: no clip could be read.
    """
    shown = emotions or [each for clip in clips for each in classes_of(clip.corpus) or labels]
    label_mask = np.isin(labels, shown)
    truth, restricted, plain, left_out = [], [], [], []
    for clip, result in zip(clips, results, strict=True):
        if isinstance(result, str):
            left_out.append(result)
            continue
        truth.append(labels.index(clip.emotion))
        restricted.append(MISSED if result is None else int((result * label_mask).argmax()))
        plain.append(MISSED if result is None else int(result.argmax()))
    if not truth:
        raise CorpusError(f"none of {len(clips)} clips can be read, so there is nothing to score")
    return ClipScores(
        restricted=score(truth, restricted, labels),
        plain=score(truth, plain, labels),
        left_out=tuple(left_out),
    )

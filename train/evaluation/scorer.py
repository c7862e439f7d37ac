"""The scorer: probabilities of clips through the daemon's own pipeline, without TensorFlow."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serd.audio.files import FileSource
from serd.audio.format import AudioBlock
from serd.errors import SoundFileError
from serd.model.adaptation import Adaptation, AdaptationSettings
from serd.model.card import ModelCard
from serd.model.runtime import EmotionModel
from serd.model.smoothing import Smoother, SmoothingSettings
from serd.model.windows import FeatureWindow
from serd.pipeline import PipelineSettings, speech_segments, window_features
from serd.speech.segments import SpeechWindow, UtteranceEnd
from train.data.clips import Clip, CorpusError
from train.data.corpora import CLASSES
from train.evaluation.metrics import MISSED, Scores, score

Piece = FeatureWindow | UtteranceEnd
"""Parts of a clip: windows of speech with their features, and ends of utterances."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """Probabilities of a whole clip."""

    probabilities: NDArray[np.float64] | None
    """float64, shape (n_labels,), sums to 1; None without detected speech."""
    speech_s: float
    """Speech of the utterances, in seconds."""


def cut(
    blocks: Iterable[AudioBlock], card: ModelCard, settings: PipelineSettings, *, first_s: float = 0.0
) -> list[Piece]:
    """The windows of a clip, for all models of one front end.

    Args:
        blocks: the clip's sound.
        card: card of one of these models.
        settings: the same as the daemon's.
        first_s: speech before the early estimate of each utterance, in seconds: its provisional window,
            or the whole of a shorter utterance; 0 for all windows.
    """
    features = window_features(card)
    pieces: list[Piece] = []
    named = 0
    for segment in speech_segments(blocks, settings, card.window_samples, provisional_s=first_s):
        if not isinstance(segment, SpeechWindow):
            pieces.append(segment)
        elif not first_s or segment.utterance != named:
            named = segment.utterance
            pieces.append(features.process(segment))
    return pieces


def judge(
    pieces: Iterable[Piece],
    model: EmotionModel,
    smoothing: SmoothingSettings,
    *,
    adaptation: Adaptation | None = None,
) -> Heard:
    """Probabilities of a whole clip.

    An utterance is the mean over its windows weighted by the speech in each, as in the daemon's
    utterance events; a clip is the mean over its utterances weighted by their speech. An utterance that
    the model rejects does not count.

    Args:
        pieces: of the clip, as ``cut`` gives them.
        model: the model.
        smoothing: the same as the daemon's.
        adaptation: speaker adaptation, updated by this clip; None for none.
    """
    adaptation = adaptation or Adaptation(AdaptationSettings(), model.card)
    smoother = Smoother(model.card.labels, smoothing)
    total = np.zeros(len(model.card.labels))
    speech_s = 0.0
    for piece in pieces:
        if isinstance(piece, FeatureWindow):
            new_speech_s = piece.window.new_speech_s
            prediction = model.predict(adaptation.adapted(piece))
            adaptation.hear(piece, new_speech_s)
            smoother.update(prediction.probabilities, new_speech_s, prediction.no_speech)
            continue
        estimate = smoother.close()
        is_speech = not model.card.rejects(estimate.no_speech)
        adaptation.close(is_speech=is_speech)
        if is_speech:
            total += piece.speech_s * np.array(list(estimate.scores.values()))
            speech_s += piece.speech_s
    probabilities = total / total.sum() if total.any() else None
    return Heard(probabilities=probabilities, speech_s=speech_s)


def hear(
    blocks: Iterable[AudioBlock],
    model: EmotionModel,
    settings: PipelineSettings,
    *,
    first_s: float = 0.0,
    adaptation: Adaptation | None = None,
) -> Heard:
    """Probabilities of a clip's sound: ``cut``, then ``judge``."""
    pieces = cut(blocks, model.card, settings, first_s=first_s)
    return judge(pieces, model, settings.smoothing, adaptation=adaptation)


def clip_probabilities(
    blocks: Iterable[AudioBlock], model: EmotionModel, settings: PipelineSettings
) -> NDArray[np.float64] | None:
    """The probabilities of ``hear``: float64, shape (n_labels,), or None without detected speech."""
    return hear(blocks, model, settings).probabilities


def score_clips(
    model: EmotionModel, clips: Sequence[Clip], settings: PipelineSettings
) -> tuple[Scores, list[str]]:
    """Score a model on clips.

    A label mask excludes emotions that none of the clips' corpora has from the decisions.

    Returns:
        The scores, and one line for each clip that could not be read and was left out.

    Raises:
        CorpusError: no clip could be read.
    """
    labels = model.card.labels
    label_mask = np.isin(labels, [each for clip in clips for each in CLASSES.get(clip.corpus, labels)])
    truth, decisions, left_out = [], [], []
    for clip in clips:
        try:
            probabilities = clip_probabilities(FileSource(clip.path), model, settings)
        except SoundFileError as exc:
            left_out.append(str(exc))
            continue
        truth.append(labels.index(clip.emotion))
        decisions.append(MISSED if probabilities is None else int((probabilities * label_mask).argmax()))
    if not truth:
        raise CorpusError(f"none of {len(clips)} clips can be read, so there is nothing to score")
    return score(truth, decisions, labels), left_out

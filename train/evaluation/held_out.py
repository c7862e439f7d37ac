"""Predictions of a model for recordings that it was not trained on, decided on as in the daemon.

TensorFlow is not imported here: a worker process would spend most of its time on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serd.audio.files import read_samples
from serd.audio.format import SAMPLE_RATE_HZ, recording_block
from serd.daemon.worker_pool import map_in_order
from serd.errors import SoundFileError
from serd.model.card import ModelCard
from serd.model.decision import RecordingSummary
from serd.model.runtime import TfliteModel
from serd.pipeline import PipelineSettings, recognize
from train.data.clips import Clip
from train.evaluation.fold_networks import FoldNetwork
from train.evaluation.predictions import loaded

Probabilities = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class HeardRecording:
    """The probabilities of the events of one recording."""

    windows: Probabilities
    """Of its windows: float64, shape (n_windows, n_labels)."""
    utterances: Probabilities
    """Of its utterances: float64, shape (n_utterances, n_labels)."""
    whole: Probabilities | None
    """Of the recording as ``serd analyze`` sums it up: float64, shape (n_labels,); None where nobody is
    heard."""
    length_s: float
    """Length of the recording, in seconds."""
    left_out: str = ""
    """Why it could not be read, in one line; empty if it could."""

    @property
    def events(self) -> Probabilities:
        """Of its windows and utterances: float64, shape (n_windows + n_utterances, n_labels)."""
        return np.concatenate((self.windows, self.utterances))


@dataclass(frozen=True, kw_only=True, slots=True)
class HeardFold:
    """Predictions of one fold's network for speech that it was not trained on."""

    card: ModelCard
    """Card of the network."""
    clips: tuple[Clip, ...]
    """Readable speech of the fold's test actors, of all corpora."""
    acted: tuple[HeardRecording, ...]
    """The predictions for each of them."""
    ordinary: tuple[HeardRecording, ...]
    """The predictions for each readable recording of ordinary speech."""
    left_out: tuple[str, ...] = ()
    """One line for each recording that cannot be read."""


def hear(
    model_path: Path, paths: Sequence[Path], pipeline: PipelineSettings | None = None
) -> list[HeardRecording]:
    """Predictions of a model for recordings, on all processors.

    Args:
        model_path: the .tflite file; each process loads it once.
        paths: the recordings; one that cannot be read has no speech and no length.
        pipeline: settings of the daemon's pipeline; None for the defaults.
    """
    work = partial(_hear, model_path=model_path, pipeline=pipeline or PipelineSettings())
    return list(map_in_order(work, paths))


def hear_fold(network: FoldNetwork, clips: Sequence[Clip], ordinary: Sequence[Path]) -> HeardFold:
    """Predictions of a fold's network for its test actors and for ordinary speech.

    Args:
        network: the network.
        clips: clips of any actors.
        ordinary: recordings of ordinary speech.

    Raises:
        CorpusError: no clip of a test actor.
    """
    own = network.held_out_speech(clips)
    heard = hear(network.path, [*(clip.path for clip in own), *ordinary])
    acted = [(clip, each) for clip, each in zip(own, heard, strict=False) if not each.left_out]
    return HeardFold(
        card=network.card,
        clips=tuple(clip for clip, _ in acted),
        acted=tuple(each for _, each in acted),
        ordinary=tuple(each for each in heard[len(own) :] if not each.left_out),
        left_out=tuple(each.left_out for each in heard if each.left_out),
    )


def _hear(path: Path, *, model_path: Path, pipeline: PipelineSettings) -> HeardRecording:
    model = loaded(model_path, model_path.stat().st_mtime_ns)
    try:
        samples = read_samples(path)
    except SoundFileError as exc:
        nothing = _stacked([], model)
        return HeardRecording(
            windows=nothing, utterances=nothing, whole=None, length_s=0.0, left_out=str(exc)
        )
    rows: dict[str, list[list[float]]] = {"window": [], "utterance": []}
    summary = RecordingSummary(model.card)
    for decision in recognize([recording_block(samples)], model, pipeline):
        summary.add(decision)
        if decision.is_speech:
            rows[decision.kind].append(list(decision.estimate.scores.values()))
    return HeardRecording(
        windows=_stacked(rows["window"], model),
        utterances=_stacked(rows["utterance"], model),
        whole=summary.probabilities,
        length_s=samples.size / SAMPLE_RATE_HZ,
    )


def _stacked(rows: list[list[float]], model: TfliteModel) -> Probabilities:
    return np.array(rows, np.float64).reshape(-1, len(model.card.labels))

"""``python -m train export``: a checkpoint in every precision, each compared with Keras first."""

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from serd.errors import OperationError
from serd.model.card import ModelCard
from serd.model.runtime import TfliteModel
from serd.pipeline import PipelineSettings
from train.data.clips import Actors, Corpus, format_actors
from train.evaluation.scorer import ClipScores, score_clips
from train.model.agreement import Agreement, Precision, compare, file_name
from train.model.checkpoint import Checkpoint, CheckpointError, load_keras
from train.model.conversion import convert, float_operators, network_sha256, write_model
from train.model.export_windows import (
    RealWindows,
    calibration_windows,
    comparison_windows,
    held_out,
    is_training_data,
)
from train.model.graph import Graph, read_graph
from train.model.tensorflow_import import versions

LEAST_AGREEMENT: Final[Mapping[Precision, float]] = {"float32": 0.995, "dynamic": 0.98, "int8": 0.98}
"""Least agreement of each precision with Keras."""

_ROUNDS: Final = 200
"""Measured runs of each network, of which the latency is the median."""
_WARM_UP: Final = 20
"""Runs before the measured ones."""
_SHOWN: Final = 10
"""Most disagreements that are listed."""

Log = Callable[[str], None]


class AgreementError(OperationError):
    """A converted network disagrees with the Keras model too often."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportSettings:
    """Checkpoint, clips and folder of an export."""

    network: Checkpoint
    """The checkpoint."""
    corpus: Corpus
    """Clips of its training actors and, to score it, of its test actors."""
    out: Path
    """Output folder."""
    seed: int
    """Seed of the choice of clips."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exported:
    """A network in one precision, with its measurements."""

    precision: Precision
    """float32, dynamic or int8."""
    flatbuffer: bytes
    """The network without its card."""
    path: Path
    """The .tflite file, with the card inside."""
    graph: Graph
    """Operators, parameters and multiply-accumulates."""
    latency_ms: float
    """Median latency of a window in serd's runtime with one thread, in milliseconds."""
    runtime: str
    """Name and version of that runtime."""
    agreement: Agreement
    """Agreement with Keras."""
    compared_actors: Actors
    """Actors of the compared windows."""
    scores: ClipScores | None
    """Scores on speech of test actors; None without any."""


def export(settings: ExportSettings, log: Log) -> list[Exported]:
    """Convert, compare, measure and write; nothing is written unless every precision agrees.

    Raises:
        CheckpointError: the Keras model does not load, does not fit its card, or needs Flex operators.
        CorpusError: the clips are missing.
        AgreementError: a precision disagrees with Keras too often.
    """
    card = settings.network.card
    model = load_keras(settings.network)
    _check_shapes(model, settings.network)
    if not is_training_data(settings.corpus, card):
        log("note: the clips are not all that the network was trained on, and no others")
    compared = comparison_windows(settings.corpus, card, seed=settings.seed)
    calibration = calibration_windows(settings.corpus, card, seed=settings.seed)
    log(
        f"int8 ranges from {len(calibration.names)} windows of actors"
        f" {format_actors(calibration.actors)}, half of them augmented; this takes a while"
    )
    flatbuffers = convert(model, calibration.mfccs)
    models = {precision: _load(each, card) for precision, each in flatbuffers.items()}
    reference = model.predict(compared.mfccs, batch_size=64, verbose=0)
    agreements = {precision: _agreement(each, compared, reference) for precision, each in models.items()}
    _refuse_disagreements(agreements, compared, log)
    latencies_ms = _latencies_ms(models, compared.mfccs)
    exported = [
        Exported(
            precision=precision,
            flatbuffer=flatbuffer,
            path=settings.out / file_name(card.name, precision),
            graph=read_graph(flatbuffer),
            latency_ms=latencies_ms[precision],
            runtime=models[precision].runtime,
            agreement=agreements[precision],
            compared_actors=compared.actors,
            scores=_scores(models[precision], precision, settings, log),
        )
        for precision, flatbuffer in flatbuffers.items()
    ]
    for each in exported:
        facts = _facts(each, len(calibration.names), settings.seed)
        write_model(each.path, each.flatbuffer, _card(card, each, facts))
    return exported


def _check_shapes(model: keras.Model, network: Checkpoint) -> None:
    card = network.card
    expected = ((None, card.n_frames, card.feature_set.n_features), (None, len(card.outputs)))
    if (model.input_shape, model.output_shape) != expected:
        raise CheckpointError(
            f"{network.path}: the Keras model takes {model.input_shape} and gives"
            f" {model.output_shape}, its card expects {expected[0]} and {expected[1]}"
        )


def _load(flatbuffer: bytes, card: ModelCard) -> TfliteModel:
    """A flatbuffer in serd's own runtime."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        write_model(path, flatbuffer, replace(card, network_sha256=network_sha256(flatbuffer)))
        return TfliteModel(path, threads=1)


def _agreement(model: TfliteModel, windows: RealWindows, reference: NDArray[np.float32]) -> Agreement:
    probabilities = np.array([model.outputs(mfccs) for mfccs in windows.mfccs])
    return compare(reference, probabilities, windows.names, model.card.outputs)


def _refuse_disagreements(
    agreements: Mapping[Precision, Agreement], windows: RealWindows, log: Log
) -> None:
    """Log disagreements with Keras, and refuse a network with too many."""
    refused = []
    for precision, agreement in agreements.items():
        least = LEAST_AGREEMENT[precision]
        if agreement.share >= least:
            continue
        for disagreement in agreement.disagreements[:_SHOWN]:
            log(f"{precision}: {disagreement}")
        if len(agreement.disagreements) > _SHOWN:
            log(f"{precision}: and {len(agreement.disagreements) - _SHOWN} more")
        refused.append(
            f"{precision} names the class that Keras names for {agreement.share:.2%} of"
            f" {agreement.n_windows} windows, expected {least:.1%} (widest apart:"
            f" {agreement.disagreements[0]})"
        )
    if refused:
        actors = format_actors(windows.actors)
        raise AgreementError(f"nothing is written; on speech of actors {actors} {'; '.join(refused)}")


def _latencies_ms(
    models: Mapping[Precision, TfliteModel], windows: NDArray[np.float32]
) -> dict[Precision, float]:
    """Median time of a window; the networks take turns, so that all have the same load."""
    times_s: dict[Precision, list[float]] = {precision: [] for precision in models}
    for number in range(_WARM_UP + _ROUNDS):
        window = windows[number % len(windows)]
        for precision, model in models.items():
            started_s = time.perf_counter()
            model.outputs(window)
            times_s[precision].append(time.perf_counter() - started_s)
    return {precision: 1e3 * float(np.median(each[_WARM_UP:])) for precision, each in times_s.items()}


def _scores(
    model: TfliteModel, precision: Precision, settings: ExportSettings, log: Log
) -> ClipScores | None:
    """Scores on speech of test actors through the daemon's pipeline."""
    actors = held_out(settings.corpus, model.card)
    if not actors:
        return None
    log(f"scoring {precision} on actors {format_actors(actors)}")
    clips = [clip for clip in settings.corpus.clips if clip.actor in actors and clip.channel == "speech"]
    scores = score_clips(model, clips, PipelineSettings())
    for line in scores.left_out:
        log(f"left out of the scores: {line}")
    return scores


def _facts(exported: Exported, n_calibration: int, seed: int) -> dict[str, Any]:
    """Facts on the export for the card."""
    facts: dict[str, Any] = {
        "precision": exported.precision,
        "same_top_class_as_keras": round(exported.agreement.share, 4),
        "largest_difference_to_keras": round(exported.agreement.largest_difference, 4),
        "compared_windows": exported.agreement.n_windows,
        "compared_actors": format_actors(exported.compared_actors),
        "seed": seed,
        "versions": versions(),
    }
    if exported.precision == "int8":
        facts["calibration_windows"] = n_calibration
        facts["float_operators"] = float_operators(exported.flatbuffer)
    return facts


def _card(card: ModelCard, exported: Exported, facts: dict[str, Any]) -> ModelCard:
    """The card of one precision; measurements of the float32 network are marked."""
    training = {**card.training, "export": facts}
    if "accuracy" in training:
        training["accuracy"] = {**training["accuracy"], "precision": "float32"}
    if exported.scores is not None:
        # Where there are held-out actors, the comparison was made on them.
        actors = format_actors(exported.compared_actors)
        training["held_out"] = {"test_actors": actors, **exported.scores.to_json()}
    elif "held_out" in training:
        training["held_out"] = {**training["held_out"], "precision": "float32"}
    return replace(card, network_sha256=network_sha256(exported.flatbuffer), training=training)

"""Networks of the folds of runs, each scored on speech and noise that it was not trained on."""

import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Final

from serd.model.card import ModelCard
from serd.model.labels import EMOTIONS
from serd.pipeline import PipelineSettings
from train.data.clips import Actors, Clip, CorpusError, actor_order, format_actors
from train.evaluation.conditions import CONDITIONS, Changes
from train.evaluation.false_accepts import false_accepts
from train.evaluation.fold_networks import FoldNetwork, fold_networks
from train.evaluation.held_out_noise import folds_of_sounds, held_out_noise
from train.evaluation.joined_clips import decide_joined, joined_clips
from train.evaluation.metrics import Scores, score
from train.evaluation.predictions import (
    NoiseSettings,
    Prediction,
    Predictions,
    predict,
)
from train.evaluation.schemes import Scheme, scheme_for
from train.evaluation.speaker_adaptation import predict_adapted
from train.features.noise import NoiseBank
from train.model.checkpoint import find_checkpoint, load_keras
from train.model.conversion import network_sha256, to_tflite, write_model

SNR_DB: Final = (20.0, 10.0, 0.0)
"""Ratios of speech to noise, in dB."""

_N_ORDERS: Final = 3
"""Random orders of each actor's clips, for speaker adaptation."""

Log = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class FoldResult:
    """Measurements of one fold's network."""

    test: Actors
    """Its test actors that have clips."""
    card: ModelCard
    """Card of the network."""
    n_bytes: int
    """Size of its file."""
    predictions: Predictions
    """Decisions on speech as recorded, in noise and under other conditions."""
    in_float: Scores
    """Scores of the network in float32, on speech as recorded."""
    joined: Scores
    """Scores on joined clips."""
    adapted: Scores
    """Scores with speaker adaptation, over all orders."""
    n_noises: int
    """Number of recordings without speech whose sound it was not trained on."""
    false_accepts: tuple[str, ...]
    """Names of these recordings that lead to an event."""

    def scores(self, predictions: Sequence[Prediction]) -> Scores:
        """Scores of the decisions under one condition."""
        return _counted(predictions)


def evaluate_folds(
    runs: Sequence[Path],
    clips: Sequence[Clip],
    noise: NoiseBank,
    *,
    rooms: Sequence[Path] = (),
    seed: int,
    log: Log,
) -> list[list[FoldResult]]:
    """Score every fold of some runs; a clip is processed once for all networks scored on it.

    Args:
        runs: folders of runs, with "model-<test actors>.tflite" of each fold.
        clips: all clips of the corpus.
        noise: recordings without speech.
        rooms: impulse responses of rooms that no network was trained on; empty for none.
        seed: seed of noise and joined clips.
        log: takes a line on progress.

    Returns:
        The folds of each run, in the order of their actors.

    Raises:
        CorpusError: no fold's network in a folder, no clip of its test actors, or a room that a network
            was trained on.
    """
    networks = {run: fold_networks(run) for run in runs}
    alike: dict[tuple[object, ...], list[FoldNetwork]] = defaultdict(list)
    for network in chain.from_iterable(networks.values()):
        alike[network.input_key].append(network)
    results: dict[Path, FoldResult] = {}
    of_sounds = folds_of_sounds(noise)
    for group in alike.values():
        held_out = _held_out(group[0], noise, of_sounds)
        results |= _evaluate(group, clips, held_out, rooms, seed, log)
    folds = [[results[network.path] for network in networks[run]] for run in runs]
    return [sorted(own, key=lambda fold: min(map(actor_order, fold.test))) for own in folds]


def _evaluate(
    networks: Sequence[FoldNetwork],
    clips: Sequence[Clip],
    noise: NoiseBank,
    rooms: Sequence[Path],
    seed: int,
    log: Log,
) -> dict[Path, FoldResult]:
    """Results of networks with the same input key, by file, in noise that none was trained on."""
    speech = networks[0].held_out_speech(clips)
    test = frozenset(clip.actor for clip in speech)
    log(f"actors {format_actors(test)}: {len(speech)} clips, {len(networks)} networks")
    for network in networks:
        _check_rooms(network, rooms)
    paths = [network.path for network in networks]
    labelled = [(clip, clip.label) for clip in speech]
    scheme = scheme_for(networks[0].card.labels)
    pipeline = PipelineSettings()
    noise_settings = NoiseSettings(bank=noise, snr_db=SNR_DB, seed=seed)
    changes = Changes(conditions=tuple(CONDITIONS), rooms=tuple(rooms))
    predictions = predict(paths, labelled, scheme, pipeline, noise_settings, changes=changes)
    for line in predictions[0].left_out:
        log(f"left out: {line}")
    joined = joined_clips([each.clip for each in predictions[0].clean], seed=seed)
    truth = [label for label, _ in joined]
    decisions = decide_joined(paths, joined, pipeline)
    adapted = predict_adapted(paths, labelled, scheme, n_orders=_N_ORDERS, seed=seed)
    in_float = _in_float(networks, labelled, scheme)
    return {
        network.path: FoldResult(
            test=test,
            card=network.card,
            n_bytes=network.path.stat().st_size,
            predictions=predictions[number],
            in_float=in_float[number],
            joined=score(truth, decisions[number], EMOTIONS),
            adapted=_counted(list(chain.from_iterable(adapted[number]))),
            n_noises=len(noise.paths),
            false_accepts=false_accepts(network.path, noise.paths),
        )
        for number, network in enumerate(networks)
    }


def _held_out(network: FoldNetwork, noise: NoiseBank, folds: Mapping[Path, frozenset[str]]) -> NoiseBank:
    """The noise that a network was not trained on."""
    fold = network.held_out_noise
    if not fold and network.card.training.get("noise"):
        raise CorpusError(
            f"{network.path}: it was trained on all of its noise, so none is left to score it with;"
            " expected a network of fit --noise with recordings of two folds or more"
        )
    paths = held_out_noise(folds, fold)
    if not paths:
        raise CorpusError(
            f"{network.path}: it was not trained on fold {fold!r} of the noise, of which nothing is in"
            f" {' and '.join(map(str, noise.folders))}; give the folders that fit was given"
        )
    return replace(noise, paths=paths)


def _check_rooms(network: FoldNetwork, rooms: Sequence[Path]) -> None:
    """Raise where a network may have been trained on one of some rooms."""
    trained = network.card.training.get("rooms")
    known = [room.stem for room in rooms if trained is None or room.stem in trained]
    if known:
        raise CorpusError(
            f"{network.path}: it was, or may have been, trained on the rooms {', '.join(known)};"
            " expected a network of fit --rooms with the same folder"
        )


def _in_float(
    networks: Sequence[FoldNetwork], labelled: Sequence[tuple[Clip, int]], scheme: Scheme
) -> list[Scores]:
    """Scores of the networks in float32, on speech as recorded."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, each in enumerate(networks):
            network = to_tflite(load_keras(find_checkpoint(each.path.with_suffix(".keras"))))
            paths.append(Path(folder) / f"{number}.tflite")
            write_model(paths[-1], network, replace(each.card, network_sha256=network_sha256(network)))
        predictions = predict(paths, labelled, scheme, PipelineSettings())
    return [_counted(each.clean) for each in predictions]


def _counted(predictions: Sequence[Prediction]) -> Scores:
    return score([each.truth for each in predictions], [each.decision for each in predictions], EMOTIONS)

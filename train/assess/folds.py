"""The networks of one run's folds, each heard on speech and noise that it has not learnt from."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from serd.card import ModelCard
from serd.labels import EMOTIONS
from serd.model_file import read_model
from serd.pipeline import PipelineSettings
from train.actors import Actors, actor_order, format_actors, parse_actors
from train.assess.joined import decide_joined, joined_clips
from train.assess.no_speech import named_recordings
from train.clips import Clip, CorpusError
from train.convert import network_sha256, to_tflite, write_model
from train.evaluation.adapted import predict_adapted
from train.evaluation.conditions import CONDITIONS
from train.evaluation.predictions import NoiseSettings, Prediction, Predictions, predict
from train.evaluation.schemes import scheme_for
from train.kept import find_network, load_keras
from train.noise import NoiseBank
from train.noise_folds import noise_fold
from train.scores import Scores, score

SNR_DB: Final = (20.0, 10.0, 0.0)
"""Ratios of speech to noise, in dB."""

_N_ORDERS: Final = 3
"""Orders in which each actor's clips come to a daemon that gets used to the voice."""

Report = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class FoldResult:
    """What was measured of one fold's network."""

    test: Actors
    """Whom it was heard on."""
    card: ModelCard
    """The network's."""
    n_bytes: int
    """Size of its file."""
    predictions: Predictions
    """Decisions on their speech: as recorded, in noise, under other conditions."""
    in_float: Scores
    """The same network in float32, on their speech as recorded."""
    joined: Scores
    """On joined clips."""
    adapted: Scores
    """Used to each actor's voice by the clips before, in several orders."""
    n_noises: int
    """Recordings in which nobody speaks, of the part that it has not heard."""
    noises_named: tuple[str, ...]
    """Those of them that lead to any event."""

    def scores(self, passed: Sequence[Prediction]) -> Scores:
        """Counted decisions of one pass."""
        return _counted(passed)


def assess_folds(
    run: Path, clips: Sequence[Clip], noise: NoiseBank, *, seed: int, report: Report
) -> list[FoldResult]:
    """Hear every fold of a run.

    Args:
        run: folder of the run, with "model-<test actors>.tflite" of each fold.
        clips: all clips of the corpus.
        noise: recordings in which nobody speaks.
        seed: draws noise and what is joined.
        report: told how it goes on.

    Raises:
        CorpusError: no fold's network in the folder, or no clip of its test actors.
    """
    paths = sorted(run.glob("model-*.tflite"))
    if not paths:
        raise CorpusError(f"{run}: no fold's network (model-*.tflite) in it; fit with --protocol first")
    results = [_assess(path, clips, noise, seed, report) for path in paths]
    return sorted(results, key=lambda each: min(map(actor_order, each.test)))


def _assess(
    path: Path, clips: Sequence[Clip], noise: NoiseBank, seed: int, report: Report
) -> FoldResult:
    _, card = read_model(path)
    test = parse_actors(str(card.training["test_actors"]))
    speech = [clip for clip in clips if clip.actor in test and clip.channel == "speech"]
    if not speech:
        raise CorpusError(f"{path}: no clip of its test actors {format_actors(test)}")
    report(f"{path.parent.name}, actors {format_actors(test)}: {len(speech)} clips")
    pipeline = PipelineSettings()
    part = str(card.training.get("unheard_noise", ""))
    unheard = tuple(each for each in noise.paths if not part or noise_fold(each) == part)
    if not unheard:
        raise CorpusError(
            f"{path}: it has left part {part!r} of the noise unheard, of which {noise.folder} holds"
            " nothing; give the folder that fit was given"
        )
    predictions = predict(
        path,
        [(clip, clip.label) for clip in speech],
        scheme_for(card.labels),
        pipeline,
        NoiseSettings(bank=replace(noise, paths=unheard), snr_db=SNR_DB, seed=seed),
        conditions=tuple(CONDITIONS),
    )
    truth, decisions = zip(*decide_joined(path, joined_clips(speech, seed=seed), pipeline), strict=True)
    adapted = [
        each
        for passed in predict_adapted(
            path,
            [(clip, clip.label) for clip in speech],
            scheme_for(card.labels),
            n_orders=_N_ORDERS,
            seed=seed,
        )
        for each in passed
    ]
    return FoldResult(
        test=test,
        card=card,
        n_bytes=path.stat().st_size,
        predictions=predictions,
        in_float=_in_float(path, card, speech),
        joined=score(truth, decisions, EMOTIONS),
        adapted=_counted(adapted),
        n_noises=len(unheard),
        noises_named=named_recordings(path, unheard),
    )


def _in_float(path: Path, card: ModelCard, speech: Sequence[Clip]) -> Scores:
    """The network as float32, on speech as recorded."""
    network = to_tflite(load_keras(find_network(path.with_suffix(".keras"))))
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder) / "float.tflite"
        write_model(there, network, replace(card, network_sha256=network_sha256(network)))
        passed = predict(
            there,
            [(clip, clip.label) for clip in speech],
            scheme_for(card.labels),
            PipelineSettings(),
        ).clean
    return _counted(passed)


def _counted(passed: Sequence[Prediction]) -> Scores:
    return score([each.truth for each in passed], [each.decision for each in passed], EMOTIONS)

"""Decisions with speaker adaptation: each clip after the actor's earlier ones."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from serd.audio.files import read_samples
from serd.audio.format import recording_block
from serd.daemon.worker_pool import map_in_order
from serd.errors import SoundFileError
from serd.model.adaptation import Adaptation, AdaptationSettings
from serd.model.runtime import TfliteModel
from serd.pipeline import FeatureSegment, PipelineSettings
from train.data.clips import Clip
from train.evaluation.predictions import Prediction, loaded_all
from train.evaluation.schemes import Scheme
from train.evaluation.scorer import estimate_segments, feature_segments


@dataclass(frozen=True, kw_only=True, slots=True)
class _ActorJob:
    """One actor's clips and their orders."""

    clips: tuple[tuple[Clip, int], ...]
    orders: tuple[tuple[int, ...], ...]


def predict_adapted(
    model_paths: Sequence[Path],
    clips: Sequence[tuple[Clip, int]],
    scheme: Scheme,
    *,
    n_orders: int,
    seed: int,
    settings: AdaptationSettings | None = None,
) -> list[list[tuple[Prediction, ...]]]:
    """Decisions of models that adapt to each actor's earlier clips.

    Args:
        model_paths: the .tflite files, of one front end.
        clips: the clips, each with the index of its class.
        scheme: the classes.
        n_orders: number of random orders of each actor's clips; 0 for none.
        seed: seed of the orders.
        settings: speaker adaptation; by default that of the daemon once enabled.

    Returns:
        The decisions of each model in each order, without unreadable clips.
    """
    by_actor: dict[str, list[tuple[Clip, int]]] = defaultdict(list)
    for clip, truth in clips:
        by_actor[clip.actor].append((clip, truth))
    jobs = []
    for actor, own in by_actor.items():
        rngs = [np.random.default_rng([seed, order, *actor.encode()]) for order in range(n_orders)]
        orders = tuple(tuple(rng.permutation(len(own)).tolist()) for rng in rngs)
        jobs.append(_ActorJob(clips=tuple(own), orders=orders))
    work = partial(
        _decide,
        model_paths=tuple(model_paths),
        scheme=scheme,
        settings=replace(settings or AdaptationSettings(), enabled=True),
        pipeline=PipelineSettings(),
    )
    passes: list[list[list[Prediction]]] = [[[] for _ in range(n_orders)] for _ in model_paths]
    for by_model in map_in_order(work, jobs if n_orders else []):
        for own_passes, by_order in zip(passes, by_model, strict=True):
            for passed, predictions in zip(own_passes, by_order, strict=True):
                passed.extend(predictions)
    return [[tuple(passed) for passed in own_passes] for own_passes in passes]


def _decide(
    job: _ActorJob,
    *,
    model_paths: tuple[Path, ...],
    scheme: Scheme,
    settings: AdaptationSettings,
    pipeline: PipelineSettings,
) -> list[list[list[Prediction]]]:
    """Decisions of each model on one actor's clips in each order."""
    models = loaded_all(model_paths)
    cuts: list[list[FeatureSegment] | None] = []
    for clip, _ in job.clips:
        try:
            cuts.append(
                feature_segments([recording_block(read_samples(clip.path))], models[0].card, pipeline)
            )
        except SoundFileError:
            cuts.append(None)

    def decisions_in(order: Sequence[int], model: TfliteModel) -> list[Prediction]:
        adaptation = Adaptation(settings, model.card)
        predictions = []
        for index in order:
            (clip, truth), pieces = job.clips[index], cuts[index]
            if pieces is not None:
                heard = estimate_segments(pieces, model, pipeline.smoothing, adaptation=adaptation)
                predictions.append(Prediction.of(clip, truth, heard, scheme))
        return predictions

    return [[decisions_in(order, model) for order in job.orders] for model in models]

"""A model that gets used to each actor's voice by what it has heard of it before, by nothing else."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from serd.audio.files import read_samples
from serd.audio.format import whole
from serd.errors import SoundFileError
from serd.model.adaptation import Adaptation, AdaptationSettings
from serd.model.runtime import TfliteModel
from serd.pipeline import PipelineSettings
from train.data.clips import Clip
from train.evaluation.predictions import Prediction, loaded_all
from train.evaluation.schemes import Scheme
from train.evaluation.scorer import Piece, cut, judge
from train.features.processes import map_in_order


@dataclass(frozen=True, kw_only=True, slots=True)
class _Listening:
    """One actor's clips, and the orders in which they are heard."""

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
    """Decisions in which every clip is heard by a daemon that is used to the actor's earlier clips.

    Args:
        model_paths: the .tflite files, of one front end.
        clips: the clips, each with the index of its class.
        scheme: the classes.
        n_orders: orders in which the clips of each actor come; 0 for none.
        seed: draws them.
        settings: how the daemon gets used to voices; by default as it does once that is enabled.

    Returns:
        Of each model the decisions of each order; a clip that cannot be read has none.
    """
    by_actor: dict[str, list[tuple[Clip, int]]] = defaultdict(list)
    for clip, truth in clips:
        by_actor[clip.actor].append((clip, truth))
    jobs = []
    for actor, own in by_actor.items():
        rngs = [np.random.default_rng([seed, order, *actor.encode()]) for order in range(n_orders)]
        orders = tuple(tuple(rng.permutation(len(own)).tolist()) for rng in rngs)
        jobs.append(_Listening(clips=tuple(own), orders=orders))
    work = partial(
        _listen,
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


def _listen(
    job: _Listening,
    *,
    model_paths: tuple[Path, ...],
    scheme: Scheme,
    settings: AdaptationSettings,
    pipeline: PipelineSettings,
) -> list[list[list[Prediction]]]:
    """One actor's clips in each order, one after another, as each model hears them."""
    models = loaded_all(model_paths)
    cuts: list[list[Piece] | None] = []
    for clip, _ in job.clips:
        try:
            cuts.append(cut([whole(read_samples(clip.path))], models[0].card, pipeline))
        except SoundFileError:
            cuts.append(None)

    def heard_in(order: Sequence[int], model: TfliteModel) -> list[Prediction]:
        adaptation = Adaptation(settings, model.card)
        predictions = []
        for index in order:
            (clip, truth), pieces = job.clips[index], cuts[index]
            if pieces is not None:
                heard = judge(pieces, model, pipeline.smoothing, adaptation=adaptation)
                predictions.append(Prediction.of(clip, truth, heard, scheme))
        return predictions

    return [[heard_in(order, model) for order in job.orders] for model in models]

"""A model that gets used to each actor's voice by what it has heard of it before, by nothing else."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from serd.adaptation import Adaptation, AdaptationSettings
from serd.audio import whole
from serd.errors import SoundFileError
from serd.pipeline import PipelineSettings
from serd.sources.files import read_samples
from train.clips import Clip
from train.evaluate import hear
from train.evaluation.predictions import Prediction, loaded
from train.evaluation.schemes import Scheme
from train.processes import map_in_order


@dataclass(frozen=True, kw_only=True, slots=True)
class _Listening:
    """One actor's clips, in the order in which they are heard."""

    clips: tuple[tuple[Clip, int], ...]
    model_path: Path
    scheme: Scheme
    settings: AdaptationSettings


def predict_adapted(
    model_path: Path,
    clips: Sequence[tuple[Clip, int]],
    scheme: Scheme,
    *,
    n_orders: int,
    seed: int,
    settings: AdaptationSettings | None = None,
    progress: Callable[[], None] = lambda: None,
) -> list[tuple[Prediction, ...]]:
    """Decisions in which every clip is heard by a daemon that is used to the actor's earlier clips.

    Args:
        model_path: the .tflite file.
        clips: the clips, each with the index of its class.
        scheme: the classes.
        n_orders: orders in which the clips of each actor come.
        seed: draws them.
        settings: how the daemon gets used to voices; by default as it does once that is enabled.
        progress: told of each actor that is done.

    Returns:
        The decisions of each order; a clip that cannot be read has none.
    """
    by_actor: dict[str, list[tuple[Clip, int]]] = defaultdict(list)
    for clip, truth in clips:
        by_actor[clip.actor].append((clip, truth))
    settings = replace(settings or AdaptationSettings(), enabled=True)
    jobs = []
    for order in range(n_orders):
        for actor, own in by_actor.items():
            rng = np.random.default_rng([seed, order, *actor.encode()])
            chosen = tuple(own[index] for index in rng.permutation(len(own)))
            jobs.append(
                _Listening(clips=chosen, model_path=model_path, scheme=scheme, settings=settings)
            )
    passes: list[list[Prediction]] = [[] for _ in range(n_orders)]
    work = partial(_listen, pipeline=PipelineSettings())
    for number, predictions in enumerate(map_in_order(work, jobs)):
        passes[number // len(by_actor)] += predictions
        progress()
    return [tuple(each) for each in passes]


def _listen(job: _Listening, *, pipeline: PipelineSettings) -> list[Prediction]:
    """One actor's clips, one after another."""
    model = loaded(job.model_path, job.model_path.stat().st_mtime_ns)
    adaptation = Adaptation(job.settings, model.card)
    predictions = []
    for clip, truth in job.clips:
        try:
            sound = whole(read_samples(clip.path))
        except SoundFileError:
            continue
        heard = hear([sound], model, pipeline, adaptation=adaptation)
        predictions.append(Prediction.of(clip, truth, heard, job.scheme))
    return predictions

"""Evaluation of a model on clips, as recorded and in noise, with all of its metrics."""

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import serd
from serd.model.card import ModelCard
from serd.model.runtime import TfliteModel
from serd.pipeline import PipelineSettings
from train.data.clips import Clip, Corpus, CorpusError, fingerprint, format_actors, named_or_counted
from train.evaluation.metrics import Scores, score
from train.evaluation.pass_metrics import PassMetrics, pass_metrics
from train.evaluation.predictions import NoiseSettings, Prediction, Predictions, predict
from train.evaluation.schemes import Scheme, scheme_for
from train.evaluation.selection import Request, Selection, select
from train.evaluation.speaker_adaptation import predict_adapted
from train.features.noise import NoiseBank

SCHEMA = 1
"""Version of the layout of ``metrics.json``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationPlan:
    """Model, clips and classes of an evaluation, checked before anything slow begins."""

    model_path: Path
    """The .tflite file."""
    card: ModelCard
    """Its card."""
    runtime: str
    """Name and version of the TFLite runtime."""
    root: Path
    """Folder of the clips."""
    request: Request
    """Requested actors and channel."""
    selection: Selection
    """Selected clips."""
    scheme: Scheme
    """The classes."""
    clips: tuple[tuple[Clip, int], ...]
    """The selected clips that have a class, each with its index."""
    remarks: tuple[str, ...]
    """Remarks on the metrics."""
    left_out: tuple[str, ...]
    """One line for each unused sound file, with the reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """Decisions and metrics of a model."""

    plan: EvaluationPlan
    """Model, clips and classes."""
    seed: int
    """Seed of noise and resamples."""
    predictions: Predictions
    """Decisions on each clip."""
    clean: PassMetrics
    """Metrics of the clips as recorded."""
    noisy: Mapping[float, PassMetrics]
    """Metrics by signal-to-noise ratio in dB."""
    adapted: tuple[Scores, ...]
    """Scores with speaker adaptation, for each order of the clips; empty without it."""
    bank: NoiseBank | None
    """Recordings of the noise; None without noise."""
    command: str
    """The command, without the folders of this machine."""

    @property
    def title(self) -> str:
        """The model and its test actors, or their number where they fill more than a line."""
        card = self.plan.card
        return f"{card.name} {card.version} on {named_or_counted(self.plan.selection.actors)}"

    @property
    def left_out(self) -> tuple[str, ...]:
        """One line for each unused file of speech or noise."""
        return (
            *self.plan.left_out,
            *self.predictions.left_out,
            *(self.bank.left_out if self.bank else ()),
        )

    def file(self, clip: Clip) -> str:
        """A clip's path relative to the root, or its name elsewhere."""
        root, path = self.plan.root, clip.path
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name

    def to_json(self) -> dict[str, Any]:
        """The content of ``metrics.json``; the same run gives the same content.

        Metrics of the clips as recorded are at the top level, those in noise in entries of their own.
        """
        plan = self.plan
        clips = [each.clip for each in self.predictions.clean]
        return {
            "schema": SCHEMA,
            "model": {
                "name": plan.card.name,
                "version": plan.card.version,
                "network_sha256": plan.card.network_sha256,
                "labels": list(plan.card.labels),
            },
            "command": self.command,
            "seed": self.seed,
            "protocol": plan.request.protocol,
            "channel": plan.request.channel,
            "scheme": plan.scheme.name,
            "actors": format_actors(plan.selection.actors),
            "seen_actors": format_actors(plan.selection.seen),
            "data": {"sha256_of_names_and_sizes": fingerprint(clips), "n_clips": len(clips)},
            "versions": {
                "serd": serd.__version__,
                "runtime": plan.runtime,
                "numpy": np.__version__,
                "python": platform.python_version(),
            },
            "remarks": list(plan.remarks),
            "left_out": list(self.left_out),
            **self._pass_json(self.clean),
            "adapted": [_adapted_json(each) for each in self.adapted],
            "noise": [{"snr_db": snr} | self._pass_json(each) for snr, each in self.noisy.items()],
        }

    def _pass_json(self, each: PassMetrics) -> dict[str, Any]:
        return each.to_json() | {"unheard": [self.file(clip) for clip in each.missed]}


def _adapted_json(scores: Scores) -> dict[str, Any]:
    return {"uar": round(scores.uar, 4), "n_clips": scores.n_clips, "n_unheard": scores.n_missed}


def plan_evaluation(
    model_path: Path, root: Path, corpus: Corpus, request: Request, scheme_name: str | None = None
) -> EvaluationPlan:
    """Open the model and select the clips.

    Args:
        model_path: the .tflite file.
        root: folder of the clips.
        corpus: the clips found there.
        request: requested actors and channel.
        scheme_name: one of ``SCHEMES``, or None for the model's own labels.

    Raises:
        ModelError: serd cannot run the file.
        CorpusError: as ``select``; or no clip has one of the classes.
        InputError: as ``scheme_for``.
    """
    model = TfliteModel(model_path)
    scheme = scheme_for(model.card.labels, scheme_name)
    selection = select(corpus, model.card, request)
    truths = [(clip, scheme.truth(clip)) for clip in selection.clips]
    clips = tuple((clip, truth) for clip, truth in truths if truth is not None)
    if not clips:
        there = ", ".join(sorted({clip.emotion for clip, _ in truths}))
        raise CorpusError(f"no clip of {', '.join(scheme.classes)}; there are {there} to choose from")
    return EvaluationPlan(
        model_path=model_path,
        card=model.card,
        runtime=model.runtime,
        root=root,
        request=request,
        selection=selection,
        scheme=scheme,
        clips=clips,
        remarks=(*selection.remarks, *_remarks(model.card, request, scheme, truths)),
        left_out=corpus.left_out,
    )


def _remarks(
    card: ModelCard, request: Request, scheme: Scheme, truths: Sequence[tuple[Clip, int | None]]
) -> Iterator[str]:
    """Yield remarks on what the metrics mean, beside those on the selection.

    Args:
        card: card of the model.
        request: what is asked for.
        scheme: the classes.
        truths: the selected clips, each with the index of its class; None for none.
    """
    if request.early_s:
        yield f"scored is the early estimate of each utterance, after {request.early_s:g} s of speech"
    if without := [clip.emotion for clip, truth in truths if truth is None]:
        emotions = ", ".join(sorted(set(without)))
        yield f"{len(without)} clips without a class ({emotions}) are not scored"
    if dropped := scheme.dropped(card.labels):
        yield f"the probability of {', '.join(dropped)} is distributed among the classes"
    if request.has_noise and card.training.get("noise"):
        yield (
            "the model was trained on recordings of noise, perhaps on those that are mixed in here;"
            " other noise may cost more"
        )
    if len({clip.actor for clip, truth in truths if truth is not None}) == 1:
        yield "a single actor: the metrics do not show how well the model recognizes others"


def evaluate_model(
    plan: EvaluationPlan,
    *,
    seed: int,
    noise: NoiseSettings | None = None,
    command: str = "",
    progress: Callable[[], None] = lambda: None,
    n_orders: int = 0,
) -> Evaluation:
    """Score a model on every clip.

    Args:
        plan: model, clips and classes.
        seed: seed of noise, orders and resamples.
        noise: noise of further passes; None for none.
        command: the command, for the report.
        progress: called after each clip.
        n_orders: orders of the clips for speaker adaptation; 0 for none.

    Raises:
        CorpusError: no clip could be read.
    """
    (predictions,) = predict(
        [plan.model_path],
        plan.clips,
        plan.scheme,
        PipelineSettings(),
        noise,
        progress,
        early_s=plan.request.early_s,
    )

    def counted(passed: tuple[Prediction, ...]) -> PassMetrics:
        return pass_metrics(passed, plan.scheme.classes, seed=seed)

    classes = plan.scheme.classes
    (adapted,) = predict_adapted(
        [plan.model_path], plan.clips, plan.scheme, n_orders=n_orders, seed=seed
    )
    return Evaluation(
        plan=plan,
        seed=seed,
        predictions=predictions,
        clean=counted(predictions.clean),
        noisy={snr: counted(passed) for snr, passed in predictions.noisy.items()},
        adapted=tuple(
            score([each.truth for each in passed], [each.decision for each in passed], classes)
            for passed in adapted
        ),
        bank=noise.bank if noise else None,
        command=command,
    )
